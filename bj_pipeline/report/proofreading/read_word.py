"""Reading the Word file back: paragraphs in order, cells of tables among them."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from bj_pipeline.report.chart_pixels import drawn_from
from bj_pipeline.report.labels import Labels
from bj_pipeline.report.proofreading.form import Entry, Form, Passage, squeezed
from bj_pipeline.storage import Place

_LISTS = {"TOC1", "TOC2", "TableofFigures"}
_HEADINGS = {"Heading1", "Heading2"}


def read_word(path: Place, labels: Labels) -> Form:
    """The Word file as a form; its pages are named by the heading before."""
    import docx  # noqa: PLC0415 - slow to import
    from docx.oxml.ns import qn  # noqa: PLC0415

    word = docx.Document(BytesIO(path.read_bytes()))
    body: list[Passage] = []
    contents: list[Entry] = []
    page = labels["front"]
    for style, text in _paragraphs(word.element.body, qn):
        if style in _LISTS:
            *title, number = text.split("\t")
            contents.append(Entry(squeezed("".join(title)), number.strip()))
        elif style in _HEADINGS:
            page = text
            body.append(Passage(page, text, "heading"))
        elif text.strip() and style != "TOCHeading":
            body.append(Passage(page, text, "caption" if style == "Caption" else ""))
    section = word.sections[0]
    for part in (
        section.first_page_header,
        section.header,
        section.first_page_footer,
        section.footer,
    ):
        root = part._element  # noqa: SLF001 - its own paragraphs leave out fields
        body += [
            Passage("header and footer", text) for _, text in _paragraphs(root, qn) if text.strip()
        ]
    inlines = [*word.element.body.iter(qn("wp:inline"))]
    return Form(
        name=path.name,
        passages=tuple(body),
        contents=tuple(contents),
        title=word.core_properties.title,
        headings=tuple(Entry(squeezed(one.text)) for one in body if one.kind == "heading"),
        alternatives=tuple(
            str(one.get("descr", "")) for inline in inlines for one in inline.iter(qn("wp:docPr"))
        ),
        pictures=tuple(
            drawn_from(word.part.related_parts[one.get(qn("r:embed"))].blob)
            for inline in inlines
            for one in inline.iter(qn("a:blip"))
        ),
        pairs_figures=True,
    )


def _paragraphs(root: Any, qn: Any) -> Iterator[tuple[str, str]]:
    """Style and text of each paragraph."""
    text, tab, line, style = qn("w:t"), qn("w:tab"), qn("w:br"), qn("w:pStyle")
    for paragraph in root.iter(qn("w:p")):
        parts = []
        name = ""
        for one in paragraph.iter(text, tab, line, style):
            if one.tag == style:
                name = str(one.get(qn("w:val")))
            elif one.tag == text:
                parts.append(one.text or "")
            elif one.getparent().tag == qn("w:r"):  # a tab of the text, not a stop of the style
                parts.append("\t" if one.tag == tab else "\n")
        yield name, "".join(parts)
