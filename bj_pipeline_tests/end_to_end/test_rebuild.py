"""Building an issue again: same bytes, same rows; and a corrupted input stops it for good."""

import shutil
from dataclasses import replace

import dagster as dg
import pandas as pd
import pytest

from bj_pipeline.definitions import build
from bj_pipeline.issues import by_number
from bj_pipeline.sources.sample import SampleSource
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline_tests.automation.home import settled

FORMS = ("report.html", "report.pdf", "manifest.json")


def test_a_rebuilt_issue_has_the_same_bytes_and_the_same_rows(sample_issue, command_line):
    installed = replace(command_line, is_installed=True)  # Python looks at these when it starts
    done = installed("run", "--issue", 65, TZ="America/New_York", PYTHONHASHSEED="7")
    assert done.returncode == 0, done.stderr
    for name in FORMS:
        first, second = sample_issue.artifact(65, name), command_line.artifact(65, name)
        assert first.read_bytes() == second.read_bytes(), name
    for name in tables.METADATA.tables:
        if tables.has_versions(name):
            first, second = sample_issue.table(name, 65), command_line.table(name, 65)
            pd.testing.assert_frame_equal(first, second)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A home that one wrong close has stopped, and how its run ended; tests only read it."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        settings = settled(folder, patch)
        _quotes(folder / "input", "90.00")
        return settings.home, _run(settings, folder / "input")


@pytest.fixture
def settings(stopped, tmp_path, monkeypatch):
    """A copy of that home."""
    shutil.copytree(stopped[0], tmp_path / "home")
    return settled(tmp_path, monkeypatch)


def _quotes(folder, price):
    """A week of vendor files of which one close is wrong."""
    folder.mkdir(exist_ok=True)
    issue, sample = by_number(65), SampleSource()
    quotes = sample.deliver(issue, tables.RAW_QUOTES)[0].content.decode()
    rows = [line.split(",") for line in quotes.splitlines()]
    header = {"code": "ts_code", "date": "trade_date", "close": "close", "volume": "vol"}
    keep = [rows[0].index(name) for name in header]
    lines = [",".join(header.values())]
    for row in rows[1:]:
        cells = [row[position] for position in keep]
        if cells[:2] == ["920060.BJ", "2026-02-26"]:
            cells[2] = price or cells[2]
        cells[1] = cells[1].replace("-", "")
        lines.append(",".join(cells))
    (folder / "daily.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _run(settings, folder, selection=None):
    job = build(settings).resolve_job_def("issue")
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(
            partition_key="65",
            instance=instance,
            raise_on_error=False,
            asset_selection=selection,
            run_config={
                "resources": {"pipeline": {"config": {"source": "files", "input": str(folder)}}},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
        )


def test_one_wrong_close_stops_the_report_and_the_check_names_the_row(stopped):
    _, result = stopped
    assert not result.success
    done = {event.step_key for event in result.get_step_success_events()}
    assert "raw_quotes" in done
    assert not done & {"company_universe", "company_metrics", "report_document", "report_pdf"}
    checks = {one.check_name: one for one in result.get_asset_check_evaluations()}
    failed = {name for name, one in checks.items() if not one.passed and one.blocking}
    assert failed == {"daily_moves_respect_the_limit"}
    rows = checks["daily_moves_respect_the_limit"].metadata["rows"].records
    assert {row.data["code"] for row in rows} == {"920060.BJ"}
    assert {row.data["date"] for row in rows} == {"2026-02-26", "2026-02-27"}
    assert {row.data["source_file"] for row in rows} == {"daily.csv"}


def test_what_a_check_blocked_stays_blocked_when_it_is_materialized_alone(settings, tmp_path):
    _quotes(tmp_path / "input", "90.00")
    alone = _run(settings, tmp_path / "input", [dg.AssetKey("company_universe")])
    assert not alone.success
    (failure,) = [event for event in alone.all_events if event.is_step_failure]
    told = failure.step_failure_data.error.to_string()
    assert "blocked by the check daily_moves_respect_the_limit" in told
    assert "920060.BJ" in told
    assert Warehouse(settings.warehouse_url).version("company_universe", 65) is None


def test_a_corrected_file_unblocks_the_issue(settings, tmp_path):
    _quotes(tmp_path / "input", None)
    assert _run(settings, tmp_path / "input").success
