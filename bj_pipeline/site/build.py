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
from bj_pipeline.site.history import FORMS, History, read
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
        hashes: SHA-256 of the approved files by issue and name; None if any may be shown.

    Raises:
        DataError: A file is not the one that was approved.
        MissingDataError: There is no issue to show, or one that was asked for is not there.
        ConfigurationError: The target holds something else than a site.
    """
    start = time.perf_counter()
    reference = load_reference(settings.reference)
    history = read(
        warehouse,
        forms or settings.artifacts,
        reference,
        house.labels,
        issues=issues,
        revisions=revisions,
    )
    rendered = render(history, house)
    with folder.replaced(target) as new:
        for path, page in rendered.items():
            folder.write(new / path, page)
        form_sizes = _copy_forms(history, new, hashes or {})
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


def _copy_forms(history: History, new: Path, hashes: Mapping[int, Mapping[str, str]]) -> list[int]:
    sizes = []
    for edition in history.editions:
        number = edition.issue.number
        approved = hashes.get(number, {})
        for name in FORMS:
            source = edition.forms.get(name)
            form = None if source is None else content(source)
            if name in approved and artifacts.sha256(form or b"") != approved[name]:
                raise DataError(
                    f"{edition.issue.folder}/{name}",
                    "a published file is there, and is the one that was approved",
                    "Restore the folder from a backup, or withdraw the revision with "
                    f"`bj-pipeline withdraw {number}`.",
                )
            if form is not None:
                copy = new / edition.issue.folder / name
                copy.parent.mkdir(exist_ok=True)
                sizes.append(copy.write_bytes(form))
    return sizes


def _record(history: History) -> bytes:
    record = {
        "issues": [one.number for one in history.series.issues],
        "sample": sorted(history.series.samples),
        "companies": list(history.companies),
    }
    return (json.dumps(record, indent=1) + "\n").encode()
