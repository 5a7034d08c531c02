"""Contents, list of exhibits, headings and captions agree: titles, numbers and pages."""

import difflib
from collections.abc import Iterator, Sequence

from bj_pipeline.report.document import Document
from bj_pipeline.report.proofreading.comparison import Comparison
from bj_pipeline.report.proofreading.finding import Finding
from bj_pipeline.report.proofreading.form import Entry, squeezed
from bj_pipeline.report.proofreading.printed import caption


def contents(document: Document, result: Comparison) -> Iterator[Finding]:
    """Every section and exhibit is listed once, under its title and page, in order."""
    form, place = result.form, document.labels["contents"]
    pages: dict[tuple[str, str], str] = {
        (piece.kind, squeezed(piece.text)): form.page_at(span.start)
        for piece, span in result.found
        if piece.kind in {"heading", "caption"}
    }
    headings = [section.title for section in document.sections]
    exhibits = [caption(document.labels, one) for one in document.exhibits()]
    lists = (
        [("caption", exhibits)]
        if not form.prints
        else [("heading", headings), ("caption", exhibits)]
    )
    listed = {entry.title: entry for entry in form.contents}
    wanted = {squeezed(title) for _, titles in lists for title in titles}
    others = [title for title in listed if title not in wanted]
    for kind, titles in lists:
        for title in titles:
            entry = listed.get(squeezed(title))
            page = pages.get((kind, squeezed(title)), "")
            if entry is None:
                close = difflib.get_close_matches(squeezed(title), others, 1, 0.5)
                found = close[0] if close else ""
                yield Finding("contents_differ", form.name, place, title, found, title)
            elif form.has_pages and page and entry.page != page:
                yield Finding("contents_page_is_wrong", form.name, place, title, entry.page, page)
    order = [title for title in listed if title in wanted]
    expected = [squeezed(title) for _, titles in lists for title in titles]
    if len(order) == len(expected) and order != expected:
        at = next(
            at for at, pair in enumerate(zip(order, expected, strict=True)) if len(set(pair)) > 1
        )
        yield Finding(
            "contents_are_out_of_order", form.name, place, order[at], order[at], expected[at]
        )
    if form.prints:
        yield from _headings(headings, form.headings, pages, form.name)


def _headings(
    titles: Sequence[str], marked: Sequence[Entry], pages: dict[tuple[str, str], str], name: str
) -> Iterator[Finding]:
    """The headings (in a PDF the bookmarks) are the sections' titles."""
    there = [entry.title for entry in marked]
    for title in titles:
        if squeezed(title) not in there:
            close = difflib.get_close_matches(squeezed(title), there, 1, 0.5)
            found = close[0] if close else ""
            page = pages.get(("heading", squeezed(title)), "")
            yield Finding("heading_differs", name, page, title, found, title)
