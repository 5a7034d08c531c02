"""Partitions: replaced as a whole or not at all, the same in SQLite and in PostgreSQL."""

import gc
import multiprocessing
import shutil
import subprocess
import sys
from datetime import date, datetime

import pandas as pd
import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from bj_pipeline.errors import MissingDataError
from bj_pipeline.warehouse import store, tables
from bj_pipeline.warehouse.store import Warehouse, written_in

BASE, CLOSE = date(2026, 2, 13), date(2026, 2, 27)
PROCESSES, WRITES_EACH = 4, 4


def quotes(close=26.61, codes=("920046.BJ", "920060.BJ")):
    return pd.DataFrame(
        [
            {
                "code": code,
                "date": day,
                "vendor_code": None,
                "close": close,
                "adj_factor": float("nan"),
                "volume": 798_300.0,
                "source_file": "daily.csv",
            }
            for code in codes
            for day in (BASE, CLOSE)
        ]
    )


def companies(**changes):
    """``company_metrics`` of one company; what is not given is missing."""
    row = dict.fromkeys(tables.columns(tables.COMPANY_METRICS))
    row |= {"code": "920060.BJ", "name": "万源通", "status": "trading"}
    row |= {"pe_ttm_base_is_loss": False, "pe_ttm_is_loss": False}
    return pd.DataFrame([row | changes])


def test_what_is_written_comes_back_with_its_types(warehouse):
    written = pd.concat(
        [
            companies(close=36.29, change=0.1 + 0.2, fiscal_year=2024, pe_ttm_is_loss=True),
            companies(code="920305.BJ", name="*ST云创", sector="信息技术", pe_ttm=-1e-300),
        ]
    )
    warehouse.replace(65, {tables.COMPANY_METRICS: written})
    read = warehouse.read(tables.COMPANY_METRICS, 65)
    assert list(read.columns) == list(tables.columns(tables.COMPANY_METRICS))
    assert read["fiscal_year"].dtype == "Int64"
    assert read["fiscal_year"].isna().tolist() == [False, True]
    assert read["close"].dtype == "float64"
    assert read["close"].isna().tolist() == [False, True]
    assert read.loc[0, "change"] == 0.1 + 0.2
    assert read.loc[1, "pe_ttm"] == -1e-300
    assert read["pe_ttm_is_loss"].dtype == bool
    assert read["pe_ttm_is_loss"].tolist() == [True, False]
    assert read["sector"].dtype == "str"
    assert read["sector"].isna().tolist() == [True, False]
    assert read["name"].tolist() == ["万源通", "*ST云创"]


@pytest.fixture
def remembered(warehouse, monkeypatch):
    """What this process wrote last to each table, as it is kept outside these tests."""
    monkeypatch.setattr(store, "written_in", written_in)
    return written_in(warehouse.url)


def test_what_a_process_has_written_it_reads_without_fetching_it_and_just_as_the_database_gives_it(
    warehouse, remembered
):
    warehouse.replace(65, {tables.RAW_QUOTES: quotes(), tables.COMPANY_METRICS: companies()})
    statements: list[str] = []
    event.listen(
        warehouse.engine, "before_cursor_execute", lambda *given: statements.append(given[2])
    )
    names = (tables.RAW_QUOTES, tables.COMPANY_METRICS)
    at_once = {name: warehouse.read(name, 65) for name in names}
    assert not [one for one in statements if any(f"FROM {name}" in one for name in names)]
    remembered.clear()
    for name, frame in at_once.items():
        pd.testing.assert_frame_equal(frame, warehouse.read(name, 65), check_exact=True)
    assert [one for one in statements if f"FROM {tables.RAW_QUOTES}" in one]


def test_what_another_process_has_replaced_meanwhile_is_fetched(warehouse, remembered):
    warehouse.replace(65, {tables.RAW_QUOTES: quotes(26.61)})
    own = dict(remembered)
    warehouse.replace(65, {tables.RAW_QUOTES: quotes(30.0)})
    remembered.update(own)
    assert set(warehouse.read(tables.RAW_QUOTES, 65)["close"]) == {30.0}


def test_rows_of_another_issue_are_not_taken_for_those_that_were_asked_for(warehouse, remembered):
    for issue, close in ((64, 26.61), (65, 30.0)):
        warehouse.replace(issue, {tables.RAW_QUOTES: quotes(close)})
    assert len(remembered) == 1
    assert set(warehouse.read(tables.RAW_QUOTES, 64)["close"]) == {26.61}


