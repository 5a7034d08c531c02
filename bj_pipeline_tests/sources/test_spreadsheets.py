import csv
import datetime as dt
import io
import zipfile

import openpyxl
import pytest
import xlsxwriter

from bj_pipeline.errors import DataError
from bj_pipeline.sources import formats, spreadsheets
from bj_pipeline.sources.spreadsheets import sheets
from bj_pipeline_tests.sources.vendor_files import (
    WRITERS,
    office,
    openpyxl_xlsx,
    text,
    xlsxwriter_xlsx,
    xlwt_xls,
)

ROWS = [
    ["证券代码", "名称", "收盘价"],
    ["920493.BJ", "并行科技", 152.5],
    ["430017", "星昊医药", 18],
]


@pytest.mark.parametrize("writer", WRITERS)
def test_every_format_gives_the_same_cells(writer):
    _, write = WRITERS[writer]
    (sheet,) = sheets("a", write(ROWS))
    assert [list(row[:2]) for row in sheet.rows] == [row[:2] for row in ROWS]
    assert [float(row[2]) for row in sheet.rows[1:]] == [152.5, 18.0]
    assert list(sheet.lines) == [1, 2, 3]


@pytest.mark.parametrize("suffix", ["xls", "xlsx"])
def test_workbooks_of_libreoffice_give_the_same_cells(suffix, tmp_path):
    (sheet,) = sheets("a", office(ROWS, suffix, tmp_path / suffix))
    assert [list(row[:2]) for row in sheet.rows] == [row[:2] for row in ROWS]


@pytest.mark.parametrize("writer", ["openpyxl", "xlsxwriter", "xlwt"])
def test_a_workbook_keeps_text_numbers_and_days_apart(writer):
    day = dt.date(2026, 2, 27)
    (sheet,) = sheets("a", WRITERS[writer][1]([["00001", 1, day]]))
    assert sheet.rows[0] == ["00001", 1, day]


def test_blank_rows_are_dropped_and_lines_still_count_them():
    (sheet,) = sheets("a", b"a,b\n\n1,2\n , \n3,4\n")
    assert list(sheet.rows) == [["a", "b"], ["1", "2"], ["3", "4"]]
    assert list(sheet.lines) == [1, 3, 5]
    (sheet,) = sheets("a", openpyxl_xlsx([["a"], [None], ["b"]]))
    assert list(sheet.lines) == [1, 3]


def test_a_line_break_inside_a_cell_moves_the_lines_below():
    (sheet,) = sheets("a", text([["总市值\n[单位] 亿元", "b"], [1, 2]]))
    assert sheet.rows[0][0] == "总市值\n[单位] 亿元"
    assert list(sheet.lines) == [1, 3]


def test_hidden_sheets_are_not_read():
    book = openpyxl.Workbook()
    book.active.append(["seen"])
    hidden = book.create_sheet("draft")
    hidden.append(["unseen"])
    hidden.sheet_state = "hidden"
    file = io.BytesIO()
    book.save(file)
    assert [list(sheet.rows) for sheet in sheets("a", file.getvalue())] == [[["seen"]]]


