"""The command line: ``bj-pipeline``.

Commands only read their arguments, call the rooms that do the work, and print. Imports of Dagster
and pandas stand inside the commands, so that ``--help`` answers at once.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import click

from bj_pipeline.errors import ConfigurationError, MissingDataError, PipelineError

_TABLE_LIMIT = 60


class _Commands(click.Group):
    """Turns the pipeline's errors into one message and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PipelineError as error:
            click.secho(f"Error: {error}", fg="red", err=True)
            ctx.exit(error.exit_code)


@click.group(cls=_Commands)
@click.version_option(package_name="bj-pipeline")
def main() -> None:
    """The weekly report on the Beijing Stock Exchange, from vendor data to the finished PDF.

    Settings come from the environment (BJ_HOME, BJ_SOURCE, BJ_INPUT, …). Exit codes: 0 done,
    1 failed, 2 wrong settings or arguments, 3 the week has not closed, 4 data not in the
    warehouse, 5 stopped by a check, 6 bad input, 7 a vendor cannot be reached, 8 a vendor does not
    have the data yet, 9 the database is of another version, 10 the sign-off does not fit.
    """


@main.command()
@click.option("--issue", type=int, required=True, help="Number of the issue, such as 65.")
@click.option(
    "--source",
    help="Where data comes from: sample, files, akshare, tushare, landing (what was landed when "
    "the issue was last built), or a profile (.yaml). Default: BJ_SOURCE, or the sample.",
)
@click.option(
    "--input",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of vendor files, for --source files. Default: BJ_INPUT.",
)
@click.option(
    "--history",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Also compute the sector figures of so many earlier issues that are missing, so that "
    "trend charts are complete.",
)
def run(issue: int, source: str | None, folder: Path | None, history: int) -> None:
    """Build one issue: read the source, check it, compute, write the report.

    The report lies in BJ_HOME/artifacts/issue-NNN/ as report.html, report.pdf and manifest.json.
    """
    from bj_pipeline.automation.local import Runner  # noqa: PLC0415 - imports Dagster
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    runner = Runner(
        settings=settings,
        source=source or ("files" if folder else settings.source),
        folder=folder or settings.input,
    )
    runner.build_history(issue, history)
    click.echo(runner.build(issue))


@main.command()
@click.argument("numbers", metavar="ISSUES")
@click.option("--source", help="As for run.")
@click.option(
    "--input",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="As for run.",
)
@click.option("--jobs", type=click.IntRange(1, 16), default=1, show_default=True, help="Processes.")
@click.option("--only-failed", is_flag=True, help="Only issues whose newest run failed.")
@click.option("--again", is_flag=True, help="Also issues that are built already.")
def backfill(
    numbers: str,
    source: str | None,
    folder: Path | None,
    jobs: int,
    *,
    only_failed: bool,
    again: bool,
) -> None:
    """Build many issues, such as 1-65 or 1,4,10-12; goes on where it stopped.

    Each issue is a run of its own; one that fails does not stop the others. Exit code 1 if any
    failed.
    """
    from bj_pipeline.automation import backfill as history  # noqa: PLC0415 - imports Dagster
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    order = history.Order(
        settings, source or ("files" if folder else settings.source), folder or settings.input
    )
    asked = history.parse_numbers(numbers)
    wanted, skipped = history.choose(settings, asked, only_failed=only_failed, again=again)
    summary = history.Summary(skipped=skipped)
    with click.progressbar(length=len(wanted), label="Issues", file=sys.stderr) as bar:
        for done in history.run(order, wanted, jobs):
            bar.update(1)
            if done.error:
                summary.failed[done.number] = done.error
            else:
                summary.built.append(done.number)
    for done in history.complete_trends(order, summary.built):
        if done.error:
            summary.failed[done.number] = done.error
    click.echo(summary.text())
    if summary.failed:
        raise PipelineError("Some issues were not built; go on with --only-failed.")


