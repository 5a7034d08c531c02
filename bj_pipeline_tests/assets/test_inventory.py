"""What is wrong now: what the inventory lists, and when the latest issue counts as late."""

import json
import re
import shutil
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from sqlalchemy import event

from bj_pipeline.assets.inventory import hourly_inventory
from bj_pipeline.assets.partitions import SHANGHAI
from bj_pipeline.automation.deadlines import due_at, newest_due
from bj_pipeline.automation.inventory import (
    FAILED,
    SAMPLE,
    STALE,
    LastRun,
    Stored,
    inventory,
    last_runs,
    lateness,
    told,
    what_to_run,
    with_errors,
)
from bj_pipeline.automation.state import BLOCKED, MISSING
from bj_pipeline.definitions import build
from bj_pipeline.issues import all_issues, by_number
from bj_pipeline.quality.raw import closes_are_positive
from bj_pipeline.quality.stages import ALL, blocking, seen
from bj_pipeline.settings import Settings
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse

RUN = "0a1b2c3d-aaaa-bbbb-cccc-123456789012"


def at(*moment):
    return datetime(*moment, tzinfo=SHANGHAI)


MONDAY_AFTER_65 = at(2026, 3, 2, 9)


@pytest.fixture
def settings(sample_issue, tmp_path) -> Settings:
    """An installation of the test's own that answers for issue 65 on, which is built."""
    home = tmp_path / "own"
    home.mkdir()
    with (
        sqlite3.connect(sample_issue.home / "warehouse.db") as source,
        sqlite3.connect(home / "warehouse.db") as target,
    ):
        source.backup(target)
    shutil.copytree(sample_issue.home / "artifacts", home / "artifacts")
    return Settings(home=home, first_issue=65)


@pytest.fixture
def warehouse(settings) -> Warehouse:
    return Warehouse(settings.warehouse_url)


def wrong(settings, now=MONDAY_AFTER_65, runs=None):
    return inventory(Stored(settings), runs or {}, now)


def only(found):
    (row,) = found.to_dict("records")
    return row


def change(warehouse, table, issue=65, **columns):
    frame = warehouse.read(table, issue)
    warehouse.replace(issue, {table: frame.assign(**columns)})
    return frame


def check_again(warehouse, issue=65, checks=ALL, **columns):
    """Record passed results of checks on the data that is there now."""
    rows = [
        {
            "check": one.name,
            "asset": one.asset,
            "severity": one.severity,
            "passed": True,
            "data_version": seen(one, warehouse, issue),
            "failed_rows": 0,
            "summary": "",
        }
        | columns
        for one in checks
    ]
    warehouse.record_checks(issue, pd.DataFrame(rows))


def test_nothing_is_wrong_with_an_issue_that_was_built_and_left_alone(settings):
    assert wrong(settings).empty


def test_an_issue_is_missing_from_its_deadline_on_and_not_while_it_is_being_built(settings):
    assert wrong(settings, at(2026, 3, 6, 18, 0)).empty
    assert wrong(settings, at(2026, 3, 6, 20, 59)).empty
    row = only(wrong(settings, at(2026, 3, 6, 21, 0)))
    assert (row["issue"], row["state"]) == (66, MISSING)
    assert "2026-03-06 18:00" in row["reason"]
    assert "`bj-pipeline run --issue 66`" in row["remedy"]


def test_the_count_is_exact_and_one_command_sees_to_all(settings):
    found = wrong(settings.model_copy(update={"first_issue": 1}))
    assert len(found) == 64
    assert list(found["issue"][:2]) == [64, 63]
    assert what_to_run(found) == ["64 missing: `bj-pipeline backfill 1-64`"]


def test_an_issue_that_has_only_figures_is_missing_its_report(settings, warehouse):
    warehouse.replace(66, {tables.SECTOR_METRICS: warehouse.read(tables.SECTOR_METRICS, 65)})
    row = only(wrong(settings, at(2026, 3, 9)))
    assert row["state"] == MISSING
    assert "Only its figures" in row["reason"]


