"""Where Dagster keeps its own things, and how its programs find them."""

import fcntl
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock

from bj_pipeline import folders, outages
from bj_pipeline.errors import ConfigurationError
from bj_pipeline.settings import PACKAGE, Settings
from bj_pipeline.warehouse import address

_PROJECT = PACKAGE.parent
_INSTANCE_SETTINGS = {
    (False, False): "dagster.yaml",
    (True, False): "deploy/dagster.postgres.yaml",
    (True, True): "deploy/dagster.celery.yaml",
}
"""By whether the database is shared, and whether there are workers."""
_DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
"""Dagster's own, where they do not lie in PostgreSQL."""


def dagster_environment(settings: Settings) -> dict[str, str]:
    """Environment for Dagster's programs: its home, set up with the project's ``dagster.yaml``.

    Where the warehouse lies in PostgreSQL, Dagster's own storage lies there too; with a broker,
    runs go to Celery workers. An own DAGSTER_HOME of the installation wins.

    Raises:
        ConfigurationError: DAGSTER_HOME is no folder, what PostgreSQL or Celery needs is not
            installed, or workers on several machines are to share a SQLite file.
    """
    shared = address.is_postgresql(settings.database_url)
    has_workers = bool(settings.celery_broker.get_secret_value())
    if has_workers and not shared:
        raise ConfigurationError(
            "Celery workers (BJ_CELERY_BROKER) need a database that they all reach: set "
            "BJ_DATABASE_URL to one of PostgreSQL."
        )
    given = os.environ.get("DAGSTER_HOME")
    home = Path(given) if given else settings.dagster_home
    if given and not home.is_dir():
        raise ConfigurationError(
            f"DAGSTER_HOME is {home}, which is no folder: make it, or unset it, and Dagster's own "
            "things lie in BJ_HOME."
        )
    if not given:
        instance_settings = _INSTANCE_SETTINGS[shared, has_workers]
        _prepare(home, _PROJECT / instance_settings, has_databases=not shared)
    for name in _DATABASES:
        outages.refuse_damaged_history(home / name)
    environment = {
        "DAGSTER_HOME": str(home.absolute()),
        "BJ_HOME": str(settings.home.absolute()),
        "DAGSTER_DISABLE_TELEMETRY": "true",
        # Declarative automation looks at events up to one moment, and not at some beyond it: an
        # asset that a run is just building would pass for a change that nobody follows.
        "DAGSTER_AUTOMATION_TICK_SETTLE_SECONDS": "1",
    }
    if shared:
        if find_spec("dagster_postgres") is None:
            raise ConfigurationError(
                "Dagster's storage for PostgreSQL is not installed: "
                "pip install 'bj-pipeline[postgres]'."
            )
        environment["BJ_DATABASE_URL"] = address.for_dagster(settings.database_url)
    if has_workers and find_spec("dagster_celery") is None:
        raise ConfigurationError("Celery is not installed: pip install 'bj-pipeline[celery]'.")
    return environment


def hold_alone(dagster_home: Path) -> None:
    """Hold a home for this program and for the one that it becomes, until that ends.

    Two daemons would each take the other's ticks for its own.

    Raises:
        ConfigurationError: Another program holds it.
    """
    held = os.open(dagster_home / "dev.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise ConfigurationError(
            f"A Dagster UI with its daemon works in {dagster_home} already: open that, or stop it, "
            "or set BJ_HOME to another place."
        ) from None
    os.set_inheritable(held, True)  # noqa: FBT003 - its only form


def _prepare(home: Path, instance_settings: Path, *, has_databases: bool) -> None:
    """Make Dagster's home in one move, and keep its settings those of the project.

    Dagster makes its SQLite databases statement by statement: two programs that start together in
    a new home trip over each other, and one that is killed meanwhile leaves half a schema.
    """
    folders.make(home.parent)
    with FileLock(home.with_suffix(".lock")):
        place = home
        if not home.exists():
            place = home.with_suffix(".new")
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
        _copy_if_changed(instance_settings, place / "dagster.yaml")
        if place != home:
            if has_databases:
                _make_databases(place)
            place.rename(home)


def _copy_if_changed(source: Path, target: Path) -> None:
    if not source.is_file() or (target.is_file() and target.read_bytes() == source.read_bytes()):
        return
    aside = target.with_suffix(".new")
    aside.write_bytes(source.read_bytes())
    aside.replace(target)


def _make_databases(home: Path) -> None:
    import dagster as dg  # noqa: PLC0415 - only a new home needs it

    with dg.DagsterInstance.from_config(str(home)) as instance:
        # Each is made when it is first asked for.
        _ = instance.run_storage, instance.event_log_storage, instance.schedule_storage


def workspace_arguments() -> list[str]:
    """Arguments by which Dagster's programs find the code."""
    workspace = _PROJECT / "workspace.yaml"
    if workspace.is_file():
        return ["--workspace", str(workspace)]
    return ["--module-name", "bj_pipeline.definitions"]
