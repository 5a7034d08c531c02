"""The pieces of WordprocessingML that python-docx has no words for.

What belongs here: elements, fields, bookmarks, links. What does not: what the report says
(:mod:`.docx`) and how it looks (:mod:`.word_styles`).
"""

from collections.abc import Iterable

from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.part import Part
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement

from bj_pipeline.report.office import legal

TWIPS = 20
"""Twentieths of a point, in which Word measures."""


def element(tag: str, *children: BaseOxmlElement, **attributes: str | float) -> BaseOxmlElement:
    """An element of the ``w`` namespace with attributes of the same namespace."""
    result: BaseOxmlElement = OxmlElement(f"w:{tag}")
    for name, value in attributes.items():
        result.set(qn(f"w:{name}"), f"{value}")
    result.extend(children)
    return result


def twips(points: float) -> int:
    """Points in Word's measure."""
    return round(points * TWIPS)


def text_run(text: str, style: str = "") -> BaseOxmlElement:
    """Text as it is, in a character style."""
    run = element("r")
    if style:
        run.append(element("rPr", element("rStyle", val=style)))
    for at, piece in enumerate(legal(text).replace("\r", "").split("\n")):
        if at:
            run.append(element("br"))
        words = element("t")
        words.text = piece.replace("\t", " ")
        words.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
        run.append(words)
    return run


def tab_run() -> BaseOxmlElement:
    """A tab."""
    return element("r", element("tab"))


def field(instruction: str, *result: BaseOxmlElement) -> list[BaseOxmlElement]:
    """Runs of a field whose result stands there already."""
    return [*field_start(instruction), *result, field_end()]


def field_start(instruction: str) -> list[BaseOxmlElement]:
    """Runs up to a field's result."""
    code = element("instrText")
    code.text = f" {instruction} "
    code.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    return [
        element("r", element("fldChar", fldCharType="begin")),
        element("r", code),
        element("r", element("fldChar", fldCharType="separate")),
    ]


def field_end() -> BaseOxmlElement:
    """The run that closes a field."""
    return element("r", element("fldChar", fldCharType="end"))


def bookmarked(name: str, number: int, inside: Iterable[BaseOxmlElement]) -> list[BaseOxmlElement]:
    """Runs within a bookmark."""
    return [
        element("bookmarkStart", id=number, name=name),
        *inside,
        element("bookmarkEnd", id=number),
    ]


def inner_link(bookmark: str, *runs: BaseOxmlElement) -> BaseOxmlElement:
    """A link to a bookmark."""
    return element("hyperlink", *runs, anchor=bookmark, history="1")


def outer_link(part: Part, url: str, text: str) -> BaseOxmlElement:
    """A link to a public address."""
    link = element("hyperlink", text_run(text, "Hyperlink"), history="1")
    relation = part.relate_to(legal(url), RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    link.set(qn("r:id"), relation)
    return link
