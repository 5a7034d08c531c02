# ruff: noqa: E501 - cases are read a line each
"""Whatever is wrong with a file: the right number, or an error that names the file and the rule.

Files say things that are known (``corpus``). Each test spoils them in one way, several hundred
cases in all, and judges what comes out: never another number, never a crash, never a hang.
"""

import datetime as dt
import io
import json
import os
import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bj_pipeline.automation import inbox_sensor
from bj_pipeline.errors import DataError, PipelineError
from bj_pipeline.settings import load_settings
from bj_pipeline.sources import Delivery, layouts
from bj_pipeline.sources.files import FilesSource
from bj_pipeline.sources.spreadsheets import sheets
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.endurance import corpus
from bj_pipeline_tests.endurance.corpus import BASE, CLOSE, GOOD, values
from bj_pipeline_tests.endurance.judging import QUIET, in_time, judge, refusal
from bj_pipeline_tests.sources.vendor_files import ONE_SESSION, WRITERS, text

# --- what is right is read right ---------------------------------------------------------------


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_says_the_same_in_every_format(name, writer):
    good = GOOD[name]
    assert judge(good, WRITERS[writer][1](good.rows)) == "right"


@pytest.mark.parametrize("name", GOOD)
def test_line_ends_marks_and_repeated_rows_change_no_number(name):
    good = GOOD[name]
    content = corpus.csv(good.rows)
    mixed = re.sub(rb"\n(?=[^\n]*\n[^\n]*\n)", b"\r\n", content, count=1)
    for spoiled in (content.replace(b"\n", b"\r\n"), mixed, b"\xef\xbb\xbf" + content):
        assert judge(good, spoiled) == "right"
    assert judge(good, content, content) == "right"
    assert judge(good, corpus.csv([*good.rows[:2], good.rows[1], *good.rows[2:]])) == "right"


# --- cut ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize("name", GOOD)
def test_a_csv_that_was_cut_anywhere_gives_no_wrong_number(name, encoding):
    good = GOOD[name]
    content = text(good.rows, encoding)
    for end in range(len(content)):
        outcome = judge(good, content[:end], may_lack_rows=True)
        assert outcome == "refused" or content[:end].endswith(b"\n"), content[:end]


@pytest.mark.parametrize("form", ["xlsx", "xls"])
@pytest.mark.parametrize("name", ["daily.csv", "估值.csv"])
def test_a_workbook_that_was_cut_anywhere_is_refused(name, form, thorough):
    good = GOOD[name]
    content = (corpus.xlsx if form == "xlsx" else corpus.xls)(good.rows)

    @settings(max_examples=400 if thorough else 15, **QUIET)
    @given(st.integers(0, len(content) - 1))
    def cut(end):
        # An .xls ends in padding: what is cut there takes nothing away.
        outcome = judge(good, content[:end])
        assert form == "xls" or outcome == "refused"

    cut()


def test_a_workbook_with_damaged_bytes_is_refused_or_right(thorough):
    good = GOOD["daily_basic.csv"]
    content = corpus.xlsx(good.rows)

    @settings(max_examples=500 if thorough else 40, **QUIET)
    @given(st.integers(0, len(content) - 4), st.binary(min_size=1, max_size=4))
    def damaged(at, junk):
        judge(good, content[:at] + junk + content[at + len(junk) :])

    damaged()