@pytest.mark.usefixtures("remembered")
def test_a_reader_that_changes_its_rows_changes_nobody_elses(warehouse):
    warehouse.replace(65, {tables.RAW_QUOTES: quotes()})
    expected = warehouse.read(tables.RAW_QUOTES, 65).copy(deep=True)
    mine = warehouse.read(tables.RAW_QUOTES, 65)
    mine.loc[0, "close"] = -1.0
    mine["volume"] *= 2
    pd.testing.assert_frame_equal(warehouse.read(tables.RAW_QUOTES, 65), expected)


def test_dates_come_back_as_days(warehouse):
    warehouse.replace(65, {tables.RAW_QUOTES: quotes()})
    read = warehouse.read(tables.RAW_QUOTES, 65)
    assert [type(day) for day in read["date"]] == [date] * 4
    assert sorted(set(read["date"])) == [BASE, CLOSE]


def test_missing_dates_come_back_as_missing(warehouse):
    row = dict.fromkeys(tables.columns(tables.RAW_LISTINGS)) | {"code": "920060.BJ"}
    frame = pd.DataFrame([row | {"listed": pd.NaT, "delisted": None}])
    warehouse.replace(65, {tables.RAW_LISTINGS: frame})
    assert warehouse.read(tables.RAW_LISTINGS, 65)[["listed", "delisted"]].isna().all(axis=None)


def test_an_empty_table_was_built_and_keeps_its_types(warehouse):
    warehouse.replace(65, {tables.RAW_QUOTES: quotes().head(0)})
    read = warehouse.read(tables.RAW_QUOTES, 65)
    assert read.empty
    assert read["close"].dtype == "float64"
    assert warehouse.issues(tables.RAW_QUOTES) == [65]


def test_writing_twice_gives_the_same_rows_and_the_same_version(warehouse):
    first = warehouse.replace(65, {tables.RAW_QUOTES: quotes()})
    rows = warehouse.read(tables.RAW_QUOTES, 65)
    assert warehouse.replace(65, {tables.RAW_QUOTES: quotes()}) == first
    pd.testing.assert_frame_equal(warehouse.read(tables.RAW_QUOTES, 65), rows)
    assert warehouse.versions(65) == first


def test_what_was_read_can_be_written_again_without_a_new_version(warehouse):
    version = warehouse.replace(65, {tables.COMPANY_METRICS: companies(change=0.1)})
    read = warehouse.read(tables.COMPANY_METRICS, 65)
    assert warehouse.replace(65, {tables.COMPANY_METRICS: read}) == version


def test_the_order_of_rows_and_columns_does_not_change_the_version(warehouse):
    version = warehouse.replace(65, {tables.RAW_QUOTES: quotes()})
    turned = quotes().iloc[::-1, ::-1]
    assert warehouse.replace(65, {tables.RAW_QUOTES: turned}) == version


@pytest.mark.parametrize("day", [pd.Timestamp(CLOSE), datetime(2026, 2, 27, 15, 0)])  # noqa: DTZ001
def test_a_day_has_one_version_however_it_is_written(warehouse, day):
    version = warehouse.replace(65, {tables.RAW_QUOTES: quotes()})
    other = quotes()
    other["date"] = [day if one == CLOSE else one for one in other["date"]]
    assert warehouse.replace(65, {tables.RAW_QUOTES: other}) == version


def test_another_value_has_another_version(warehouse):
    version = warehouse.replace(65, {tables.RAW_QUOTES: quotes(26.61)})
    assert warehouse.replace(65, {tables.RAW_QUOTES: quotes(26.62)}) != version


def test_rows_come_back_in_the_order_of_their_keys_in_every_database(warehouse):
    sectors = ["新能源", "汽车", "信息技术", "机械设备", "电子设备", "AI", "ai"]
    row = dict.fromkeys(tables.columns(tables.SECTOR_METRICS)) | {"companies": 1}
    frame = pd.DataFrame([row | {"sector": sector} for sector in sectors])
    warehouse.replace(65, {tables.SECTOR_METRICS: frame})
    assert warehouse.read(tables.SECTOR_METRICS, 65)["sector"].tolist() == sorted(sectors)


def test_replacing_takes_away_rows_that_are_no_more(warehouse):
    warehouse.replace(65, {tables.RAW_QUOTES: quotes()})
    warehouse.replace(65, {tables.RAW_QUOTES: quotes(codes=["920060.BJ"])})
    assert set(warehouse.read(tables.RAW_QUOTES, 65)["code"]) == {"920060.BJ"}