@main.group(invoke_without_command=True)
@click.option(
    "--wrong",
    is_flag=True,
    help="Only issues that are missing, failed, stale or blocked by a check: why, and what to do.",
)
@click.pass_context
def issues(context: click.Context, *, wrong: bool) -> None:
    """List the issues: number, week, sessions, base date, close date, state."""
    if context.invoked_subcommand is None and wrong:
        from bj_pipeline.automation.inventory import told  # noqa: PLC0415 - imports Dagster
        from bj_pipeline.settings import load_settings  # noqa: PLC0415

        click.echo(told(load_settings()))
    elif context.invoked_subcommand is None:
        from bj_pipeline.automation.state import issue_states  # noqa: PLC0415
        from bj_pipeline.settings import load_settings  # noqa: PLC0415

        _print_frame(issue_states(load_settings()), "table", limit=None)


@issues.command()
def extend() -> None:
    """Append the issues that the exchange's calendar knows and reference/issues.csv does not."""
    from bj_pipeline import issues as issue_list  # noqa: PLC0415

    added = issue_list.extend()
    last = issue_list.load()[-1]
    click.echo(
        f"{added} issues added. The list ends with issue {last.number} ({last.close_date}), "
        "the calendar's horizon."
    )


@main.group()
def landing() -> None:
    """What vendors sent, as it came."""


@landing.command("list")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table")
def list_landing(form: str) -> None:
    """List everything that has landed, the newest first."""
    _print_frame(_landing().entries(), form, limit=_TABLE_LIMIT)


@landing.command()
def verify() -> None:
    """Read every landed file and compare it with its SHA-256."""
    zone = _landing()
    problems = zone.verify()
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise PipelineError(f"{len(problems)} landed files are not as they came.")
    click.echo(f"{zone.entries()['sha256'].nunique()} landed files are as they came.")


def _landing() -> Any:
    from bj_pipeline.settings import load_settings  # noqa: PLC0415
    from bj_pipeline.sources.landing import Landing  # noqa: PLC0415
    from bj_pipeline.warehouse.store import Warehouse  # noqa: PLC0415

    settings = load_settings()
    return Landing(settings.landing, Warehouse(settings.warehouse_url))


@main.command()
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the site. Default: BJ_HOME/site.",
)
def site(folder: Path | None) -> None:
    """Build the static site of the series.

    It shows approved issues, with the files that were approved; with BJ_PUBLISH_DRAFTS=true every
    issue in the warehouse.
    """
    from bj_pipeline.automation.signoff import approved_issues  # noqa: PLC0415
    from bj_pipeline.report.house import load_house  # noqa: PLC0415
    from bj_pipeline.settings import load_settings  # noqa: PLC0415
    from bj_pipeline.site.build import build_site  # noqa: PLC0415
    from bj_pipeline.warehouse.store import Warehouse  # noqa: PLC0415

    settings = load_settings()
    warehouse = Warehouse(settings.warehouse_url)
    approved = list(approved_issues(warehouse))
    if not approved and not settings.publish_drafts:
        raise MissingDataError(
            "No issue is approved. Approve one with `bj-pipeline approve N --by NAME`, or show "
            "drafts with BJ_PUBLISH_DRAFTS=true."
        )
    done = build_site(
        warehouse,
        settings,
        load_house(settings.content / "house.yaml"),
        folder or settings.home / "site",
        issues=None if settings.publish_drafts else approved,
        forms=settings.artifacts if settings.publish_drafts else settings.published,
    )
    click.echo(
        f"{done.pages} pages on {done.issues} issues and {done.companies} companies "
        f"({done.page_bytes / 1e6:.1f} MB, {done.forms} report files) in {done.seconds:.1f} s:\n"
        f"  {done.folder / 'index.html'}"
    )


@main.command()
@click.argument("issue", type=int)
@click.option("--by", required=True, help="Who approves.")
@click.option("--note", default="", help="What to remember about it.")
def approve(issue: int, by: str, note: str) -> None:
    """Sign off an ISSUE as it was built, and publish it.

    The files go to BJ_HOME/published/issue-NNN/; former revisions stay in revision-N/ below it.
    """
    from bj_pipeline.automation import signoff  # noqa: PLC0415 - imports pandas
    from bj_pipeline.issues import by_number  # noqa: PLC0415
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    entry = signoff.approve(settings, issue, by, note)
    folder = settings.published / by_number(issue).folder
    click.echo(f"Issue {issue}, revision {entry.revision}, is approved and published:")
    for name in entry.hashes:
        click.echo(f"  {folder / name}")


