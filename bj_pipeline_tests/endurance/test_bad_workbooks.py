# ruff: noqa: E501 - cases are read a line each
"""Workbooks that are damaged, dangerous, misleading or far too large."""

import datetime as dt
import io
import re
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
import xlwt

from bj_pipeline.sources import Delivery, layouts
from bj_pipeline.sources.files import FilesSource
from bj_pipeline.sources.spreadsheets import BYTES_LIMIT
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.endurance import corpus
from bj_pipeline_tests.endurance.corpus import CODES, GOOD, values
from bj_pipeline_tests.endurance.judging import SECONDS, judge, refusal
from bj_pipeline_tests.sources.vendor_files import ISSUE_65

# --- workbooks ---------------------------------------------------------------------------------


def _with_error(code: str) -> bytes:
    good = GOOD["估值.csv"]
    rows = [list(row) for row in good.rows]
    content = corpus.with_formula(rows[:4], "=1/0", 0)
    return corpus.sheet_part(
        content,
        lambda data: re.sub(
            rb'<c r="(E4)"[^>]*><f>[^<]*</f><v>0</v></c>',
            rb'<c t="e" r="\1"><f>1/0</f><v>' + code.encode() + b"</v></c>",
            data,
        ),
    )


@pytest.mark.parametrize("code", ["#REF!", "#DIV/0!", "#NAME?", "#VALUE!", "#NUM!", "#NULL!"])
def test_a_formula_that_failed_is_refused_whichever_order_its_attributes_have(code):
    error = refusal("估值.csv", lambda: values(GOOD["估值.csv"], _with_error(code)))
    assert code in str(error)
    assert "E4" in str(error)


@pytest.mark.parametrize("result", [None, 0, ""])
def test_a_formula_that_was_never_computed_is_no_blank_and_no_nought(result):
    content = corpus.with_formula(GOOD["估值.csv"].rows[:4], "=1+1", result)
    assert (
        "formula without a result"
        in str(refusal("估值.csv", lambda: values(GOOD["估值.csv"], content)))
        or result == ""
    )


def test_a_formula_with_its_result_is_read_as_the_result():
    good = GOOD["估值.csv"]
    content = corpus.with_formula(good.rows[:4], "=40+3.75", 43.75)
    assert judge(good, content) == "right"


def _prefixed(data: bytes) -> bytes:
    """The same markup as some libraries write it: every name with a prefix, single quotes."""
    named = re.sub(rb"<(/?)(?=[a-zA-Z])", rb"<\1x:", data)
    return named.replace(b'xmlns="', b'xmlns:x="')


def _far(parts: dict[str, bytes]) -> None:
    name = "xl/worksheets/sheet1.xml"
    row = b"<x:row r='1048576'><x:c r='XFD1048576'><x:v>1</x:v></x:c></x:row>"
    parts[name] = _prefixed(parts[name]).replace(b"</x:sheetData>", row + b"</x:sheetData>")


def _entity(encoding: str) -> Callable[[dict[str, bytes]], None]:
    def change(parts: dict[str, bytes]) -> None:
        data = parts["xl/worksheets/sheet1.xml"].decode()
        data = data[data.index("<worksheet") :]
        lol = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
        parts["xl/worksheets/sheet1.xml"] = (lol + data).encode(encoding)

    return change


def _external(parts: dict[str, bytes]) -> None:
    data = parts["xl/styles.xml"]
    outside = b'<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    parts["xl/styles.xml"] = data.replace(b"<styleSheet", outside + b"<styleSheet", 1)


def _slip(parts: dict[str, bytes]) -> None:
    parts["../../../../tmp/slipped"] = b"out"
    parts["/tmp/slipped"] = b"out"  # noqa: S108 - must not come to be


def _macro(parts: dict[str, bytes]) -> None:
    parts["xl/vbaProject.bin"] = b"\xd0\xcf\x11\xe0" + bytes(2000)


def _without(name: str) -> Callable[[dict[str, bytes]], None]:
    return lambda parts: parts.pop(name) and None