def _archive(**members: bytes) -> bytes:
    """A workbook with some members replaced or added."""
    source = zipfile.ZipFile(io.BytesIO(openpyxl_xlsx(ROWS)))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            if name not in members:
                archive.writestr(name, source.read(name))
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def _zip(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def _formula(formula: str, result: str) -> bytes:
    """A workbook with a name in A1 and a formula's result in B1."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "PE")
        sheet.write_formula(0, 1, formula, None, result)
    return file.getvalue()


def _far_cell() -> bytes:
    book = openpyxl.Workbook()
    book.active["A1"] = book.active["XFD1048576"] = 1
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


BAD = {
    "nothing": (b"", "an empty file"),
    "blanks": (b" \n \n", "an empty file"),
    "only commas": (b",,\n,,\n", "no filled cell"),
    "a page of HTML": (b"<!DOCTYPE html><html><body>403</body></html>", "HTML"),
    "HTML after a mark": (b"\xef\xbb\xbf  <html>", "HTML"),
    "an XML error": (b'<?xml version="1.0"?><error/>', "HTML or XML"),
    "random bytes": (bytes(range(256)) * 4, "binary|byte 0x"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(64), "binary|byte 0x"),
    "text in UTF-16": ("代码,名称\n".encode("utf-16"), "binary|byte 0x"),
    "neither UTF-8 nor GB18030": (b"a,b\n1,\xff\xff\n", "line 2.*byte 0xff"),
    "UTF-8 with a damaged byte": (
        "代码,名称\n920493,并行科技\n".encode().replace("科".encode(), b"\xe7\xa7"),
        "line 2.*byte 0xe7",
    ),
    "an open quotation": (b'a,b\n1,2\n"3,4\n', "line 3.*quoted"),
    "half a workbook": (openpyxl_xlsx(ROWS)[:900], "can be read"),
    "a workbook with flipped bytes": (
        openpyxl_xlsx(ROWS).replace(b"PK\x01\x02", b"PK\x09\x09"),
        "can be read",
    ),
    "a zip that is no workbook": (_zip(**{"notes.txt": b"hello"}), "can be read"),
    "a workbook with a password": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096),
        "can be read",
    ),
    "a damaged old workbook": (xlwt_xls(ROWS)[:5000], "can be read"),
    "half an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "can be read"),
    "entities": (
        _archive(**{"xl/sharedStrings.xml": b'<!DOCTYPE a [<!ENTITY b "c">]><sst>&b;</sst>'}),
        "entities",
    ),
    "a far cell": (_far_cell(), "17179869184 cells"),
    "a failed formula": (_formula("=WSD()", "#NAME?"), "#NAME\\? in B1"),
}


def _marked_up(old: bytes, new: bytes, part: str = "xl/worksheets/sheet1.xml") -> bytes:
    """A workbook of a code, a price and a flag, with something else in its markup."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["代码", "收盘价", "停牌"])
        sheet.write_row(1, 0, ["920060.BJ", 12.5, True])
    source = zipfile.ZipFile(file)
    data = source.read(part)
    assert old in data
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, data.replace(old, new) if name == part else source.read(name))
    return changed.getvalue()


PRICE = b'<c r="B2"><v>12.5</v></c>'
UNCLEAR = {
    "a column of six letters": (PRICE, b'<c r="ZZZZZZ2"><v>12.5</v></c>', "ZZZZZZ2 in row 2"),
    "one behind an odd prefix": (
        PRICE,
        b'<a-b:c r="ZZZZZZ2"><v>12.5</v></a-b:c>',
        "ZZZZZZ2 in row 2",
    ),
    "one behind a right one in quotes": (
        PRICE,
        b'<c x=" r=\'B2\'" r="ZZZZZZ2"><v>12.5</v></c>',
        "ZZZZZZ2 in row 2",
    ),
    "a place that is written as codes": (PRICE, b'<c r="B&#50;"><v>12.5</v></c>', "B&#50;"),
    "a cell of the row below": (PRICE, b'<c r="B3"><v>12.5</v></c>', "B3 in row 2"),
    "a cell between the rows": (PRICE, b"</row>" + PRICE + b'<row r="3">', '<c r="B2">'),
    "a row within a row": (PRICE, PRICE + b'<row r="3"></row>', '<row r="3">'),
    "a row that is none": (b'<row r="2"', b'<row r="0"', "row 0 behind row 1"),
    "a row that stands twice": (b'<row r="2"', b'<row r="1"', "row 1 behind row 1"),
    "a cell that stands twice": (PRICE, PRICE + PRICE, "B2 in row 2, behind column 2"),
    "two values of a cell": (PRICE, PRICE.replace(b"</v>", b"</v><v>9</v>"), "<v>12.5</v><v>9"),
    "a remark in a number": (PRICE, PRICE.replace(b".", b"<!-- x -->."), "12<!-- x -->.5"),
    "an instruction in a number": (PRICE, PRICE.replace(b".", b"<?x?>."), "12<\\?x\\?>.5"),
    "an element in a number": (PRICE, PRICE.replace(b".", b"<x>0</x>."), "12<x>0</x>.5"),
    "a number in raw characters": (PRICE, PRICE.replace(b"12.5", b"<![CDATA[12.5]]>"), "CDATA"),
    "a number in codes": (PRICE, PRICE.replace(b"2.5", b"&#50;.5"), "1&#50;.5 in B2"),
    "a text in a number's cell": (PRICE, PRICE.replace(b"<v>", b"<is><t>9</t></is><v>"), "<is>"),
    "a text that is not one": (PRICE, b'<c r="B2" t="inlineStr"><is>9</is></c>', "<is>9"),
    "two texts": (
        PRICE,
        b'<c r="B2" t="inlineStr"><is><t>1</t></is><is><t>9</t></is></c>',
        "<is>",
    ),
    "a number beside a text": (PRICE, PRICE.replace(b">", b' t="inlineStr">', 1), "12.5 beside"),
    "a second table": (
        b"</sheetData>",
        b"</sheetData><sheetData></sheetData>",
        "more than one table",
    ),
    "a text of a negative number": (b"<v>3</v>", b"<v>-1</v>", "number -1 in A2"),
    "a text of a broken number": (b"<v>3</v>", b"<v>1.5</v>", "number 1.5 in A2"),
    "a text of a number behind a blank": (b"<v>3</v>", b"<v> 3</v>", "number  3 in A2"),
    "a text that is not there": (b"<v>3</v>", b"<v>4</v>", "number 4 in A2"),
}