@main.command()
@click.argument("issue", type=int)
@click.option("--by", required=True, help="Who withdraws.")
@click.option("--why", required=True, help="For the record; readers do not see it.")
def withdraw(issue: int, by: str, why: str) -> None:
    """Take an approved ISSUE out of BJ_HOME/published and keep it in BJ_HOME/withdrawn."""
    from bj_pipeline.automation import signoff  # noqa: PLC0415 - imports pandas
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    entry = signoff.withdraw(load_settings(), issue, by, why)
    click.echo(
        f"Issue {issue}, revision {entry.revision}, is withdrawn. What is built from now on is "
        f"revision {entry.revision + 1}."
    )


@main.command()
@click.argument("issue", type=int)
def diff(issue: int) -> None:
    """List what an ISSUE as built changes against the revision that it replaces."""
    from bj_pipeline.automation import signoff  # noqa: PLC0415 - imports pandas
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    click.echo(signoff.told(issue, signoff.difference(load_settings(), issue)))


@main.command("new-topic")
@click.option("--issue", type=int, required=True, help="Number of the issue.")
def new_topic(issue: int) -> None:
    """Start the topic page of an issue from a template."""
    from bj_pipeline.issues import by_number  # noqa: PLC0415
    from bj_pipeline.report import topic  # noqa: PLC0415
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    folder = topic.folder_of(by_number(issue), load_settings().content / "issues")
    for path in topic.new_topic(folder):
        click.echo(path)


@main.group("alerts")
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


@main.group("ai-chain")
def ai_chain() -> None:
    """Proposals for the AI chain; nothing of them enters a report by itself."""


@ai_chain.command()
def propose() -> None:
    """Propose segments for companies outside the chain, with reasons and how to accept one."""
    from bj_pipeline.classification.review import how_to_accept, open_proposals  # noqa: PLC0415
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    folder = load_settings().reference
    proposed = open_proposals(folder)
    _print_frame(proposed, "table", limit=None)
    click.echo(how_to_accept(folder, proposed))


@main.command()
@click.argument("table")
@click.option("--issue", type=int, help="Number of the issue; without it, every issue.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How to print it. csv and json are complete; money is yuan, changes are fractions.",
)
@click.option("--columns", is_flag=True, help="Print what the columns mean instead of rows.")
def show(table: str, issue: int | None, form: str, *, columns: bool) -> None:
    """Print a TABLE of the warehouse, such as company_metrics."""
    from bj_pipeline.settings import load_settings  # noqa: PLC0415
    from bj_pipeline.warehouse import tables  # noqa: PLC0415
    from bj_pipeline.warehouse.store import Warehouse  # noqa: PLC0415

    if table not in tables.METADATA.tables:
        names = ", ".join(sorted(tables.METADATA.tables))
        raise ConfigurationError(f"There is no table {table!r}. The tables are: {names}.")
    if columns:
        for column in tables.table(table).columns:
            click.echo(f"{column.name:<24} {column.comment}")
        return
    if issue is not None and "issue" not in tables.table(table).columns:
        raise ConfigurationError(f"The table {table} is not kept by issue: leave out --issue.")
    frame = Warehouse(load_settings().warehouse_url).read(table, issue)
    if issue is not None:
        if frame.empty and not tables.has_versions(table):
            raise MissingDataError(f"The table {table} holds nothing of issue {issue}.")
        frame.insert(0, "issue", issue)
    _print_frame(frame, form, limit=_TABLE_LIMIT)


