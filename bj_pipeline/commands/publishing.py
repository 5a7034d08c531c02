"""Commands of sign-off and publication."""

from pathlib import Path

import click

from bj_pipeline.counted import counted
from bj_pipeline.errors import MissingDataError


@click.command()
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
    approved = approved_issues(warehouse)
    target = folder or settings.home / "site"
    if not approved and not settings.publish_drafts:
        former = f" {target} still shows what was: remove it." if target.exists() else ""
        raise MissingDataError(
            f"No issue is approved.{former} Approve one with `bj-pipeline approve N --by NAME`, or "
            "show drafts with BJ_PUBLISH_DRAFTS=true."
        )
    done = build_site(
        warehouse,
        settings,
        load_house(settings.content / "house.yaml"),
        target,
        issues=None if settings.publish_drafts else list(approved),
        revisions=None
        if settings.publish_drafts
        else {issue: one.revision for issue, one in approved.items()},
        forms=settings.artifacts if settings.publish_drafts else settings.published,
        hashes=None
        if settings.publish_drafts
        else {issue: one.hashes for issue, one in approved.items()},
    )
    click.echo(
        f"{counted(done.pages, 'page')} on {counted(done.issues, 'issue')} and "
        f"{counted(done.companies, 'company', 'companies')} "
        f"({done.page_bytes / 1e6:.1f} MB, {counted(done.forms, 'report file')}) "
        f"in {done.seconds:.1f} s:\n"
        f"  {done.folder / 'index.html'}"
    )


@click.command()
@click.argument("issue", type=int)
@click.option("--by", required=True, help="Who approves.")
@click.option("--note", default="", help="What to remember about it.")
def approve(issue: int, by: str, note: str) -> None:
    """Sign off an ISSUE as it was built, and publish it.

    The files go to issue-NNN/ below BJ_PUBLISHED; former revisions stay in revision-N/ below it.
    """
    from bj_pipeline.automation import signoff  # noqa: PLC0415 - imports pandas
    from bj_pipeline.issues import by_number  # noqa: PLC0415
    from bj_pipeline.report.artifacts import place_of  # noqa: PLC0415
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    entry = signoff.approve(settings, issue, by, note)
    folder = settings.published / by_number(issue).folder
    click.echo(f"Issue {issue}, revision {entry.revision}, is approved and published:")
    for name, digest in entry.hashes.items():
        click.echo(f"  {place_of(folder, name, digest)}")


@click.command()
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
        f"revision {entry.revision + 1}. A site shows it until `bj-pipeline site` builds it again."
    )


@click.command()
@click.argument("issue", type=int)
def diff(issue: int) -> None:
    """List what an ISSUE as built changes against the revision that it replaces."""
    from bj_pipeline.automation import signoff  # noqa: PLC0415 - imports pandas
    from bj_pipeline.settings import load_settings  # noqa: PLC0415

    click.echo(signoff.told(issue, signoff.difference(load_settings(), issue)))
