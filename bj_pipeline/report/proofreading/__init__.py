"""Proofreading: the finished PDF, Word file, workbook and web page, read back and compared.

What belongs here: reading each form into a common shape (:mod:`.form` and the ``read_*`` modules),
and the rules, pure functions that return findings. What does not: the checks that Dagster shows
(:mod:`bj_pipeline.quality.report`).

Each form is compared with the document piece by piece, which makes the forms agree with each other;
rules that concern what is printed, and not how a form prints it, look at the document once, and
name the page of the PDF on which the sentence stands.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from bj_pipeline.report.document import Document
from bj_pipeline.report.labels import Labels
from bj_pipeline.report.proofreading.analyst import analysts_numbers
from bj_pipeline.report.proofreading.arithmetic import (
    buckets_in_titles,
    counts,
    movements,
    percentages,
    signs,
)
from bj_pipeline.report.proofreading.companies import names, special_treatment
from bj_pipeline.report.proofreading.comparison import (
    alternatives,
    alternatives_of_charts,
    compare,
    differences,
    drawn_labels,
    drawn_names,
    drawn_places,
    sample_marks,
    tied_numbers,
    titles,
    tones,
)
from bj_pipeline.report.proofreading.contents import contents
from bj_pipeline.report.proofreading.dates import dates
from bj_pipeline.report.proofreading.drawings import Drawings, drawn_values, marks, pictures
from bj_pipeline.report.proofreading.finding import FORM_OF_REFERENCE, Finding
from bj_pipeline.report.proofreading.form import Form
from bj_pipeline.report.proofreading.known import Known
from bj_pipeline.report.proofreading.rankings import rankings
from bj_pipeline.report.proofreading.subjects import all_sectors, measures, subjects
from bj_pipeline.report.proofreading.units import units
from bj_pipeline.storage import Place

__all__ = [
    "FORMS",
    "Finding",
    "Form",
    "Known",
    "form_findings",
    "read_form",
    "text_findings",
]

_NO_DRAWINGS: Drawings = MappingProxyType({})

FORMS = ("report.pdf", "report.docx", "report.xlsx", "report.html")


def read_form(path: Place, labels: Labels) -> Form:
    """A finished file with these labels, read back; by the ending of its name."""
    from bj_pipeline.report.proofreading import (  # noqa: PLC0415 - each imports its library
        read_page,
        read_pdf,
        read_word,
        read_workbook,
    )

    readers = {
        ".pdf": read_pdf.read_pdf,
        ".docx": read_word.read_word,
        ".xlsx": read_workbook.read_workbook,
        ".html": read_page.read_page,
    }
    return readers[path.suffix](path, labels)


def form_findings(
    document: Document, forms: Mapping[str, Form], drawings: Drawings = _NO_DRAWINGS
) -> Iterator[Finding]:
    """What forms print otherwise than the document has it, or list otherwise than they print."""
    for form in forms.values():
        result = compare(document, form)
        yield from differences(document, result)
        yield from titles(document, form)
        yield from sample_marks(document, form)
        yield from drawn_labels(document, result)
        yield from drawn_names(document, form)
        yield from drawn_places(document, result)
        yield from tied_numbers(document, form)
        yield from alternatives(document, form)
        yield from tones(document, form)
        yield from marks(document, form)
        yield from pictures(document, form, drawings)
        yield from contents(document, result)


def text_findings(
    document: Document,
    known: Known,
    forms: Mapping[str, Form] | None = None,
    drawings: Drawings = _NO_DRAWINGS,
) -> list[Finding]:
    """What is wrong with what is printed, in every form alike."""
    found = dict.fromkeys(
        (
            *counts(document, known),
            *percentages(document),
            *signs(document),
            *movements(document),
            *buckets_in_titles(document),
            *units(document),
            *names(document, known),
            *subjects(document, known),
            *rankings(document, known),
            *alternatives_of_charts(document),
            *drawn_values(document, drawings),
            *measures(document),
            *all_sectors(document, known),
            *special_treatment(document, known),
            *dates(document, known),
            *analysts_numbers(document),
        )
    )
    form = (forms or {}).get(FORM_OF_REFERENCE)
    return [_placed(one, form) for one in found]


def _placed(finding: Finding, form: Form | None) -> Finding:
    if form is None:
        return finding
    return replace(finding, form=form.name, page=form.page_of(finding.sentence))