@main.command()
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


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=int, default=3000, show_default=True, help="Port to listen on.")
def dev(host: str, port: int) -> None:
    """Open the Dagster UI, with its daemon, on this machine."""
    from bj_pipeline.automation.home import dagster_environment, workspace_arguments  # noqa: PLC0415
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    environment = os.environ | dagster_environment(load_settings())
    click.echo(f"The Dagster UI opens at http://{host}:{port} (stop it with Ctrl+C).")
    program = str(Path(sys.executable).parent / "dagster")
    arguments = [program, "dev", "--host", host, "--port", str(port), *workspace_arguments()]
    os.execve(program, arguments, environment)  # noqa: S606 - our own program, no shell


@main.command()
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


@main.command()
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
        f"{rows:,} rows were copied to {shown(destination.url)}. Set BJ_DATABASE_URL to it to work "
        f"there from now on; {shown(source.url)} was left as it is."
    )


@main.command()
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Path(path_type=Path),
    help="A new folder, best on another disk.",
)
def backup(target: Path) -> None:
    """Copy the warehouse, the landing and every finished file into a new folder, and verify it.

    The warehouse lies in it as one SQLite file, whatever database it came from. Dagster's history
    is not part of it, nor are the curated files, which are under version control.
    """
    from bj_pipeline.automation import backup as backups  # noqa: PLC0415 - imports pandas
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    with _counting_bar("Backup") as tell:
        done = backups.backup(load_settings(), target, tell)
    click.echo(f"{_told_backup(done.manifest)}, are in {target.absolute()}, read again and whole.")
    if done.problems:
        told = "\n".join(f"  {problem}" for problem in done.problems)
        raise PipelineError(
            f"The backup holds what there was, but the landing itself is damaged:\n{told}"
        )


@main.command()
@click.option(
    "--from",
    "folder",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder that `bj-pipeline backup` wrote.",
)
def restore(folder: Path) -> None:
    """Bring a backup back into an empty BJ_HOME (or PostgreSQL): all of it, or nothing.

    Every file is compared with its SHA-256 before anything is touched, and again afterwards.
    """
    from bj_pipeline.automation import backup as backups  # noqa: PLC0415 - imports pandas
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    with _counting_bar("Restore") as tell:
        manifest = backups.restore(settings, folder, tell)
    click.echo(
        f"{_told_backup(manifest)}, from the backup of {manifest.made_at:%Y-%m-%d %H:%M} UTC, are "
        f"in {settings.home.absolute()} again; files, rows and data versions are those that were "
        "backed up."
    )


def _told_backup(manifest: Any) -> str:
    return (
        f"{len(manifest.data_versions)} issues, {sum(manifest.rows.values()):,} rows and "
        f"{len(manifest.files)} files ({manifest.bytes / 1e6:.1f} MB)"
    )


@main.command()
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
        f"Older than {days} days and needed no more: {done.runs} of {done.all_runs} runs and "
        f"{done.landed} landed answers ({done.landed_bytes / 1e6:.1f} MB) {told}."
    )


@main.command()
def disk() -> None:
    """Print how much space each part of BJ_HOME takes: in all, and for an issue on average."""
    from bj_pipeline.automation.disk import usage  # noqa: PLC0415 - imports pandas
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    _print_frame(usage(load_settings()), "table", limit=None)


@contextmanager
def _counting_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar that is told how many steps are done, and of how many."""
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def tell(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield tell


def _print_frame(frame: Any, form: str, limit: int | None) -> None:
    if form == "csv":
        click.echo(frame.to_csv(index=False, lineterminator="\n"), nl=False)
    elif form == "json":
        plain = frame.map(lambda value: value.isoformat() if isinstance(value, date) else value)
        text = plain.to_json(orient="records", force_ascii=False, double_precision=15, indent=1)
        click.echo(text)
    else:
        from tabulate import tabulate  # noqa: PLC0415

        shown = frame if limit is None else frame.head(limit)
        plain = shown.astype(object).where(shown.notna(), "")
        click.echo(tabulate(plain, headers="keys", showindex=False, floatfmt=".6g"))
        if len(shown) < len(frame):
            click.echo(f"… {len(frame) - len(shown)} more rows; --format csv prints them all.")
