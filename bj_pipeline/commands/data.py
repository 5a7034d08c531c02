"""Commands that show what is stored, and start what analysts write."""

from typing import Any

import click

from bj_pipeline.commands.printing import TABLE_LIMIT, print_frame
from bj_pipeline.counted import counted
from bj_pipeline.errors import ConfigurationError, MissingDataError, PipelineError


@click.group()
def landing() -> None:
    """What vendors sent, as it came."""


@landing.command("list")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table")
def list_landing(form: str) -> None:
    """List everything that has landed, the newest first."""
    print_frame(_landing().entries(), form, limit=TABLE_LIMIT)


@landing.command()
def verify() -> None:
    """Read every landed file and compare it with its SHA-256."""
    zone = _landing()
    problems = zone.verify()
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise PipelineError(f"Not as it came: {counted(len(problems), 'landed file')}.")
    click.echo(f"All as it came: {counted(zone.entries()['sha256'].nunique(), 'landed file')}.")


def _landing() -> Any:
    from bj_pipeline.settings import load_settings  # noqa: PLC0415
    from bj_pipeline.sources.landing import Landing  # noqa: PLC0415
    from bj_pipeline.warehouse.store import Warehouse  # noqa: PLC0415

    settings = load_settings()
    return Landing(settings.landing, Warehouse(settings.warehouse_url))


@click.group()
def inbox() -> None:
    """Vendors' files that somebody put into BJ_HOME/inbox."""


@inbox.command("list")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table")
def list_inbox(form: str) -> None:
    """List the files that came through the inbox and are read, the newest first."""
    import pandas as pd  # noqa: PLC0415 - slow, only here

    from bj_pipeline.sources.inbox import arrivals, in_force  # noqa: PLC0415

    rows = [
        {
            "file": file.name,
            "issues": ", ".join(map(str, sorted(file.issues | file.base_for))) or "every issue",
            "tables": ", ".join(sorted(file.feeds)),
            "arrived": f"{file.at:%Y-%m-%d %H:%M} UTC",
            "sha256": file.sha256[:12],
        }
        for file in in_force(arrivals(_landing()))
    ]
    columns = ["file", "issues", "tables", "arrived", "sha256"]
    print_frame(pd.DataFrame(rows, columns=columns), form, limit=TABLE_LIMIT)


@inbox.command()
@click.argument("name")
@click.option("--issue", type=int, help="Only the file that this issue reads.")
def withdraw(name: str, issue: int | None) -> None:
    """Let no issue read the file NAME any more; the issues that did are built again.

    Nothing is deleted: the landing keeps what came. Put the file into the inbox again to bring it
    back.
    """
    from bj_pipeline.sources.inbox import withdraw as withdraw_file  # noqa: PLC0415

    file = withdraw_file(_landing(), name, issue)
    issues = ", ".join(map(str, sorted(file.issues | file.base_for))) or "every issue"
    click.echo(f"{name} ({file.sha256[:12]}, {issues}) is read no more.")


@click.command("new-topic")
@click.option("--issue", type=int, required=True, help="Number of the issue.")
def new_topic(issue: int) -> None:
    """Start the topic page of an issue from a template."""
    from bj_pipeline.issues import by_number  # noqa: PLC0415
    from bj_pipeline.report import topic  # noqa: PLC0415
    from bj_pipeline.report.analyst_file import folder_of  # noqa: PLC0415
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    folder = folder_of(by_number(issue), load_settings().content / "issues")
    for path in topic.new_topic(folder):
        click.echo(path)


@click.group("ai-chain")
def ai_chain() -> None:
    """Proposals for the AI chain; nothing of them enters a report by itself."""


@ai_chain.command()
def propose() -> None:
    """Propose segments for companies outside the chain, with reasons and how to accept one."""
    from bj_pipeline.classification.review import how_to_accept, open_proposals  # noqa: PLC0415
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    folder = load_settings().reference
    proposed = open_proposals(folder)
    print_frame(proposed, "table", limit=None)
    click.echo(how_to_accept(folder, proposed))


@click.command()
@click.argument("table")
@click.option("--issue", type=int, help="Number of the issue; without it, every issue.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How to print it. csv and json are complete; money is yuan, changes are fractions. "
    "In csv an apostrophe stands before a text that a spreadsheet would take for a formula.",
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
    warehouse = Warehouse(load_settings().warehouse_url)
    if issue is None and tables.has_versions(table):
        frame = warehouse.read_all(table)
    else:
        frame = warehouse.read(table, issue)
    if issue is not None:
        if frame.empty and not tables.has_versions(table):
            raise MissingDataError(f"The table {table} holds nothing of issue {issue}.")
        frame.insert(0, "issue", issue)
    print_frame(frame, form, limit=TABLE_LIMIT)