MARKUP = (
    b"<!-- -->", b"<!--", b"<?x?>", b"<![CDATA[", b"]]>", b"<x/>", b"<x>", b"</x>",
    b"<v>", b"</v>", b"<v/>", b"<v>9</v>", b"<c>", b"</c>", b"<c/>", b"<c><v>9</v></c>",
    b"<f>1</f>", b"<row>", b"</row>", b"<row/>", b"</row><row>", b"<sheetData>", b"</sheetData>",
    b"</sheetData><sheetData>", b"<is><t>9</t></is>", b"<si/>", b"<si><t>9</t></si>", b"</worksheet>",
    b"<t>9</t>", b"<r><t>9</t></r>", b"<is/>", b"</si><si>", b"</t><t>", b"<si>", b"</si>",
    b'<c t="inlineStr"><is><t>9</t></is></c>', b"<is><r><t>9</t></r></is>", b"<extLst/>",
)  # fmt: skip


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"])
@pytest.mark.parametrize("name", ["daily_basic.csv", "同花顺财务.csv"])
def test_markup_that_was_damaged_anywhere_gives_no_wrong_number(name, part, thorough):
    good = GOOD[name]
    source = zipfile.ZipFile(io.BytesIO(WRITERS["xlsxwriter"][1](good.rows)))
    data = source.read(part)

    @settings(max_examples=1000 if thorough else 60, **QUIET)
    @given(st.integers(0, len(data)), st.sampled_from(MARKUP))
    def damaged(at, junk):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for other in source.namelist():
                spoiled = data[:at] + junk + data[at:]
                archive.writestr(other, spoiled if other == part else source.read(other))
        judge(good, file.getvalue())

    damaged()


@settings(max_examples=60, **QUIET)
@given(st.binary(max_size=300), st.sampled_from(sorted(GOOD)))
def test_any_bytes_under_any_name_are_refused(junk, name):
    refusal(name, lambda: values(GOOD[name], junk))


@settings(max_examples=60, **QUIET)
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_bytes_that_no_text_holds_are_refused_wherever_they_stand(name, data):
    content = corpus.csv(GOOD[name].rows)
    at = data.draw(st.integers(0, len(content)))
    junk = data.draw(
        st.sampled_from([b"\x00", b"\x01", b"\x7f", b"\x1b[31m", b"\xff\xff", b"\x08"])
    )
    error = refusal(name, lambda: values(GOOD[name], content[:at] + junk + content[at:]))
    assert str(error).isprintable()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "big5", "utf-7", "hz"])
@pytest.mark.parametrize("name", ["估值.csv", "stock_notice_report_20260227.csv"])
def test_another_encoding_is_refused(name, encoding):
    content = corpus.csv(GOOD[name].rows).decode().encode(encoding, errors="replace")
    refusal(name, lambda: values(GOOD[name], content))


# --- how a number is written -------------------------------------------------------------------

NUMBERS = [(name, header) for name, good in GOOD.items() for header in good.numbers]


@pytest.mark.parametrize(("name", "header"), NUMBERS)
def test_what_is_no_number_is_refused_with_its_line(name, header):
    good = GOOD[name]
    for written in corpus.REFUSED:
        content = corpus.csv(corpus.with_cell(good, header, written))
        error = refusal(name, lambda content=content: values(good, content))
        begins = 1 + content[: content.index(b"\n" + str(good.rows[1][0]).encode())].count(b"\n")
        assert error.row == begins + 1, (written, str(error))
        book = corpus.xlsx(corpus.with_cell(good, header, written))
        if written not in {"TRUE", "2026-02-27"} and len(written) < 8:
            refusal(name, lambda book=book: values(good, book))


@pytest.mark.parametrize(("name", "header"), NUMBERS)
def test_every_way_to_write_a_number_gives_that_number(name, header):
    good, column = GOOD[name], GOOD[name].numbers[header]
    key = corpus.key_of(good)
    plain = corpus.csv(corpus.with_cell(good, header, 1000))
    scale = round(float(values(good, plain)[key][column]) / 1000)
    signed = corpus.NEGATIVE if column in {"pe_ttm", "revenue", "net_profit"} else {}
    for written, number in {**corpus.READ, **signed}.items():
        content = corpus.csv(corpus.with_cell(good, header, written))
        assert values(good, content)[key][column] == pytest.approx(number * scale, rel=1e-15)


