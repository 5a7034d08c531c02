"""The analyst's script and the pipeline make the same exhibits of issue 65, number by number.

So the figure that compares their speed compares the same work.
"""

from dataclasses import dataclass
from pathlib import Path

import docx
import pytest
from openpyxl import load_workbook
from openpyxl.workbook import Workbook

from bj_pipeline.issues import by_number
from bj_pipeline.report.document import Document, Figure, Table, parsed
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline_tests.benchmarks import analyst, analyst_script

ISSUE = 65
COMPANIES = "公司总表"


@dataclass(frozen=True)
class Made:
    """What the script wrote."""

    folder: Path

    @property
    def tables(self) -> list[list[list[str]]]:
        """The Word file's tables, without those that only set charts side by side."""
        found = docx.Document(str(self.folder / "report.docx")).tables
        cells = [[[cell.text for cell in row.cells] for row in table.rows] for table in found]
        return [table for table in cells if len(table[0]) > 2]

    @property
    def charts(self) -> int:
        """Pictures in the Word file."""
        report = docx.Document(str(self.folder / "report.docx"))
        return len(report.element.xpath(".//pic:pic"))

    @property
    def captions(self) -> list[str]:
        """Of the Word file, in order, without numbers."""
        report = docx.Document(str(self.folder / "report.docx"))
        found = report.element.xpath(".//w:p[w:pPr/w:pStyle/@w:val='Caption']")
        return ["".join(text.text for text in one.xpath(".//w:t")) for one in found]

    @property
    def workbook(self) -> Workbook:
        return load_workbook(self.folder / "report.xlsx")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    issue = by_number(ISSUE)
    folder = tmp_path_factory.mktemp("desk") / issue.folder
    analyst.write_sheets(folder, issue)
    days = str(issue.base_date), str(issue.close_date)
    analyst_script.make(folder, ISSUE, *days)
    return Made(folder)


@pytest.fixture(scope="module")
def document(sample_issue) -> Document:
    warehouse = Warehouse(f"sqlite:///{sample_issue.home / 'warehouse.db'}")
    return parsed(warehouse.read(tables.REPORT_DOCUMENT, ISSUE)["document"].iloc[0])


def printed(document: Document, table: Table) -> list[list[str]]:
    """A table of the pipeline's issue, as printed, with its header."""
    rows = [[document.text(cell.line) for cell in row] for row in table.rows]
    return [[column.label for column in table.columns], *rows]


def test_the_word_file_has_the_same_tables_cell_for_cell(made, document):
    shown = [document.front_page.sectors]
    shown += [exhibit for exhibit in document.exhibits() if isinstance(exhibit, Table)]
    assert made.tables == [printed(document, table) for table in shown]


def test_the_word_file_has_as_many_charts(made, document):
    assert made.charts == len(list(document.figures())) == 33


def test_the_word_file_has_the_same_exhibits_in_the_same_order(made, document):
    for told, exhibit in zip(made.captions[1:], document.exhibits(), strict=True):
        # Of buckets, whose titles say what moved, the script names the exhibit only.
        title = exhibit.title.partition("：")[0] if "分布：" in exhibit.title else exhibit.title
        assert title in told


def test_the_workbook_has_a_sheet_with_the_same_numbers_for_each_exhibit(made, document):
    exhibits = list(document.exhibits())
    named: dict[str, Figure | Table] = {
        f"图表 {number:02d}": exhibit for number, exhibit in enumerate(exhibits, 1)
    }
    book = made.workbook
    for at, figure in enumerate(document.front_page.overview.figures, 1):
        named[f"首页图 {at}"] = figure
    for name, exhibit in named.items():
        header, *rows = book[name].iter_rows(min_row=2, values_only=True)
        if isinstance(exhibit, Figure):
            assert [str(row[0]) for row in rows] == list(exhibit.chart.categories)
            for at, series in enumerate(exhibit.chart.series, 1):
                assert [row[at] for row in rows] == pytest.approx(list(series.values))
        else:
            assert list(header) == [column.label for column in exhibit.columns]
            assert len(rows) == len(exhibit.rows)


def test_the_workbook_has_a_chart_of_excels_own_for_each_figure(made, document):
    charts = {sheet.title: len(sheet._charts) for sheet in made.workbook}
    assert set(charts.values()) == {0, 1}
    assert sum(charts.values()) == len(list(document.figures()))


def test_the_workbook_has_every_company_with_filters_and_frozen_panes(made, sample_issue):
    book = load_workbook(sample_issue.artifact(ISSUE, "report.xlsx"))
    theirs, ours = made.workbook[COMPANIES], book[COMPANIES]
    header = next(row for row in range(1, 9) if ours.cell(row, 1).value == "代码")
    assert theirs.max_row - 2 == ours.max_row - header
    assert theirs.freeze_panes is not None
    assert theirs.auto_filter.ref is not None
    codes = {ours.cell(row, 1).value for row in range(header + 1, ours.max_row + 1)}
    assert {theirs.cell(row, 1).value for row in range(3, theirs.max_row + 1)} == codes
