"""Building the site: the entry point."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bj_pipeline.errors import DataError
from bj_pipeline.reference import load_reference
from bj_pipeline.report import artifacts
from bj_pipeline.report.document import House
from bj_pipeline.settings import Settings
from bj_pipeline.site import folder, views
from bj_pipeline.site.history import FORMS, Edition, History, read
from bj_pipeline.site.render import Renderer
from bj_pipeline.storage import Place, content
from bj_pipeline.warehouse.store import Warehouse


@dataclass(frozen=True, slots=True)
class SiteReport:
    """What was built.

    Attributes:
        folder: Where the site lies.
        issues: Issues in it.
        companies: Companies with a page.
        pages: Pages, without the reports themselves.
        page_bytes: Size of those pages and of the files that they share.
        forms: Finished files of issues that were copied in.
        form_bytes: Their size.
        seconds: Time that it took.
    """

    folder: Path
    issues: int
    companies: int
    pages: int
    page_bytes: int
    forms: int
    form_bytes: int
    seconds: float


def build_site(
    warehouse: Warehouse,
    settings: Settings,
    house: House,
    target: Path,
    *,
    issues: Sequence[int] | None = None,
    revisions: Mapping[int, int] | None = None,
    forms: Place | None = None,
    hashes: Mapping[int, Mapping[str, str]] | None = None,
) -> SiteReport:
    """Build the site of the series; the same data give the same bytes.

    Args:
        warehouse: Holds the issues.
        settings: Where finished reports and curated data lie.
        house: Whose site it is.
        target: The site's folder: new, empty, or a site built before, which is replaced whole.
        issues: Issues that may be shown; None for all.
        revisions: Approved revisions, by issue, whose figures and files are shown instead of those
            that were built last.
        forms: Folder of the finished files; None for the folder of the artifacts.
        hashes: SHA-256 of the approved files by issue and name; None for the files that the
            issues' manifests name.

    Raises:
        DataError: A file is not the one that was approved, or that was built.
        MissingDataError: There is no issue to show, or one that was asked for is not there.
        ConfigurationError: The target holds something else than a site.
    """
    start = time.perf_counter()
    reports = forms or settings.artifacts
    reference = load_reference(settings.reference)
    history = read(
        warehouse,
        reports,
        reference,
        house.labels,
        issues=issues,
        revisions=revisions,
    )
    rendered = render(history, house)
    with folder.replaced(target) as new:
        for path, page in rendered.items():
            folder.write(new / path, page)
        form_sizes = [
            _copy(form, new / edition.issue.folder / name)
            for edition in history.editions
            for name, form in _forms(edition, reports, hashes).items()
        ]
    return SiteReport(
        folder=target,
        issues=len(history.editions),
        companies=len(history.companies),
        pages=sum(path.endswith(".html") for path in rendered),
        page_bytes=sum(map(len, rendered.values())),
        forms=len(form_sizes),
        form_bytes=sum(form_sizes),
        seconds=time.perf_counter() - start,
    )


def render(history: History, house: House) -> dict[str, bytes]:
    """Every file of the site by path, without the finished reports."""
    renderer = Renderer(house)
    pages = {page.path: renderer.page(page) for page in views.pages(history, house)}
    characters = "".join(sorted(set().union(*(page.decode() for page in pages.values()))))
    return pages | renderer.assets(history, characters) | {folder.MARK: _record(history)}


def _forms(
    edition: Edition, reports: Place, hashes: Mapping[int, Mapping[str, str]] | None
) -> dict[str, bytes]:
    """The finished files of an issue, which are those that were approved, or built."""
    number, folder = edition.issue.number, edition.issue.folder
    if hashes is None:
        held = artifacts.build_in(reports / folder).forms
        due = set(edition.forms)
        rule = "a finished file is the one that was built"
        remedy = f"Build the issue again with `bj-pipeline run --issue {number}`."
    else:
        approved = hashes.get(number, {})
        found = {name: content(place) for name, place in edition.forms.items()}
        held = {
            name: form
            for name, form in found.items()
            if form is not None and artifacts.sha256(form) == approved.get(name)
        }
        due = {*edition.forms, *set(approved).intersection(FORMS)}
        rule = "a published file is there, and is the one that was approved"
        remedy = (
            "Restore the folder from a backup, or withdraw the revision with "
            f"`bj-pipeline withdraw {number}`."
        )
    if lost := sorted(due - held.keys()):
        raise DataError(f"{folder}/{lost[0]}", rule, remedy)
    return held


def _copy(form: bytes, target: Path) -> int:
    target.parent.mkdir(exist_ok=True)
    return target.write_bytes(form)


def _record(history: History) -> bytes:
    record = {
        "issues": [one.number for one in history.series.issues],
        "sample": sorted(history.series.samples),
        "companies": list(history.companies),
    }
    return (json.dumps(record, indent=1) + "\n").encode()
