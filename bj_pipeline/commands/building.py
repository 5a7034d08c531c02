"""Commands that build issues and say in what state they are."""

import sys
from pathlib import Path

import click

from bj_pipeline.automation import collecting
from bj_pipeline.commands.printing import print_frame
from bj_pipeline.counted import counted
from bj_pipeline.errors import PipelineError


@click.command()
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
    collecting.rarely()
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


@click.command()
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
    collecting.rarely()
    from bj_pipeline.automation import backfill as history  # noqa: PLC0415 - imports Dagster
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    order = history.Order(
        settings, source or ("files" if folder else settings.source), folder or settings.input
    )
    asked = history.parse_numbers(numbers)
    wanted, summary = history.choose(settings, asked, only_failed=only_failed, again=again)
    try:
        with click.progressbar(length=len(wanted), label="Issues", file=sys.stderr) as bar:
            for done in history.run(order, wanted, jobs):
                bar.update(1)
                if done.error:
                    summary.failed[done.number] = done.error
                else:
                    summary.built.append(done.number)
        for done in history.complete_trends(order, asked, jobs):
            if done.error:
                summary.failed[done.number] = done.error
    finally:
        click.echo(summary.text())
    if summary.failed:
        raise PipelineError("Some issues were not built; go on with --only-failed.")


@click.group(invoke_without_command=True)
@click.option(
    "--wrong",
    is_flag=True,
    help="Only issues that are damaged, missing, failed, stale or blocked by a check: why, and "
    "what to do.",
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

        print_frame(issue_states(load_settings()), "table", limit=None)


@issues.command()
def extend() -> None:
    """Append the issues that the exchange's calendar knows and reference/issues.csv does not."""
    from bj_pipeline import issues as issue_list  # noqa: PLC0415

    added = issue_list.extend()
    last = issue_list.load()[-1]
    click.echo(
        f"{counted(added, 'issue')} added. The list ends with issue {last.number} "
        f"({last.close_date}), the calendar's horizon."
    )
