"""Typst as the report uses it: templates of this folder, data as JSON, one font and no other.

What belongs here: how a template is run. What does not: what it prints.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bj_pipeline.report import fonts

if TYPE_CHECKING:
    import typst

STANDARDS: "list[typst.PDFStandard]" = ["a-2a", "ua-1"]
"""A PDF for archives (every glyph embedded) and for screen readers (tagged, pictures described)."""
_KEPT = 10
"""Compilations for which Typst keeps what none of them has asked for."""

TEMPLATES = Path(__file__).parent / "templates"


def typeset(
    template: str, data: Mapping[str, Any], form: Literal["pdf", "png"], dpi: float | None = None
) -> bytes:
    """Run a template on ``sys.inputs.data``; the same input gives the same bytes.

    Args:
        template: Its file name.
        data: What is printed, as JSON values: text in it is text, never markup.
        form: A PDF, or the only page as a picture.
        dpi: Pixels per inch of a picture.
    """
    result: bytes = _compiled(template, data, form, dpi)
    return result


def rasters(template: str, data: Sequence[Mapping[str, Any]], dpi: float) -> list[bytes]:
    """Run a template that gives one page an item; return each page as PNG.

    Args:
        template: Its file name.
        data: As for :func:`typeset`, one an item.
        dpi: Pixels per inch.
    """
    if not data:
        return []
    # A lone page comes without a list around it.
    pages: bytes | list[bytes] = _compiled(template, data, "png", dpi)
    return [pages] if isinstance(pages, bytes) else pages


def forget() -> None:
    """Let go of what Typst keeps of the documents that it has set: some 60 MB an issue or two."""
    if _font.cache_info().currsize == 0:
        return
    import typst  # noqa: PLC0415

    for _ in range(_KEPT + 1):
        typst.compile(b"", font_paths=_font(), format="pdf")


def _compiled(template: str, data: object, form: Literal["pdf", "png"], dpi: float | None) -> Any:
    import typst  # noqa: PLC0415 - a large binary module

    return typst.compile(
        TEMPLATES / template,
        root=TEMPLATES,
        font_paths=_font(),
        format=form,
        ppi=dpi,
        pdf_standards=STANDARDS if form == "pdf" else [],
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
    )


@cache
def _font() -> "typst.Fonts":
    """The font alone: neither the machine's nor Typst's own stand in for a missing glyph."""
    import typst  # noqa: PLC0415

    return typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(fonts.font_file().parent)],
    )
