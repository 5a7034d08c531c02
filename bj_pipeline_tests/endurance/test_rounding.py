"""A number is printed alike in text and tables, in all four forms, and reads back as it was."""

import io
import re
from fractions import Fraction

import docx as word
import openpyxl
import pymupdf
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bj_pipeline.report import docx, facts, html, pdf, xlsx
from bj_pipeline.report.charts import pictures
from bj_pipeline.report.document import Column, Paragraph, Section, Table
from bj_pipeline.report.proofreading.read_workbook import shown
from bj_pipeline.report.rounding import YUAN_PER_WAN, YUAN_PER_YI, display
from bj_pipeline.report.sections.company_facts import name_cell, number_cell
from bj_pipeline.report.workbook_numbers import scaled
from bj_pipeline.sources.cells import numbers

from .weeks import Company, computed, document_of, examples, week_of

STYLES = (
    facts.COUNT,
    facts.MULTIPLE,
    facts.MULTIPLE_MEDIAN,
    facts.YI,
    facts.YI_TOTAL,
    facts.WAN,
    facts.CHANGE,
    facts.SHARE,
)


def by_hand(value, style):
    """Half up, away from zero, in whole numbers of the last printed digit."""
    exact = Fraction(repr(value)) / Fraction(repr(style.scale)) * 10**style.digits
    units = (abs(exact) + Fraction(1, 2)).__floor__()
    whole, rest = divmod(units, 10**style.digits)
    sign = "" if not units else "-" if exact < 0 else "+" if style.signed else ""
    return f"{sign}{whole}.{rest:0{style.digits}d}" if style.digits else f"{sign}{whole}"


@st.composite
def numbers_to_print(draw):
    """A stored value and how it is printed; often a half of the last digit, or nearly one."""
    style = draw(st.sampled_from(STYLES))
    halves = draw(st.integers(-(10**9), 10**9)) * 5
    half = float(Fraction(halves, 10 ** (style.digits + 1)) * Fraction(repr(style.scale)))
    tiny = 10.0**-style.digits * style.scale / 7
    value = draw(
        st.one_of(
            st.just(half),
            st.sampled_from([0.0, -0.0, tiny, -tiny, 1e-300, -5e-324, 1e14, -1e14]),
            st.floats(-1e10, 1e10),  # spreadsheets keep 15 digits
        )
    )
    return value, style


@given(numbers_to_print())
def test_a_number_is_rounded_as_by_hand(number):
    value, style = number
    assert display(value, style.digits, style.scale, signed=style.signed) == by_hand(value, style)


def test_no_number_is_too_large_or_too_small_to_print():
    assert display(1.7976931348623157e308, 2) == f"{int(Fraction('1.7976931348623157e308'))}.00"
    assert display(5e-324, 2) == display(-5e-324, 2, 0.01, signed=True) == "0.00"


def document_with(values):
    """A document that says each number in a sentence and again in a table."""
    week = week_of([Company(1, "甲")])
    figures = computed(week)
    document = document_of(week, figures)
    ledger, origin = facts.Ledger(65), facts.Origin("t", "r", "c", "f")
    told = [
        ledger.number(f"n/{at}", value, style, origin) for at, (value, style) in enumerate(values)
    ]
    said = [facts.say("{key}为{fact}止", key=f"句{at}号", fact=one) for at, one in enumerate(told)]
    table = Table(
        id="numbers",
        title="数",
        columns=(Column(label="名"), Column(label="数", align="right"), Column(label="末")),
        rows=tuple(
            (name_cell(f"格{at}号"), number_cell(one), name_cell("完"))
            for at, one in enumerate(told)
        ),
        source="数据来源：无",
        number=1,
    )
    blocks = (*(Paragraph(line=line) for line in said), table)
    section = Section(id="numbers", title="数", level=1, blocks=blocks)
    changes = {"sections": (section,), "facts": document.facts | ledger.facts}
    return document.model_copy(update=changes), told, figures


def texts_of(document, figures):
    """What a reader of each form reads, without blanks; the table's rows cell after cell."""
    drawn = pictures(document)
    page = re.sub(r"<[^>]+>", "", html.render(document, drawn).decode().rpartition("</style>")[2])
    with pymupdf.open(stream=pdf.render(document, drawn), filetype="pdf") as opened:
        printed = "".join(one.get_text() for one in opened)
    file = word.Document(io.BytesIO(docx.render(document, drawn)))
    cells = [cell.text for table in file.tables for row in table.rows for cell in row.cells]
    paragraphs = [one.text for one in file.paragraphs]
    book = openpyxl.load_workbook(io.BytesIO(xlsx.render(document, figures)))
    shown_cells = [
        cell.value if isinstance(cell.value, str) else shown(float(cell.value), cell.number_format)
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if cell.value is not None and not hasattr(cell.value, "year")
    ]
    forms = {
        "html": page,
        "pdf": printed,
        "docx": "".join([*paragraphs, *cells]),
        "xlsx": "".join(shown_cells),
    }
    return {name: re.sub(r"\s", "", text) for name, text in forms.items()}


def test_a_number_is_the_same_in_sentence_and_table_in_every_form(thorough):
    # A failure names its number; a smaller document would say no more.
    @settings(examples(3, thorough=thorough), phases=[Phase.generate])
    @given(st.lists(numbers_to_print(), min_size=60, max_size=60))
    def holds(values):
        document, told, figures = document_with(values)
        for form, text in texts_of(document, figures).items():
            for at, fact in enumerate(told):
                expected = by_hand(*values[at])
                (cell,) = re.findall(rf"格{at}号(\D?[\d.]+)完", text)
                assert cell == expected, (form, values[at])
                if form != "xlsx":  # a workbook has tables only
                    assert f"句{at}号为{expected}{fact.unit}止" in text, (form, values[at])

    holds()


@given(
    st.decimals(-(10**6), 10**6, places=4, allow_nan=False),
    st.sampled_from([YUAN_PER_YI, YUAN_PER_WAN, 1, 0.01]),
)
def test_a_unit_there_and_back_again_changes_no_digit(written, unit):
    (stored,) = numbers([f"{written}"], times=unit)
    assert Fraction(repr(float(stored))) == Fraction(str(written)) * Fraction(str(unit))
    assert display(stored, 4, unit) == f"{written + 0:.4f}".replace("-0.0000", "0.0000")
    (again,) = numbers([scaled(float(stored), unit)], times=unit)
    assert again == stored
