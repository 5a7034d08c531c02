"""Commands that run and look after an installation."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from bj_pipeline.commands.printing import print_frame
from bj_pipeline.counted import counted
from bj_pipeline.errors import ConfigurationError, PipelineError


@click.group("alerts")
def alert_group() -> None:
    """Messages about failures, late and finished issues (BJ_ALERT_URLS)."""


@alert_group.command("test")
def try_alerts() -> None:
    """Send a test message to every address, and say which ones took it.

    Addresses are Apprise URLs in BJ_ALERT_URLS, or one a line in the file BJ_ALERT_URLS_FILE. They
    hold secrets and are never printed. Exit code 1 if one did not take the message.
    """
    from bj_pipeline.automation import alerts, notify  # noqa: PLC0415 - slow, only here
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    receivers = notify.targets(settings)
    if not receivers:
        raise ConfigurationError("No address is set: give Apprise URLs in BJ_ALERT_URLS.")
    failed = 0
    for receiver in receivers:
        reason = notify.send(receiver, alerts.trial(settings.ui_url))
        failed += bool(reason)
        click.echo(f"{receiver.label}: {f'not sent ({reason})' if reason else 'sent'}")
    if failed:
        raise PipelineError(f"{failed} of {len(receivers)} addresses did not take the message.")


@click.command()
@click.option("--online", is_flag=True, help="Also try the vendors' network.")
def doctor(*, online: bool) -> None:
    """Tell what is configured, reachable and fresh, and what to do. Exit code 1 if anything fails.

    Looks at sources, folders, database, landing, inbox, curated files, font, calendar, issues,
    daemon and schedule; changes nothing, and prints no secret.
    """
    from datetime import UTC, datetime  # noqa: PLC0415

    from bj_pipeline.automation.doctor import FAIL, diagnose, table  # noqa: PLC0415
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    findings = diagnose(load_settings(), datetime.now(UTC), online=online)
    click.echo(table(findings))
    failed = [one.subject for one in findings if one.level == FAIL]
    if failed:
        raise PipelineError(f"Not in order: {', '.join(failed)}.")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=3000,
    show_default=True,
    help="Port to listen on.",
)
def dev(host: str, port: int) -> None:
    """Open the Dagster UI, with its daemon, on this machine."""
    from bj_pipeline.automation.home import (  # noqa: PLC0415
        dagster_environment,
        hold_alone,
        workspace_arguments,
    )
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    environment = os.environ | dagster_environment(load_settings())
    hold_alone(Path(environment["DAGSTER_HOME"]))
    _refuse_taken(host, port)
    # Its successor, `dg dev`, wants a project of another shape.
    environment.setdefault("PYTHONWARNINGS", "ignore:Function `dev_command` is superseded")
    click.echo(f"The Dagster UI opens at http://{host}:{port} (stop it with Ctrl+C).")
    arguments = ["dev", "--host", host, "--port", str(port), *workspace_arguments()]
    # Dagster tells every look at the queue; what goes wrong is told all the same.
    arguments += ["--log-level", "warning", "--code-server-log-level", "error"]
    _become("dagster", arguments, environment)


@click.command()
@click.option(
    "--runs",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many issues this worker builds at a time; each takes a core.",
)
@click.option("--name", help="Its name among the workers of this machine. Default: made up.")
def worker(runs: int, name: str | None) -> None:
    """Build the runs that come through the broker (BJ_CELERY_BROKER); stop it with Ctrl+C.

    Start one on each machine. It ends what it is building before it stops.
    """
    from bj_pipeline.automation.home import dagster_environment  # noqa: PLC0415
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    if not settings.celery_broker.get_secret_value():
        raise ConfigurationError("A worker needs the broker's address: set BJ_CELERY_BROKER.")
    environment = os.environ | dagster_environment(settings)
    # By its name a worker is asked how a run is.
    address = f"{name or f'bj-{os.getpid()}'}@%h"
    arguments = ["--app", "bj_pipeline.automation.worker", "worker", "--hostname", address]
    arguments += ["--concurrency", str(runs), "--loglevel", "INFO"]
    _become("celery", arguments, environment)


def _refuse_taken(host: str, port: int) -> None:
    """Refuse an address where nothing can listen: Dagster would go on without its UI."""
    import socket  # noqa: PLC0415 - only here

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise ConfigurationError(
            f"Nothing can listen at {host}:{port} ({error.strerror}). If another Dagster UI is "
            "there, or was left when its program was killed, end that; else choose another address "
            "with --host and --port."
        ) from error


def _become(module: str, arguments: list[str], environment: Mapping[str, str]) -> NoReturn:
    """Go on as the program of a package: by its module, for its script may lie anywhere."""
    # A script's background job ignores Ctrl+C, and Dagster takes SIGTERM for the same: nothing
    # would stop it but force, which leaves its daemon behind.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Without -P a folder of that name, where the command is called, would be run instead.
    command = [sys.executable, "-P", "-m", module, *arguments]
    os.execve(sys.executable, command, environment)  # noqa: S606 - our own program, no shell


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would change, with the SQL.")
def migrate(*, dry_run: bool) -> None:
    """Bring the warehouse's tables to this version of the program; take a backup first.

    All of it happens in one transaction, or nothing. A dry run does the same and takes it back, so
    it also tells whether the change would succeed.
    """
    from bj_pipeline.settings import load_settings  # noqa: PLC0415
    from bj_pipeline.warehouse.address import shown  # noqa: PLC0415
    from bj_pipeline.warehouse.migrate import SCHEMA  # noqa: PLC0415
    from bj_pipeline.warehouse.store import connect  # noqa: PLC0415

    engine = connect(load_settings().warehouse_url)
    done = SCHEMA.upgrade(engine, keep=not dry_run)
    place = f"The warehouse {shown(engine.url)}"
    if done.current == done.target:
        click.echo(f"{place} has revision {done.target}: nothing to do.")
        return
    step = f"from {f'revision {done.current}' if done.current else 'no tables'} to {done.target}"
    if dry_run:
        click.echo("".join(f"{statement};\n\n" for statement in done.statements), nl=False)
    for change in done.changes:
        click.echo(f"  {change}")
    told = "would go {}. Nothing was changed." if dry_run else "went {}."
    click.echo(f"{place} {told.format(step)}")


@click.command()
@click.option(
    "--to",
    "target",
    required=True,
    metavar="URL",
    help="Where to, such as postgresql://user@host:5432/name. Rather than in the command, where "
    "other users of this machine can see it, give the password in PGPASSWORD or ~/.pgpass.",
)
def transfer(target: str) -> None:
    """Copy the warehouse into another, empty database, and verify every table.

    From SQLite to PostgreSQL, or back. All of it happens in one transaction, or nothing.
    """
    from bj_pipeline.settings import load_settings  # noqa: PLC0415
    from bj_pipeline.warehouse.address import shown  # noqa: PLC0415
    from bj_pipeline.warehouse.store import connect  # noqa: PLC0415
    from bj_pipeline.warehouse.transfer import transfer as copy  # noqa: PLC0415

    source, destination = connect(load_settings().warehouse_url), connect(target)
    rows = 0
    for copied in copy(source, destination):
        click.echo(f"{copied.table:<26}{copied.rows:>10,} rows, the same in both")
        rows += copied.rows
    click.echo(
        f"{counted(rows, 'row')} copied to {shown(destination.url)}. Set BJ_DATABASE_URL to it to "
        f"work there from now on; {shown(source.url)} was left as it is."
    )


@click.command()
@click.option(
    "--to",
    "target",
    required=True,
    metavar="FOLDER",
    help="A new folder, best on another disk, or a URL such as s3://bucket/backup.",
)
def backup(target: str) -> None:
    """Copy the warehouse, the landing and every finished file into a new folder, and verify it.

    The warehouse lies in it as one SQLite file, whatever database it came from. Dagster's history
    is not part of it, nor are the curated files, which are under version control.
    """
    from bj_pipeline.automation import backup as backups  # noqa: PLC0415 - imports pandas
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    with _counting_bar("Backup") as tell:
        folder = _named_place(target, "--to")
        done = backups.backup(load_settings(), folder, tell)
    click.echo(f"{_told_backup(done.manifest)}, are in {folder}, read again and whole.")
    if done.problems:
        told = "\n".join(f"  {problem}" for problem in done.problems)
        raise PipelineError(
            "The backup holds what there was, but files were damaged before, or a run has replaced "
            f"them meanwhile:\n{told}\nBuild the issues of damaged reports again, and take another "
            "backup."
        )


@click.command()
@click.option(
    "--from",
    "folder",
    required=True,
    metavar="FOLDER",
    help="Folder or URL that `bj-pipeline backup` wrote.",
)
def restore(folder: str) -> None:
    """Bring a backup back into an empty BJ_HOME (or PostgreSQL): all of it, or nothing.

    Every file is compared with its SHA-256 before anything is touched, and again afterwards.
    """
    from bj_pipeline.automation import backup as backups  # noqa: PLC0415 - imports pandas
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    with _counting_bar("Restore") as tell:
        manifest = backups.restore(settings, _named_place(folder, "--from"), tell)
    click.echo(
        f"{_told_backup(manifest)}, from the backup of {manifest.made_at:%Y-%m-%d %H:%M} UTC, are "
        f"in {settings.home.absolute()} again; files, rows and data versions are those that were "
        "backed up."
    )


def _named_place(text: str, option: str) -> Any:
    """The folder or the URL that an option names."""
    from bj_pipeline.storage import place  # noqa: PLC0415 - as above

    try:
        return place(text, option)
    except ValueError as error:
        raise ConfigurationError(f"{option}: {error}") from error


def _told_backup(manifest: Any) -> str:
    return (
        f"{counted(len(manifest.data_versions), 'issue')}, "
        f"{counted(sum(manifest.rows.values()), 'row')} and "
        f"{counted(len(manifest.files), 'file')} ({manifest.bytes / 1e6:.1f} MB)"
    )


@click.command()
@click.option(
    "--days",
    type=click.IntRange(min=1),
    required=True,
    help="What is younger than so many days stays.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def retention(days: int, *, dry_run: bool) -> None:
    """Remove old Dagster runs, and vendors' landed answers that no issue and no report names.

    The newest run of each issue stays, and whichever run last built or checked something of it. So
    do artifacts, published files, and files that people brought.
    """
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415

    from bj_pipeline.automation.retention import remove  # noqa: PLC0415 - imports Dagster
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    before = datetime.now(UTC) - timedelta(days=days)
    done = remove(load_settings(), before, keep=dry_run)
    told = "would be removed" if dry_run else "were removed"
    click.echo(
        f"Older than {counted(days, 'day')} and needed no more: {done.runs} of "
        f"{counted(done.all_runs, 'run')} and {counted(done.landed, 'landed answer')} "
        f"({done.landed_bytes / 1e6:.1f} MB) {told}."
    )
    if done.forms:
        click.echo(
            f"Built again since, in the object store: {counted(done.forms, 'report file')} "
            f"({done.form_bytes / 1e6:.1f} MB) {told}."
        )


@click.command()
def disk() -> None:
    """Print how much space each part of BJ_HOME takes: in all, and for an issue on average."""
    from bj_pipeline.automation.disk import usage  # noqa: PLC0415 - imports pandas
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    print_frame(usage(load_settings()), "table", limit=None)


@contextmanager
def _counting_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar that is told how many steps are done, and of how many."""
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def tell(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield tell