@pytest.mark.parametrize("what", UNCLEAR)
def test_markup_that_could_be_read_as_another_figure_or_place_is_refused(what):
    old, new, found = UNCLEAR[what]
    with pytest.raises(DataError, match=found) as refused:
        sheets("closes.xlsx", _marked_up(old, new))
    assert "closes.xlsx: a sheet says of each cell once, and in order" in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (PRICE, b'<c r="B2" r="B3"><v>12.5</v></c>'),
        (PRICE, b"<c r=B2><v>12.5</v></c>"),
        (PRICE, b"</row>" + PRICE),
        (PRICE, PRICE.replace(b"</c>", b"")),
        (b"</sheetData>", b""),
        (b"</worksheet>", b""),
    ],
)
def test_a_sheet_that_is_no_xml_is_refused(old, new):
    with pytest.raises(DataError, match=r"closes\.xlsx: the workbook can be read, found xl/works"):
        sheets("closes.xlsx", _marked_up(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (PRICE, b"<c  s='0'\n r='B2' ><v >12.5</v ></c >"),
        (PRICE, b"<c><v>12.5</v></c>"),
        (PRICE, b'<x:c r="B2"><x:v>12.5</x:v></x:c>'),
        (b"</row></sheetData>", b'<c r="CA2" s="0"/></row></sheetData>'),
        (b'<row r="2"', b'<row customHeight="1"'),
        (b"</sheetData>", b'<row r="9" hidden="1"></row></sheetData>'),
        (b' r="A1"', b""),
    ],
)
def test_markup_may_be_written_in_every_plain_way(old, new):
    (sheet,) = sheets("closes.xlsx", _marked_up(old, new))
    assert [row[:3] for row in sheet.rows] == [
        ["代码", "收盘价", "停牌"],
        ["920060.BJ", 12.5, True],
    ]


def test_a_text_may_speak_of_the_markup():
    said = "sheetData &lt;sheetData&gt; &lt;c r=&quot;ZZZZZZ2&quot;&gt;"
    changed = _marked_up("停牌".encode(), said.encode(), "xl/sharedStrings.xml")
    (sheet,) = sheets("closes.xlsx", changed)
    assert sheet.rows[0][2] == 'sheetData <sheetData> <c r="ZZZZZZ2">'


SHARED = "xl/sharedStrings.xml"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"</si>", b"</si><si><t>9</t></si>"),
        (b"</si>", b"</si><si/>"),
        (b"</si>", b"<t>9</t></si>"),
        (b"</si>", b"<r><t>9</t></r></si>"),
        (b"</si>", b"<!-- 9 --></si>"),
        (b"</si>", b"<is><t>9</t></is></si>"),
        (b"<t>", b"<t><![CDATA[9]]>"),
        (b"<t>", b"<t><t>9</t>"),
        (b'uniqueCount="4"', b'uniqueCount="5"'),
    ],
)
def test_shared_texts_of_which_another_reader_would_find_others_are_refused(old, new):
    with pytest.raises(DataError, match=r"closes\.xlsx: a workbook holds as many shared texts"):
        sheets("closes.xlsx", _marked_up(old, new, SHARED))