def test_other_issues_and_other_tables_are_left_alone(warehouse):
    warehouse.replace(64, {tables.RAW_QUOTES: quotes(1.0)})
    warehouse.replace(65, {tables.COMPANY_METRICS: companies()})
    warehouse.replace(65, {tables.RAW_QUOTES: quotes(2.0)})
    assert set(warehouse.read(tables.RAW_QUOTES, 64)["close"]) == {1.0}
    assert len(warehouse.read(tables.COMPANY_METRICS, 65)) == 1
    assert warehouse.issues(tables.RAW_QUOTES) == [64, 65]
    every = warehouse.read(tables.RAW_QUOTES)
    assert every["issue"].tolist() == [64] * 4 + [65] * 4


@pytest.mark.parametrize("asked", [[64, 65], [63, 65], [65, 64, 64], [65], [66], []])
def test_rows_of_several_issues_are_those_of_each_of_them(warehouse, asked):
    held = (63, 64, 65)
    for number in held:
        warehouse.replace(number, {tables.RAW_QUOTES: quotes(close=float(number))})
    wanted = sorted(set(asked) & set(held))
    for equal, rows in (({}, 4), ({"code": "920046.BJ"}, 2)):
        read = warehouse.read_issues(tables.RAW_QUOTES, asked, **equal)
        assert list(read["issue"]) == [number for number in wanted for _ in range(rows)]
        assert list(read["close"]) == list(read["issue"])
        assert warehouse.values(tables.RAW_QUOTES, "close", asked, **equal) == wanted


def test_a_row_that_stands_twice_is_refused_and_the_old_rows_stay(warehouse):
    version = warehouse.replace(65, {tables.RAW_QUOTES: quotes(1.0)})
    with pytest.raises(DBAPIError):
        warehouse.replace(65, {tables.RAW_QUOTES: pd.concat([quotes(2.0), quotes(3.0)])})
    assert set(warehouse.read(tables.RAW_QUOTES, 65)["close"]) == {1.0}
    assert warehouse.versions(65) == version


def write_an_issue(url: str) -> None:
    Warehouse(url).replace(65, {tables.RAW_QUOTES: quotes(1.0)})
    gc.freeze()  # as a run does: nothing is collected, and closed by that, any more


def test_a_copy_of_the_database_alone_holds_what_a_program_wrote_that_has_ended(tmp_path):
    there, copy = tmp_path / "warehouse.db", tmp_path / "copy.db"
    module = "bj_pipeline_tests.warehouse.test_store"
    program = f"from {module} import write_an_issue; write_an_issue('sqlite:///{there}')"
    subprocess.run([sys.executable, "-c", program], check=True)
    shutil.copy(there, copy)
    assert len(Warehouse(f"sqlite:///{copy}").read(tables.RAW_QUOTES, 65)) == 4


def test_tables_that_belong_together_are_replaced_together_or_not_at_all(warehouse):
    warehouse.replace(65, {tables.RAW_QUOTES: quotes(1.0)})
    frames = {tables.RAW_QUOTES: quotes(2.0), tables.COMPANY_METRICS: companies(name=None)}
    with pytest.raises(DBAPIError):
        warehouse.replace(65, frames)
    assert set(warehouse.read(tables.RAW_QUOTES, 65)["close"]) == {1.0}
    with pytest.raises(MissingDataError):
        warehouse.read(tables.COMPANY_METRICS, 65)


def test_a_transaction_that_breaks_off_leaves_nothing(warehouse):
    def break_off():
        with warehouse.writing() as connection:
            connection.execute(
                tables.table(tables.PARTITIONS)
                .insert()
                .values(issue=65, table="raw_quotes", data_version="x", rows=1)
            )
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert warehouse.versions(65) == {}


