"""Writers of vendors' files for tests: the same cells as CSV, .xlsx and .xls."""

import csv
import datetime as dt
import io
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from bj_pipeline.issues import Issue
from bj_pipeline.sources import Delivery

MARKET = Path(__file__).parents[2].parent / "shared" / "market"
needs_market = pytest.mark.skipif(not MARKET.is_dir(), reason="no market data beside the project")

ISSUE_65 = Issue(
    65,
    "2026-W09",
    tuple(dt.date(2026, 2, day) for day in (24, 25, 26, 27)),
    dt.date(2026, 2, 13),
)
ONE_SESSION = Issue(10, "2026-W09", (dt.date(2026, 2, 27),), dt.date(2026, 2, 13))

Rows = Sequence[Sequence[object]]


def text(rows: Rows, encoding: str = "utf-8") -> bytes:
    """CSV."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(
        [["" if cell is None else cell for cell in row] for row in rows]
    )
    return file.getvalue().encode(encoding)


def openpyxl_xlsx(rows: Rows, merge: Sequence[str] = ()) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(list(row))
    for cells in merge:
        sheet.merge_cells(cells)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def xlsxwriter_xlsx(rows: Rows) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet = book.add_worksheet("万得")
        for down, row in enumerate(rows):
            for across, cell in enumerate(row):
                if isinstance(cell, dt.date):
                    sheet.write_datetime(down, across, cell, day)
                else:
                    sheet.write(down, across, cell)
    return file.getvalue()


def xlwt_xls(rows: Rows) -> bytes:
    xlwt = pytest.importorskip("xlwt")
    book = xlwt.Workbook()
    day = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    sheet = book.add_sheet("Sheet1")
    for down, row in enumerate(rows):
        for across, cell in enumerate(row):
            if isinstance(cell, dt.date):
                sheet.write(down, across, cell, day)
            elif cell is not None:
                sheet.write(down, across, cell)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def office(rows: Rows, suffix: str, folder: Path) -> bytes:
    """What LibreOffice makes of the workbook."""
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("LibreOffice (soffice) is not installed")
    folder.mkdir(exist_ok=True)
    source = folder / "source.xlsx"
    source.write_bytes(openpyxl_xlsx(rows))
    target = folder / "converted"
    subprocess.run(
        [program, "--headless", "--convert-to", suffix, "--outdir", target, source],
        check=True,
        capture_output=True,
        env={**os.environ, "HOME": str(folder)},
    )
    return (target / f"source.{suffix}").read_bytes()


WRITERS: dict[str, tuple[str, Callable[[Rows], bytes]]] = {
    "utf-8": (".csv", text),
    "utf-8 with mark": (".csv", lambda rows: text(rows, "utf-8-sig")),
    "gb18030": (".csv", lambda rows: text(rows, "gb18030")),
    "openpyxl": (".xlsx", openpyxl_xlsx),
    "xlsxwriter": (".xlsx", xlsxwriter_xlsx),
    "xlwt": (".xls", xlwt_xls),
}


def file(name: str, rows: Rows, vendor: str = "") -> Delivery:
    """A CSV file of an operator's folder."""
    return Delivery(vendor, name, text(rows))


def call(vendor: str, interface: str, rows: Rows, **parameters: str) -> Delivery:
    """The result of a vendor's interface."""
    name = "_".join([interface, *parameters.values()]) + ".csv"
    return Delivery(vendor, name, text(rows), interface, parameters)