@pytest.mark.parametrize(
    "text",
    [
        "<r><rPr><b/><sz val='11'/><rFont val='宋体'/></rPr><t>停</t></r><r><t>牌</t></r>",
        "<t xml:space='preserve'>停牌</t><rPh sb='0' eb='1'><t>ting</t></rPh>",
        "\n<t>停牌</t >\n",
        "<r><rPr/><t>停牌</t></r><r><t/></r><phoneticPr fontId='1' type='noConversion'/>",
    ],
)
def test_a_shared_text_may_be_written_in_every_plain_way(text):
    changed = _marked_up("<t>停牌</t>".encode(), text.encode(), SHARED)
    (sheet,) = sheets("closes.xlsx", changed)
    assert sheet.rows[0][2] == "停牌"


def test_a_line_end_that_excel_wrote_as_its_code_is_one():
    changed = _marked_up("代码".encode(), "代_x000D_\n码_x005F_x".encode(), "xl/sharedStrings.xml")
    (sheet,) = sheets("closes.xlsx", changed)
    assert sheet.rows[0][0] == "代\r\n码_x"


@pytest.mark.parametrize("what", BAD)
def test_a_damaged_or_dangerous_file_is_refused_by_name(what):
    content, message = BAD[what]
    with pytest.raises(DataError, match=rf"(?s)^market\.csv.*({message})") as raised:
        sheets("market.csv", content)
    assert raised.value.remedy


def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_unpacked():
    bomb = _archive(**{"xl/media/image1.bin": bytes(spreadsheets.UNPACKED_LIMIT + 1)})
    assert len(bomb) < 2_000_000
    with pytest.raises(DataError, match="unpacks to at most 256 MB"):
        sheets("bomb.xlsx", bomb)


def test_a_file_larger_than_any_vendors_table_is_refused(monkeypatch):
    monkeypatch.setattr(spreadsheets, "BYTES_LIMIT", 10)
    with pytest.raises(DataError, match="found 11 bytes"):
        sheets("a.csv", b"a,b\n1,22222")


def test_a_formula_that_found_nothing_is_no_blank_and_a_pasted_error_is_one():
    (sheet,) = sheets("a", _formula("=NA()", "#N/A"))
    assert sheet.rows[0] == ["PE", formats.NO_RESULT]
    book = openpyxl.Workbook()
    book.active.append(["PE", "#N/A"])
    assert book.active["B1"].data_type == "e"
    file = io.BytesIO()
    book.save(file)
    (sheet,) = sheets("a", file.getvalue())
    assert sheet.rows[0] == ["PE", ""]


@pytest.mark.parametrize("mark", ["\t", ";"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_cells_may_be_separated_by_tabs_and_semicolons_beside_commas_in_numbers(mark, encoding):
    rows = [["代码", "总市值\n(元)"], ["920493", "1,017.6"], ["920002", "2,017,600"]]
    file = io.StringIO()
    csv.writer(file, delimiter=mark, lineterminator="\r\n").writerows(rows)
    (sheet,) = sheets("a.csv", file.getvalue().encode(encoding))
    assert sheet.rows == rows


def test_tabs_behind_cells_do_not_separate_them():
    (sheet,) = sheets("a.csv", "代码,名称\n920493\t,并行科技\n920002\t,万达轴承\n".encode())
    assert [len(row) for row in sheet.rows] == [2, 2, 2]


def test_chinese_in_gb18030_is_read_even_where_pairs_look_like_utf8():
    (sheet,) = sheets("a", "联通,移动通信\n炼石,北证\n".encode("gb18030"))
    assert sheet.rows == [["联通", "移动通信"], ["炼石", "北证"]]


def test_formats_are_told_by_content_not_by_name():
    assert sheets("data.csv", xlsxwriter_xlsx(ROWS))[0].rows[1][0] == "920493.BJ"