CHANGES: dict[str, tuple[Callable[[dict[str, bytes]], None], str]] = {
    "a far cell under prefixed names": (_far, "refused"),
    "entities": (_entity("utf-8"), "refused"),
    "entities in UTF-16": (_entity("utf-16"), "refused"),
    "an entity of another file": (_external, "refused"),
    "parts that lead out of the archive": (_slip, "right"),
    "macros": (_macro, "right"),
    "no workbook part": (_without("xl/workbook.xml"), "refused"),
    "no sheet": (_without("xl/worksheets/sheet1.xml"), "refused"),
    "no relations": (_without("xl/_rels/workbook.xml.rels"), "refused"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_dangerous_workbook_is_refused_and_a_harmless_one_read(what):
    change, outcome = CHANGES[what]
    content = corpus.archive(corpus.xlsx(GOOD["估值.csv"].rows), change)
    assert judge(GOOD["估值.csv"], content) == outcome
    assert not Path("/tmp/slipped").exists()  # noqa: S108


def test_a_part_that_stands_twice_is_refused_rather_than_one_of_the_two_believed():
    content = corpus.xlsx(GOOD["估值.csv"].rows)
    file = io.BytesIO(content)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(file, "a") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", archive.read("xl/worksheets/sheet1.xml"))
    assert "once" in refusal("估值.csv", lambda: values(GOOD["估值.csv"], file.getvalue())).rule


def test_the_same_cells_under_prefixed_names_are_read_right_or_refused():
    content = corpus.sheet_part(corpus.xlsx(GOOD["估值.csv"].rows), _prefixed)
    judge(GOOD["估值.csv"], content)


@pytest.mark.parametrize("kind", ["encrypted", "ods", "xlsb", "docx", "html as xls", "empty zip"])
def test_what_is_no_workbook_that_we_read_is_refused(kind):
    def archive(*names: str) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as made:
            for name in names:
                made.writestr(name, "<a/>")
        return file.getvalue()

    contents = {
        "encrypted": b"\xd0\xcf\x11\xe0" + bytes(508) + "EncryptedPackage".encode("utf-16-le"),
        "ods": archive("mimetype", "content.xml"),
        "xlsb": archive("[Content_Types].xml", "xl/workbook.bin"),
        "docx": archive("[Content_Types].xml", "word/document.xml"),
        "html as xls": b"<html><table><tr><td>920493</td></tr></table></html>",
        "empty zip": archive(),
    }
    error = refusal("估值.csv", lambda: values(GOOD["估值.csv"], contents[kind]))
    assert kind != "encrypted" or "password" in error.rule


@pytest.mark.parametrize("typed", [True, False])
def test_days_counted_from_1904_are_never_four_years_off(typed):
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True, "date_1904": True}) as book:
        sheet, look = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, ["证券代码", "上市日期"])
        sheet.write(1, 0, "920493.BJ")
        if typed:
            sheet.write_datetime(1, 1, dt.date(2021, 11, 15), look)
        else:
            sheet.write_number(1, 1, 43053)
    refusal(
        "a.xlsx",
        lambda: layouts.read(
            [Delivery("", "a.xlsx", file.getvalue())], tables.RAW_LISTINGS, ISSUE_65
        ),
    )


def test_hidden_rows_count_merged_keys_are_refused_and_hidden_sheets_are_not_read():
    good = GOOD["daily.csv"]
    book = openpyxl.load_workbook(io.BytesIO(corpus.xlsx(good.rows)))
    book.active.row_dimensions[3].hidden = True
    book.create_sheet("draft").append(["ts_code", "trade_date", "close", "vol"])
    book["draft"].append([CODES[0], "20260227", 999, 9])
    book["draft"].sheet_state = "hidden"
    file = io.BytesIO()
    book.save(file)
    assert judge(good, file.getvalue()) == "right"
    book.active.merge_cells("A2:A3")
    file = io.BytesIO()
    book.save(file)
    assert judge(good, file.getvalue()) == "refused"


# --- too large ---------------------------------------------------------------------------------

_BOMBS = r"""
import io, resource, sys, time, zipfile
resource.setrlimit(resource.RLIMIT_AS, (3 * 1024**3,) * 2)
from bj_pipeline.errors import DataError
from bj_pipeline.sources import Delivery, layouts
from bj_pipeline_tests.endurance import corpus
book = corpus.xlsx(corpus.GOOD["估值.csv"].rows)
def changed(sheet=None, strings=None, times=1):
    def change(parts):
        if sheet:
            parts["xl/worksheets/sheet1.xml"] = sheet
        if strings:
            parts["xl/sharedStrings.xml"] = strings
    return corpus.archive(book, change)
head = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
tail = b'</sheetData></worksheet>'
cell = b'<c t="s"><v>0</v></c>'
strings = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>' + b'x' * 1_000_000 + b'</t></si></sst>'
def archive_of(size):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        with made.open("xl/workbook.xml", "w", force_zip64=True) as part:
            for _ in range(size):
                part.write(bytes(16 * 1024**2))
    return file.getvalue()
bombs = {
    "unpacks to gigabytes": lambda: archive_of(20),
    "one long text in many cells": lambda: changed(head + b'<row>' + cell * 20_000 + b'</row>' + tail, strings),
    "cells without places, rows without end": lambda: changed(head + b'<row>' + b'<c><v>1</v></c>' * 20_000 + b'</row>' + b'<row/>' * 200_000 + b'<row><c><v>1</v></c></row>' + tail),
    "cells that never end": lambda: changed(head + b'<c r="A1">' * 300_000),
    "cells whose names never end": lambda: changed(head + b'<c ' * 400_000 + b'<f>'),
    "a far row": lambda: changed(head + b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>' + tail),
    "only commas": lambda: b"," * 60_000_000 + b"\n",
    "one long quotation": lambda: b'"' + b"x" * 5_000_000 + b'"\n',
    "brackets in a header": lambda: ("证券代码," + "[(" * 60_000 + "\n920493.BJ,1\n").encode(),
    "digits without end": lambda: ("证券代码,总市值(元)2026-02-27\n920493.BJ," + "9" * 120_000 + "\n").encode(),
    "blanks": lambda: b" " * 60_000_000,
    "lines without end": lambda: b"a\n" * 9_000_000,
    "too large at all": lambda: b"a,b\n" * 17_000_000,
}
for name, make in bombs.items():
    content = make()
    started = time.monotonic()
    try:
        layouts.recognise(Delivery("", "bomb", content))
        delivery = Delivery("", "bomb", content)
        from bj_pipeline_tests.sources.vendor_files import ONE_SESSION
        layouts.read([delivery], "raw_valuations", ONE_SESSION)
        print(f"READ {name}")
    except DataError as error:
        assert str(error).startswith("bomb") and len(str(error)) < 2000, name
        print(f"refused {time.monotonic() - started:.1f} {name}: {error}"[:300])
"""