def test_an_issue_whose_newest_run_failed_is_listed_though_its_former_report_is_there(settings):
    row = only(wrong(settings, runs={65: LastRun(RUN, failed=True)}))
    assert row["state"] == FAILED
    assert RUN[:8] in row["reason"]
    assert "still there" in row["reason"]


def test_an_issue_that_is_being_built_asks_for_patience_only(settings):
    row = only(wrong(settings, at(2026, 3, 9), {66: LastRun(RUN, failed=False)}))
    assert row["remedy"] == f"Wait for the run {RUN[:8]}, which has not ended."


def test_a_blocked_issue_names_the_check_what_is_wrong_and_its_remedy(settings, warehouse):
    told = {"passed": False, "failed_rows": 1, "summary": "close is -1 in code=920060.BJ"}
    check_again(warehouse, checks=[closes_are_positive], **told)
    row = only(wrong(settings, runs={65: LastRun(RUN, failed=True)}))
    assert row["state"] == BLOCKED
    for part in ("closes_are_positive", "raw_quotes", told["summary"]):
        assert part in row["reason"]
    assert closes_are_positive.remedy in row["remedy"]


def test_a_warning_blocks_nothing(settings, warehouse):
    warnings = [one for one in ALL if not one.blocks]
    check_again(warehouse, checks=warnings, passed=False, failed_rows=1)
    assert wrong(settings).empty


def test_a_report_is_stale_while_its_inputs_are_others_than_it_was_made_from(settings, warehouse):
    before = change(warehouse, tables.RAW_QUOTES, volume=1.0)
    row = only(wrong(settings))
    assert row["state"] == STALE
    assert "changed since the report was made: raw_quotes" in row["reason"]
    assert "closes_are_positive" in row["reason"]
    assert "`bj-pipeline run --issue 65 --source landing`" in row["remedy"]
    warehouse.replace(65, {tables.RAW_QUOTES: before})
    assert wrong(settings).empty


def test_checking_new_inputs_does_not_make_the_old_report_fresh(settings, warehouse):
    change(warehouse, tables.RAW_QUOTES, volume=1.0)
    check_again(warehouse)
    assert only(wrong(settings))["reason"] == "changed since the report was made: raw_quotes"


def test_a_report_is_stale_when_its_trend_shows_other_figures_of_an_earlier_issue(
    settings, warehouse
):
    figures = warehouse.read(tables.SECTOR_METRICS, 65)
    warehouse.replace(64, {tables.SECTOR_METRICS: figures.assign(pe_ttm_median=12.5)})
    assert wrong(settings).empty, "figures that no check has passed enter no trend"
    check_again(warehouse, 64, blocking(tables.SECTOR_METRICS))
    row = only(wrong(settings))
    assert row["state"] == STALE
    # Issue 64 knows the week before it, too.
    assert row["reason"] == "its trends show other figures than are there of issue 63-64"


@pytest.mark.parametrize("text", ["", "{}", '{"data_versions": 1}', "[]"])
def test_a_report_without_a_readable_record_is_stale(settings, text):
    manifest = settings.artifacts / "issue-065" / "manifest.json"
    manifest.write_text(text, encoding="utf-8")
    assert only(wrong(settings))["reason"] == "its manifest cannot be read"


def test_a_finished_file_that_is_gone_is_noticed(settings):
    (settings.artifacts / "issue-065" / "report.pdf").unlink()
    assert only(wrong(settings))["reason"] == "files that are gone: report.pdf"


def cut(report: Path) -> None:
    report.write_bytes(report.read_bytes()[:1000])