@pytest.mark.parametrize(("name", "header"), NUMBERS)
def test_what_must_be_above_zero_is_not_read_otherwise(name, header):
    good, column = GOOD[name], GOOD[name].numbers[header]
    if column in {"pe_ttm", "revenue", "net_profit", "volume"}:
        pytest.skip("may be negative, or is judged by a check of the raw tables")
    for written in (*corpus.NEGATIVE, "0", "0.0", "-0", "1e-400"):
        content = corpus.csv(corpus.with_cell(good, header, written))
        assert (
            "greater than zero" in refusal(name, lambda content=content: values(good, content)).rule
        )


@pytest.mark.parametrize("cell", [True, dt.date(2026, 2, 27), dt.time(9, 30), "15.25①"])
@pytest.mark.parametrize("form", ["xlsx", "xls"])
def test_a_typed_cell_that_is_no_number_is_refused(form, cell):
    if form == "xls" and isinstance(cell, dt.date | dt.time):
        pytest.skip("the writer makes a plain number of it")
    good = GOOD["估值.csv"]
    rows = corpus.with_cell(good, list(good.numbers)[2], cell)
    write = corpus.xlsx if form == "xlsx" else corpus.xls
    refusal("估值.csv", lambda: values(good, write(rows)))


# --- days and codes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "day",
    ["27/02/2026", "02-27-2026", "2026-02-30", "2026-13-01", "20260230", "46080", "", "2026-02-2⑦",
     "2026-02", "yesterday", "0000-00-00", "2026-02-27+08:00", "99999999", "1e9", "-20260227"],
)  # fmt: skip
def test_what_is_no_day_is_refused(day):
    good = GOOD["daily.csv"]
    refusal(
        "daily.csv", lambda: values(good, corpus.csv(corpus.with_cell(good, "trade_date", day)))
    )


@pytest.mark.parametrize("shift", [-3650, -364, -7, -1, 1, 3, 7, 364, 3650])
def test_files_of_another_day_are_not_taken_for_this_week(shift):
    good = GOOD["daily.csv"]
    rows = [
        [
            f"{dt.date.fromisoformat(str(cell)) + dt.timedelta(days=shift):%Y%m%d}"
            if at == 1 and down
            else cell
            for at, cell in enumerate(row)
        ]
        for down, row in enumerate(good.rows)
    ]
    error = refusal("daily.csv", lambda: values(good, corpus.csv(rows)))
    assert CLOSE.isoformat() in error.rule


def test_base_and_close_files_under_each_others_names_are_still_read_by_their_days():
    good = GOOD["daily.csv"]
    by_day = {
        day: corpus.csv(
            [good.rows[0], *(row for row in good.rows[1:] if row[1] == f"{day:%Y%m%d}")]
        )
        for day in (BASE, CLOSE)
    }
    swapped = ("daily_20260227.csv", "daily_20260213.csv")
    assert values(good, by_day[BASE], by_day[CLOSE], names=swapped) == good.truth