def test_bombs_are_refused_quickly_and_in_little_memory():
    done = subprocess.run(
        [sys.executable, "-c", _BOMBS], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()
    assert len(lines) == _BOMBS.count("lambda: ")
    assert not [line for line in lines if line.startswith("READ")]
    assert all(float(line.split()[1]) < SECONDS for line in lines), lines
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert peak < 2.5 * 1024**2, f"{peak} kB"


def test_a_csv_of_gigabytes_is_refused_unread(tmp_path):
    with (tmp_path / "daily.csv").open("wb") as file:
        file.truncate(3 * 1024**3)
    error = refusal("daily.csv", lambda: FilesSource(tmp_path).deliver(ISSUE_65, tables.RAW_QUOTES))
    assert f"{BYTES_LIMIT // 1024**2} MB" in error.rule


# --- cells and sheets that say two things --------------------------------------------------------


def _book(form: str, merged: tuple[int, int, int, int], second: int | None) -> bytes:
    """The good daily file with a merged range, or with a second sheet of other closes."""
    rows = GOOD["daily.csv"].rows
    file = io.BytesIO()
    if form == "xls":
        old = xlwt.Workbook()
        for number in range(1 if second is None else 2):
            sheet = old.add_sheet(f"s{number}", cell_overwrite_ok=True)
            for down, row in enumerate(rows):
                for across, cell in enumerate(row):
                    sheet.write(down, across, cell)
        if second is None:
            old.get_sheet(0).merge(*merged)
        else:
            old.get_sheet(1).write(1, 2, 999.0)
            old.get_sheet(1).visibility = second
        old.save(file)
        return file.getvalue()
    book = openpyxl.load_workbook(io.BytesIO(corpus.xlsx(rows)))
    if second is None:
        top, bottom, left, right = merged
        book.active.merged_cells.add(
            f"{openpyxl.utils.get_column_letter(left + 1)}{top + 1}:"
            f"{openpyxl.utils.get_column_letter(right + 1)}{bottom + 1}"
        )
    else:
        other = book.copy_worksheet(book.active)
        other["C2"] = 999.0
        other.sheet_state = ("visible", "hidden", "veryHidden")[second]
    book.save(file)
    return file.getvalue()


@pytest.mark.parametrize("form", ["xlsx", "xls"])
@pytest.mark.parametrize("column", range(4))
def test_a_cell_merged_over_rows_of_companies_is_refused_whatever_lies_beneath(form, column):
    good = GOOD["daily.csv"]
    merged = _book(form, (2, 3, column, column), None)
    error = refusal(good.name, lambda: values(good, merged))
    assert (error.row, "merged" in error.rule) == (3, True)


@pytest.mark.parametrize("form", ["xlsx", "xls"])
@pytest.mark.parametrize("visibility", [0, 1, 2])
def test_a_second_sheet_with_other_numbers_is_refused_unless_it_is_hidden(form, visibility):
    good = GOOD["daily.csv"]
    content = _book(form, (0, 0, 0, 0), visibility)
    if visibility:
        assert judge(good, content) == "right"
    else:
        assert "visible sheet" in refusal(good.name, lambda: values(good, content)).rule


@pytest.mark.parametrize("name", ["daily.csv", "估值.csv"])
@pytest.mark.parametrize("columns", [16_000, 100_000])
def test_columns_without_end_take_no_time(name, columns):
    good = GOOD[name]
    header, *rows = good.rows
    titles = [f"x{at}" for at in range(columns)]
    wide = [[*header, *titles], *([*row, *[""] * columns] for row in rows)]
    outcome = judge(good, corpus.csv(wide))
    assert outcome == "refused" or columns < 16_384
