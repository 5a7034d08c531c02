"""Rows that were changed behind the program's back: told by table and issue, never shown."""

import json

import pandas as pd
import pytest
from sqlalchemy import text

from bj_pipeline.automation.backup import BackupError, backup
from bj_pipeline.automation.inventory import Stored
from bj_pipeline.automation.signoff import latest
from bj_pipeline.automation.state import issue_states
from bj_pipeline.errors import DataError, PipelineError
from bj_pipeline.issues import all_issues
from bj_pipeline.settings import Settings
from bj_pipeline.site import kept
from bj_pipeline.sources import Delivery
from bj_pipeline.sources.landing import Landing
from bj_pipeline.warehouse import approved, tables
from bj_pipeline.warehouse.store import Warehouse, seen_in, written_in
from bj_pipeline_tests.warehouse.test_store import companies, quotes

APPROVAL = {
    "revision": 1,
    "state": tables.APPROVED,
    "by": "A",
    "at": "2026-03-02T04:00:00+00:00",
    "hashes": "{}",
    "note": "",
}


@pytest.fixture
def home(tmp_path):
    return Settings(home=tmp_path / "home")


def change(settings: Settings, statement: str) -> Warehouse:
    """A program that comes after a change by hand."""
    with Warehouse(settings.warehouse_url).writing() as connection:
        connection.execute(text(statement))
    seen_in.cache_clear()
    written_in.cache_clear()
    return Warehouse(settings.warehouse_url)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE company_metrics SET close = 36.3",
        "UPDATE company_metrics SET close = NULL",
        "UPDATE company_metrics SET close = 'abc'",
        "UPDATE company_metrics SET code = x'ff' WHERE code = '920060.BJ'",
        "UPDATE company_metrics SET issue = 64 WHERE code = '920060.BJ'",
        "DELETE FROM company_metrics WHERE code = '920060.BJ'",
        "DELETE FROM company_metrics",
        "UPDATE partitions SET data_version = 'x'",
    ],
)
def test_rows_that_were_changed_by_hand_are_refused(home, statement):
    both = pd.concat([companies(close=36.29), companies(code="920046.BJ", close=1.5)])
    Warehouse(home.warehouse_url).replace(65, {tables.COMPANY_METRICS: both})
    changed = change(home, statement)
    told = r"^table company_metrics.*bj-pipeline run"
    with pytest.raises(DataError, match=told):
        changed.read(tables.COMPANY_METRICS, 65)
    with pytest.raises(DataError, match=told):
        changed.read_all(tables.COMPANY_METRICS)


def test_a_backup_of_rows_that_were_changed_by_hand_is_not_kept(home, tmp_path):
    Warehouse(home.warehouse_url).replace(65, {tables.COMPANY_METRICS: companies(close=36.29)})
    change(home, "UPDATE company_metrics SET close = 36.3")
    with pytest.raises(BackupError, match=r"issue 65, company_metrics\. Build these"):
        backup(home, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_a_day_that_is_none_is_refused(home):
    Warehouse(home.warehouse_url).replace(65, {tables.RAW_QUOTES: quotes(codes=["920046.BJ"])})
    changed = change(home, "UPDATE raw_quotes SET date = '2026-13-45' WHERE date = '2026-02-27'")
    with pytest.raises(DataError, match=r"^table raw_quotes"):
        changed.read(tables.RAW_QUOTES, 65)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DROP TABLE facts", "lacks a table"),
        ("ALTER TABLE facts DROP COLUMN value", "lacks a table or a column"),
        ("DELETE FROM warehouse_version", "0 revisions"),
    ],
)
def test_a_table_or_column_that_is_gone_is_told(home, statement, told):
    assert Warehouse(home.warehouse_url).read(tables.FACTS).empty
    with pytest.raises(PipelineError, match=f"{told}.*Restore a backup"):
        change(home, statement).read(tables.FACTS)


def test_a_result_of_a_check_that_was_scrawled_over_counts_as_outdated(home):
    result = {
        "check": "closes_are_positive",
        "asset": tables.RAW_QUOTES,
        "severity": "critical",
        "passed": True,
        "data_version": "x",
        "failed_rows": 0,
        "summary": "",
    }
    Warehouse(home.warehouse_url).record_checks(65, pd.DataFrame([result]))
    assert Stored(home).unseen == {65: ["closes_are_positive"]}


def test_an_arrival_without_a_time_is_told(home):
    Landing(home.landing, Warehouse(home.warehouse_url)).store(Delivery("", "a.csv", b"a"))
    changed = change(home, "UPDATE landing SET fetched_at = 'yesterday'")
    with pytest.raises(DataError, match=r"^table landing"):
        Landing(home.landing, changed).entries()


# --- what was approved ---------------------------------------------------------------------------


@pytest.fixture
def signed(home):
    """An issue whose approval keeps a fact, a text and a table."""
    fact = dict.fromkeys(tables.columns(tables.APPROVED_FACTS), "x")
    words = dict.fromkeys(tables.columns(tables.APPROVED_TEXTS), "x")
    figures = {"revision": 1, "table": tables.MOVERS, "rows": json.dumps([{"change": 0.1}])}
    record = {
        tables.APPROVED_FACTS: pd.DataFrame([fact | {"revision": 1, "value": 0.5}]),
        tables.APPROVED_TEXTS: pd.DataFrame([words | {"revision": 1, "position": 0}]),
        tables.APPROVED_FIGURES: pd.DataFrame([figures]),
    }
    approval = APPROVAL | {"data_versions": json.dumps(approved.seals(record))}
    record[tables.APPROVALS] = pd.DataFrame([approval])
    with Warehouse(home.warehouse_url).appending(65, record):
        return home


def look(warehouse: Warehouse) -> None:
    """Read what is approved as builds, comparisons and the site do."""
    latest(warehouse)
    approved.read(warehouse, 65)
    kept.read(warehouse, {65: 1}, tables.MOVERS)


def test_what_was_approved_comes_back(signed):
    look(Warehouse(signed.warehouse_url))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE approved_facts SET value = 0.6",
        "UPDATE approved_facts SET display = '9'",
        "DELETE FROM approved_facts",
        "UPDATE approved_texts SET text = 'y'",
        "DELETE FROM approved_texts",
        "UPDATE approved_figures SET rows = replace(rows, '0.1', '0.2')",
        "UPDATE approved_figures SET rows = '{'",
        "UPDATE approvals SET state = 'x'",
        "UPDATE approvals SET at = 'yesterday'",
        "UPDATE approvals SET hashes = '{'",
        "UPDATE approvals SET data_versions = '[1]'",
    ],
)
def test_what_was_approved_and_changed_by_hand_is_refused(signed, statement):
    changed = change(signed, statement)
    with pytest.raises(DataError, match=r"^table approv.* of issue 65|^table approvals"):
        look(changed)


@pytest.mark.parametrize("manifest", [b"[]", b"null", b"{", b"\xff", b'{"revision": [1]}'])
def test_a_manifest_that_was_scrawled_over_hides_no_issue(signed, manifest):
    place = signed.artifacts / "issue-065" / "manifest.json"
    place.parent.mkdir(parents=True)
    place.write_bytes(manifest)
    assert len(issue_states(signed)) == len(all_issues())