def test_an_issue_that_was_never_built_is_missing_and_the_error_says_how_to_build_it(warehouse):
    warehouse.replace(64, {tables.RAW_QUOTES: quotes()})
    with pytest.raises(MissingDataError, match="bj-pipeline run --issue 65"):
        warehouse.read(tables.RAW_QUOTES, 65)
    assert warehouse.version(tables.RAW_QUOTES, 65) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda frame: frame.assign(rating=1), "rating"),
        (lambda frame: frame.drop(columns="volume"), "volume"),
        (lambda frame: frame.assign(issue=65), "issue"),
    ],
)
def test_a_column_too_many_or_too_few_is_refused_by_name(warehouse, change, told):
    with pytest.raises(ValueError, match=told):
        warehouse.replace(65, {tables.RAW_QUOTES: change(quotes())})
    assert warehouse.versions(65) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"pe_ttm_is_loss": None},
        {"pe_ttm_is_loss": "False"},
        {"fiscal_year": 2024.5},
        {"close": "36,29"},
    ],
)
def test_a_value_that_would_change_its_meaning_on_the_way_is_refused(warehouse, wrong):
    with pytest.raises((TypeError, ValueError)):
        warehouse.replace(65, {tables.COMPANY_METRICS: companies(**wrong)})


def test_a_part_of_a_company_cannot_be_counted(warehouse):
    row = dict.fromkeys(tables.columns(tables.SECTOR_METRICS))
    frame = pd.DataFrame([row | {"sector": "汽车", "companies": 1.5}])
    with pytest.raises((TypeError, ValueError)):
        warehouse.replace(65, {tables.SECTOR_METRICS: frame})


def check_results(*names, passed=True):
    return pd.DataFrame(
        [
            {
                "check": name,
                "asset": "raw_quotes",
                "severity": "critical",
                "passed": passed,
                "data_version": "v",
                "failed_rows": 0,
                "summary": "",
            }
            for name in names
        ]
    )


def test_only_the_latest_result_of_each_check_is_kept(warehouse):
    warehouse.record_checks(64, check_results("a"))
    warehouse.record_checks(65, check_results("a", "b"))
    warehouse.record_checks(65, check_results("b", passed=False))
    results = warehouse.read(tables.CHECK_RESULTS, 65).set_index("check")["passed"]
    assert results.to_dict() == {"a": True, "b": False}
    assert warehouse.read(tables.CHECK_RESULTS, 64)["passed"].tolist() == [True]


def test_checks_are_counted_by_issue_and_stage_and_those_of_no_stage_are_not(warehouse):
    warehouse.record_checks(64, check_results("a", "b", "gone"))
    warehouse.record_checks(64, check_results("c", passed=False).assign(severity="warning"))
    warehouse.record_checks(65, check_results("c", passed=False))
    assert warehouse.count_checks({"a": "raw", "b": "report", "c": "report"}) == {
        (64, "raw"): (1, 0, 0),
        (64, "report"): (2, 1, 0),
        (65, "report"): (1, 1, 1),
    }


def write_quotes(url, process, start):
    """What each of several processes does: replace partitions that others replace too."""
    warehouse = Warehouse(url)
    start.wait(60)
    for write in range(WRITES_EACH):
        close = 100.0 * (process + 1) + write
        warehouse.replace(
            60 + write,
            {tables.RAW_QUOTES: quotes(close), tables.COMPANY_METRICS: companies(close=close)},
        )
        warehouse.read(tables.RAW_QUOTES, 60 + write)


def test_processes_that_write_the_same_issues_at_once_all_succeed(warehouse):
    processes = multiprocessing.get_context("spawn")
    start = processes.Barrier(PROCESSES)
    writers = [
        processes.Process(target=write_quotes, args=(warehouse.url, number, start))
        for number in range(PROCESSES)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0] * PROCESSES
    for issue in range(60, 60 + WRITES_EACH):
        (close,) = set(warehouse.read(tables.RAW_QUOTES, issue)["close"])
        assert warehouse.read(tables.COMPANY_METRICS, issue)["close"].tolist() == [close]


def test_the_databases_give_the_same_version(postgresql, tmp_path):
    embedded = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    server = Warehouse(postgresql.render_as_string(hide_password=False))
    version = embedded.replace(65, {tables.RAW_QUOTES: quotes()})
    assert server.replace(65, {tables.RAW_QUOTES: quotes()}) == version
    server.replace(65, {tables.RAW_QUOTES: embedded.read(tables.RAW_QUOTES, 65)})
    assert server.versions(65) == version
    server.engine.dispose()


def test_a_plain_postgresql_address_is_enough(postgresql):
    url = postgresql.set(drivername="postgresql").render_as_string(hide_password=False)
    warehouse = Warehouse(url)
    warehouse.replace(64, {tables.RAW_QUOTES: quotes()})
    assert len(warehouse.read(tables.RAW_QUOTES, 64)) == 4
    warehouse.engine.dispose()