def turn_a_bit(report: Path) -> None:
    held = bytearray(report.read_bytes())
    held[len(held) // 2] ^= 1
    report.write_bytes(held)


@pytest.mark.parametrize("spoil", [cut, turn_a_bit])
def test_a_finished_file_that_is_not_as_it_was_made_is_noticed(settings, spoil):
    spoil(settings.artifacts / "issue-065" / "report.pdf")
    assert only(wrong(settings))["reason"] == "files that are not as they were made: report.pdf"


def test_a_finished_file_of_which_its_record_does_not_speak_is_noticed(settings):
    manifest = settings.artifacts / "issue-065" / "manifest.json"
    record = json.loads(manifest.read_text(encoding="utf-8"))
    del record["artifacts"][1:]
    manifest.write_text(json.dumps(record), encoding="utf-8")
    expected = "files that are not as they were made: report.pdf, report.docx, report.xlsx"
    assert only(wrong(settings))["reason"] == expected


def test_the_most_urgent_comes_first(settings, warehouse):
    check_again(warehouse, checks=[closes_are_positive], passed=False)
    found = wrong(settings, at(2026, 3, 20), {66: LastRun(RUN, failed=True)})
    assert list(found["state"]) == [BLOCKED, FAILED, MISSING]
    assert [line.split(":")[0] for line in what_to_run(found)] == [
        "1 blocked by a check",
        "1 failed",
        "1 missing",
    ]


def test_it_reads_five_tables_once_however_many_issues_there_are(settings):
    stored = Stored(settings.model_copy(update={"first_issue": 1}))
    asked = []
    event.listen(
        stored._warehouse.engine,
        "before_cursor_execute",
        lambda *arguments: asked.append(arguments[2]),
    )
    assert len(inventory(stored, {}, at(2026, 11, 2))) > 90
    assert len([sql for sql in asked if sql.startswith("SELECT")]) == 5


# --- the latest issue


@pytest.fixture
def built(tmp_path):
    """Makes an installation in which some issues are built."""
    settings = Settings(home=tmp_path / "built", alert_deadline=timedelta(hours=3))
    warehouse = Warehouse(settings.warehouse_url)

    def make(*numbers):
        for number in numbers:
            document = pd.DataFrame({"document": ["{}"]})
            warehouse.replace(number, {tables.REPORT_DOCUMENT: document})
            folder = settings.artifacts / by_number(number).folder
            folder.mkdir(parents=True)
            (folder / "manifest.json").write_text(json.dumps({}), encoding="utf-8")
        return Stored(settings)

    return make


@pytest.mark.parametrize(
    ("moment", "issue"),
    [((2026, 2, 27, 17, 59), 64), ((2026, 2, 27, 18, 0), 65), ((2026, 2, 20, 18, 0), 64)],
)
def test_the_latest_issue_is_the_one_of_the_last_friday_with_a_week_of_sessions(moment, issue):
    assert newest_due(at(*moment)) == by_number(issue)


def test_every_issue_is_due_on_a_friday_at_six_once_its_week_has_closed():
    for issue in all_issues():
        due = due_at(issue)
        assert (due.isoweekday(), due.hour, due.minute) == (5, 18, 0)
        assert issue.close_date <= due.date() < issue.publication_date


@pytest.mark.parametrize("minute", [(17, 59), (18, 0), (20, 59)])
def test_the_issue_of_the_week_is_on_time_until_its_deadline(built, minute):
    assert lateness(built(64), at(2026, 2, 27, *minute)) == ""


def test_the_issue_of_the_week_is_late_from_its_deadline_until_it_is_built(built):
    stored = built(64)
    for moment in (at(2026, 2, 27, 21, 1), at(2026, 3, 6, 18, 30)):
        assert "Issue 65" in lateness(stored, moment)
        assert "2026-02-27 21:00" in lateness(stored, moment)
    assert lateness(built(65), at(2026, 2, 27, 21, 1)) == ""


def test_a_backfill_of_history_does_not_make_a_late_issue_look_fresh(built):
    assert "Issue 65" in lateness(built(64, 1, 2, 3), at(2026, 2, 27, 21, 1))


@pytest.mark.parametrize("day", [(2026, 2, 20), (2026, 2, 22)])
def test_a_week_without_sessions_alarms_nobody(built, day):
    assert lateness(built(64), at(*day, 23, 59)) == ""


def test_a_week_that_closes_early_is_not_late_before_friday(built):
    issue = by_number(10)
    assert str(issue.close_date) == "2025-01-27"
    stored = built(9)
    assert lateness(stored, at(2025, 1, 30, 12)) == ""
    assert "Issue 10" in lateness(stored, at(2025, 1, 31, 21, 1))


def test_a_blocked_issue_is_late_too_and_says_so(built):
    stored = built(64, 65)
    check_again(stored._warehouse, checks=[closes_are_positive], passed=False)
    assert "is blocked by a check" in lateness(stored, at(2026, 2, 27, 21, 1))


def test_past_the_calendars_horizon_no_issue_counts_as_on_time(built):
    after = datetime.combine(all_issues()[-1].publication_date, datetime.min.time(), SHANGHAI)
    assert "horizon" in lateness(built(all_issues()[-1].number), after)


# --- in Dagster


def test_it_looks_a_minute_past_every_hour_and_is_on_from_the_start():
    assert hourly_inventory.cron_schedule == "1 * * * *"
    assert hourly_inventory.execution_timezone == "Asia/Shanghai"
    assert hourly_inventory.default_status == dg.DefaultScheduleStatus.RUNNING


def test_the_ui_shows_counts_the_first_rows_their_errors_and_both_checks(
    settings, monkeypatch, tmp_path
):
    monkeypatch.setenv("BJ_HOME", str(settings.home))
    monkeypatch.setenv("BJ_FIRST_ISSUE", "65")
    definitions = build(settings)
    folder = tmp_path / "no such folder"
    files = {"pipeline": {"config": {"source": "files", "input": str(folder)}}}
    with dg.DagsterInstance.ephemeral() as instance:
        failed = definitions.resolve_job_def("issue").execute_in_process(
            partition_key="66",
            instance=instance,
            raise_on_error=False,
            asset_selection=[dg.AssetKey("raw_quotes")],
            run_config={"resources": files},
        )
        runs = last_runs(instance)
        assert runs == {66: LastRun(failed.run_id, failed=True)}
        told = with_errors(wrong(settings, runs=runs, now=at(2026, 3, 9)), runs, instance)
        assert "raw_quotes" in only(told)["reason"]
        assert folder.name in only(told)["reason"]

        shown = definitions.resolve_job_def("inventory").execute_in_process(instance=instance)
        listed = shown.asset_materializations_for_node("issue_inventory")[0].metadata
        latest = shown.asset_materializations_for_node("latest_issue")[0].metadata
        checks = {one.check_name: one for one in shown.get_asset_check_evaluations()}
    count = listed["dagster/row_count"].value
    assert count == listed["failed"].value + listed["missing"].value
    assert listed["failed"].value == 1
    rows = listed[f"first {min(count, 20)} of {count}"].records
    assert rows[0].data["issue"] == 66
    assert folder.name in rows[0].data["reason"]
    assert "bj-pipeline backfill 66 --again" in listed["what to do"].value
    assert latest["built"].value is (latest["issue"].value == 65)
    assert checks["every_due_issue_is_built"].severity == dg.AssetCheckSeverity.WARN
    assert not checks["every_due_issue_is_built"].passed
    assert checks["latest_issue_is_on_time"].severity == dg.AssetCheckSeverity.ERROR


def test_the_terminal_lists_what_is_wrong_and_what_to_run(sample_issue):
    shown = sample_issue("issues", "--wrong", BJ_FIRST_ISSUE="64")
    assert shown.returncode == 0, shown.stderr
    assert re.match(r" *\d+  missing: It was never built", shown.stdout)
    assert "missing: `bj-pipeline backfill 64" in shown.stdout.splitlines()[-1]


def test_the_terminal_names_the_first_ones_and_counts_all(sample_issue):
    lines = sample_issue("issues", "--wrong").stdout.splitlines()
    shown = [line for line in lines if re.match(r" *\d+  ", line)]
    (more,) = [line for line in lines if "more issues, counted below" in line]
    counted = sum(int(line.split()[0]) for line in lines[lines.index("") + 1 :])
    assert len(shown) == SAMPLE
    assert len(shown) + int(more.split()[1]) == counted


def test_many_issues_of_one_state_do_not_hide_those_of_another(settings):
    (settings.artifacts / "issue-065" / "report.pdf").unlink()
    said = told(settings)
    assert "more issues, counted below" in said
    assert "  65  stale: files that are gone: report.pdf" in said
