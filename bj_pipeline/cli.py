"""The command line: ``bj-pipeline``.

Commands only read their arguments, call the rooms that do the work, and print. Imports of Dagster
and pandas stand inside the commands, so that ``--help`` answers at once.
"""

import os
import sys
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
    warehouse, 5 stopped by a check, 6 bad input.
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


@main.group(invoke_without_command=True)
@click.pass_context
def issues(context: click.Context) -> None:
    """List the issues: number, week, sessions, base date, close date, state."""
    if context.invoked_subcommand is None:
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