@pytest.mark.parametrize(
    "code",
    ["920493.SH", "920493.SZ", "600000.BJ", "000001.BJ", "92049.BJ", "9204930.BJ", "920493.XX", "",
     "920493-BJ", "SH920493", "92O493.BJ", "920493①", "并行科技", "9.20493e5x", "920493.BJ.BJ"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["daily.csv", "估值.csv", "income.csv"])
def test_what_is_no_code_of_this_exchange_is_refused(name, code):
    good = GOOD[name]
    content = corpus.csv(corpus.with_cell(good, str(good.rows[0][0]), code))
    refusal(name, lambda: values(good, content))


def test_companies_of_other_exchanges_are_left_out_and_said():
    good = GOOD["daily.csv"]
    rows = [*good.rows, *(["600000.SH", row[1], 9.9, 1] for row in good.rows[1:3])]
    assert judge(good, corpus.csv(rows)) == "right"
    reading = layouts.read([Delivery("", "daily.csv", text(rows))], good.table, ONE_SESSION)
    assert any("600000.SH" in note and "other exchanges" in note for note in reading.notes)


# --- columns, rows, units ----------------------------------------------------------------------


@pytest.mark.parametrize("name", GOOD)
def test_a_column_that_is_missing_renamed_or_repeated_gives_no_wrong_number(name):
    good = GOOD[name]
    for at in range(len(good.rows[0])):
        without = [[cell for here, cell in enumerate(row) if here != at] for row in good.rows]
        header = [f"{cell}_x" if here == at else cell for here, cell in enumerate(good.rows[0])]
        other = [row[at] if not down else f"1{row[at]}" for down, row in enumerate(good.rows)]
        doubled = [[*row, new] for row, new in zip(good.rows, other, strict=True)]
        for rows in (without, [header, *good.rows[1:]], doubled):
            try:
                found = values(good, corpus.csv(rows))
            except PipelineError as error:
                told, found = str(error), {}
            else:
                told = name
            assert name in told
            for key, row in found.items():
                # What is gone is gone; what is there is right.
                own = good.truth.get(key, {})
                assert {
                    column: row[column] for column in row if row[column] is not None
                }.items() <= (own.items()), rows[:2]


@pytest.mark.parametrize(("name", "header"), NUMBERS)
def test_two_rows_or_files_that_contradict_each_other_are_refused(name, header):
    good = GOOD[name]
    other = corpus.with_cell(good, header, 77.25)
    joined = [*good.rows[:2], other[1], *good.rows[2:]]
    refusal(name, lambda: values(good, corpus.csv(joined)))
    refusal(name, lambda: values(good, corpus.csv(good.rows), corpus.csv(other)))


@pytest.mark.parametrize("name", GOOD)
def test_rows_with_cells_too_many_or_too_few_are_refused_with_their_line(name):
    good = GOOD[name]
    lines = corpus.csv(good.rows).decode().rstrip("\n").split("\n")
    for spoiled in (lines[-2] + ",9", lines[-2].rpartition(",")[0], lines[-2].replace(",", ";")):
        content = "\n".join([*lines[:-2], spoiled, lines[-1], ""]).encode()
        assert refusal(name, lambda content=content: values(good, content)).row == len(lines) - 1


@pytest.mark.parametrize(
    ("stated", "factor"),
    [("单位：万元、万股", 1e4), ("（单位：亿元 亿股）", 1e8), ("金额单位：人民币万元", 1e4), ("单位:元", 1),
     ("编制单位：某公司", 1), ("单位：百万", None), ("单位：万美元", None)],
)  # fmt: skip
def test_a_unit_that_stands_above_the_table_is_applied_or_refused(stated, factor):
    rows = [[stated, ""], ["证券代码", f"总市值[交易日期] {CLOSE}"], ["920493.BJ", 12.5]]

    def read() -> list[float]:
        delivery = Delivery("", "a.csv", text(rows))
        frame = layouts.read([delivery], tables.RAW_VALUATIONS, ONE_SESSION).frame
        return list(frame["market_cap"])

    if factor is None:
        assert "unit" in refusal("a.csv", read).rule
    else:
        assert read() == [12.5 * factor]


# --- folders and names -------------------------------------------------------------------------


def test_links_locks_and_unreadable_entries_of_a_folder_are_said_and_not_read(tmp_path):
    folder = tmp_path / "input"
    folder.mkdir()
    good = corpus.csv(GOOD["daily.csv"].rows)
    (folder / "daily.csv").write_bytes(good)
    outside = tmp_path / "daily_secret.csv"
    outside.write_bytes(good.replace(b"152.1", b"999.9"))
    (folder / "daily_link.csv").symlink_to(outside)
    (folder / "daily_up.csv").symlink_to("../daily_secret.csv")
    (folder / "daily_loop.csv").symlink_to("daily_loop.csv")
    (folder / "daily_gone.csv").symlink_to("nowhere.csv")
    (folder / "~$daily.xlsx").write_bytes(b"lock")
    (folder / ".daily.csv").write_bytes(good)
    (folder / "daily_folder.csv").mkdir()
    os.mkfifo(folder / "daily_pipe.csv")
    source = FilesSource(folder)
    with in_time():
        found = source.deliver(ONE_SESSION, tables.RAW_QUOTES)
        remarks = "\n".join(source.remarks())
    assert [one.name for one in found] == ["daily.csv"]
    for name in ("link", "up", "loop", "gone", "folder", "pipe"):
        assert f"daily_{name}.csv" in remarks
    assert "~$daily.xlsx" in remarks


def _inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BJ_HOME", str(tmp_path / "home"))
    given_settings = load_settings()
    given_settings.inbox.mkdir(parents=True)
    return given_settings


HOSTILE_NAMES = [
    "daily\nsecond.csv", "daily\x1b[31m.csv", "daily\u202evsc.csv", "日" * 80 + ".csv", "d" * 251 + ".csv",
    "<script>alert(1)</script>.csv".replace("/", ""), "=HYPERLINK(1).csv", "$(touch x).csv", "-rf.csv",
    "a;b.csv", "daily .csv", "%2e%2e%2fpasswd.csv", "up..\\..\\daily.csv", "NUL.csv", "*.csv",
]  # fmt: skip


def test_any_name_that_a_file_can_have_passes_the_inbox_and_never_stops_it(tmp_path, monkeypatch):
    home = _inbox(tmp_path, monkeypatch)
    junk = [name.encode() for name in HOSTILE_NAMES] + [b"daily_\xff\xfe.csv"]
    for name in junk:
        (Path(os.fsdecode(os.fsencode(home.inbox))) / os.fsdecode(name)).write_bytes(b"nothing\n")
    (home.inbox / "link.csv").symlink_to("/etc/passwd")
    now = dt.datetime.now(dt.UTC)
    with in_time():
        first = inbox_sensor.tick(home, None, now)
        second = inbox_sensor.tick(home, first.cursor, now)
    for said in (*first.told, *second.told, first.cursor, second.cursor):
        assert said.isprintable()
        said.encode()
    left = sorted(path.name for path in home.inbox.iterdir())
    assert left == ["link.csv", "rejected"]
    rejected = list((home.inbox / "rejected").iterdir())
    reasons = [path for path in rejected if path.name.endswith(".reason.txt")]
    assert len(reasons) == len(junk)
    assert len(rejected) == 2 * len(junk)
    for path in reasons:
        assert "Remedy:" in path.read_text(encoding="utf-8")
    json.loads(second.cursor)


# --- through the command line ------------------------------------------------------------------


def _folder(tmp_path: Path, quotes: bytes) -> Path:
    folder = tmp_path / "input"
    folder.mkdir()
    (folder / "daily.csv").write_bytes(quotes)
    return folder


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda content: content[:-3], "line 7: the last line is ended"),
        (
            lambda content: content.replace(b"152.1,", b"inf,"),
            "line 2: close: the cell is a finite",
        ),
    ],
)
def test_a_run_on_a_spoiled_file_ends_with_file_line_and_rule(command_line, tmp_path, spoil, told):
    good = GOOD["daily.csv"]
    done = command_line(
        "run", "--issue", 65, "--source", "files", "--input",
        _folder(tmp_path, spoil(corpus.csv(good.rows))),
    )  # fmt: skip
    assert done.returncode == DataError.exit_code, done.stderr
    assert f"daily.csv, {told}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("header", ["公告标题", "网址"])
def test_a_text_without_end_is_refused_with_its_line(header):
    good = GOOD["stock_notice_report_20260227.csv"]
    spoiled = corpus.csv(corpus.with_cell(good, header, "长" * 100_000, 2))
    error = refusal(good.name, lambda: values(good, spoiled))
    assert error.row == 3
    assert len(str(error)) < 500


def test_sheets_of_the_same_bytes_are_named_by_the_file_at_hand():
    for name in ("a.csv", "b.csv"):
        with pytest.raises(DataError, match=name):
            sheets(name, b"\x00\n")
