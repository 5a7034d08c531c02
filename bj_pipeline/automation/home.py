"""Where Dagster keeps its own things, and how its programs find them."""

import os
from importlib.util import find_spec
from pathlib import Path

from bj_pipeline.errors import ConfigurationError
from bj_pipeline.settings import PACKAGE, Settings
from bj_pipeline.warehouse import address

_PROJECT = PACKAGE.parent


def dagster_environment(settings: Settings) -> dict[str, str]:
    """Environment for Dagster's programs: its home, set up with the project's ``dagster.yaml``.

    Where the warehouse lies in PostgreSQL, Dagster's own storage lies there too. An own
    DAGSTER_HOME of the installation wins.

    Raises:
        ConfigurationError: What PostgreSQL needs is not installed.
    """
    shared = address.is_postgresql(settings.database_url)
    given = os.environ.get("DAGSTER_HOME")
    home = Path(given) if given else settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    instance_settings = _PROJECT / ("deploy/dagster.postgres.yaml" if shared else "dagster.yaml")
    if not given and instance_settings.is_file():
        (home / "dagster.yaml").write_bytes(instance_settings.read_bytes())
    environment = {
        "DAGSTER_HOME": str(home.absolute()),
        "BJ_HOME": str(settings.home.absolute()),
        "DAGSTER_DISABLE_TELEMETRY": "true",
    }
    if shared:
        if find_spec("dagster_postgres") is None:
            raise ConfigurationError(
                "Dagster's storage for PostgreSQL is not installed: "
                "pip install 'bj-pipeline[postgres]'."
            )
        environment["BJ_DATABASE_URL"] = address.for_dagster(settings.database_url)
    return environment


def workspace_arguments() -> list[str]:
    """Arguments by which Dagster's programs find the code."""
    workspace = _PROJECT / "workspace.yaml"
    if workspace.is_file():
        return ["--workspace", str(workspace)]
    return ["--module-name", "bj_pipeline.definitions"]
