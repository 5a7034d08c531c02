"""Reading the PDF back: the words of its pages, its bookmarks and its contents."""

import re
from collections.abc import Iterator

from bj_pipeline.report.labels import Labels
from bj_pipeline.report.proofreading.form import Entry, Form, Passage, squeezed
from bj_pipeline.storage import Place

_HEADING = re.compile(r"(.+?)(?:\s*\.){3,}\s*(\d+)\s*(?:\n|$)", re.DOTALL)
_PAGE = re.compile(r"^(.*\S)\s+(\d+)$", re.DOTALL)
_RUNNING_HEADS = 2
_LINE_END_HYPHEN = str.maketrans({"\ufffe": "-", "\x02": "-", "\u2212": "-"})


def read_pdf(path: Place, labels: Labels) -> Form:
    """The PDF as a form; running heads and feet are kept once, as the last passages."""
    import pypdfium2  # noqa: PLC0415 - only proofreading reads PDFs

    with pypdfium2.PdfDocument(path.read_bytes()) as pdf:
        pages = [
            page.get_textpage().get_text_range().translate(_LINE_END_HYPHEN).splitlines()
            for page in pdf
        ]
        marks = [
            Entry(squeezed(mark.get_title()), str(target.get_index() + 1))
            for mark in pdf.get_toc()
            if (target := mark.get_dest()) is not None
        ]
        title = pdf.get_metadata_value("Title")
    body: list[Passage] = []
    listed: list[str] = []
    furniture: list[Passage] = []
    lists = (squeezed(labels["contents"]), squeezed(labels["exhibits"]))
    listing = _contents_pages(marks, lists)
    for number, lines in enumerate(pages, start=1):
        own, rest = _without_furniture(lines, pages)
        furniture += [Passage(str(number), line) for line in rest]
        if number in listing:
            listed += own
        else:
            body += [Passage(str(number), line) for line in own]
    return Form(
        name=path.name,
        passages=(*body, *furniture),
        contents=tuple(_contents(listed, labels)),
        title=title,
        headings=tuple(one for one in marks if one.title not in lists),
        pairs_figures=True,
        draws=True,
        has_pages=True,
    )


def _without_furniture(lines: list[str], pages: list[list[str]]) -> tuple[list[str], list[str]]:
    """Lines of a page, and those that its neighbours begin or end with too (but for numbers)."""
    heads = [_pattern(line) for page in pages[1:] for line in page[:_RUNNING_HEADS]]
    feet = [_pattern(page[-1]) for page in pages if page]
    common = {one for one in {*heads, *feet} if (heads + feet).count(one) > len(pages) // 2}
    at = 0
    while at < min(_RUNNING_HEADS, len(lines)) and _pattern(lines[at]) in common:
        at += 1
    end = len(lines) - (len(lines) > at and _pattern(lines[-1]) in common)
    return lines[at:end], [*lines[:at], *lines[end:]]


def _pattern(line: str) -> str:
    return re.sub(r"\d+", "0", squeezed(line))


def _contents_pages(marks: list[Entry], lists: tuple[str, str]) -> range:
    """The pages between the contents' bookmark and the first section's."""
    first = next((int(one.page) for one in marks if one.title == lists[0]), 0)
    sections = [int(one.page) for one in marks if one.title not in lists]
    return range(first, min(sections, default=first)) if first else range(0)


def _contents(lines: list[str], labels: Labels) -> Iterator[Entry]:
    """Entries of the contents: title, leader, page; then those of the exhibits: title, page."""
    head = squeezed(labels["exhibits"])
    split = next((at for at, line in enumerate(lines) if squeezed(line) == head), len(lines))
    for title, page in _HEADING.findall("\n".join(lines[1:split])):
        yield Entry(squeezed(title), page)
    begins = rf"(?={re.escape(labels['exhibit'])} ?\d+ )"
    for entry in re.split(begins, "\n".join(lines[split + 1 :])):
        match = _PAGE.match(entry.strip())
        if match:
            yield Entry(squeezed(match[1]), match[2])
        elif entry.strip():
            yield Entry(squeezed(entry))
