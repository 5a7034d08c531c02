"""Dagster's SQLite storage with connections that stay open, beside Dagster's own."""

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest

from bj_pipeline.automation import dagster_storage


@dg.asset
def closes() -> None:
    pass


@dg.asset_check(asset=closes)
def closes_are_there() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


_DEFINITIONS = dg.Definitions(
    assets=[closes],
    asset_checks=[closes_are_there],
    executor=dg.in_process_executor,
)


@pytest.fixture
def home(tmp_path) -> Path:
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    return tmp_path


def build(instance: dg.DagsterInstance) -> str:
    job = _DEFINITIONS.resolve_implicit_global_asset_job_def()
    quiet = {"loggers": {"console": {"config": {"log_level": logging.getLevelName(50)}}}}
    result = job.execute_in_process(instance=instance, run_config=quiet)
    assert result.success
    return result.run_id


def told(instance: dg.DagsterInstance, run: str) -> list[str | None]:
    """Types of a run's events, in order."""
    records = instance.get_records_for_run(run).records
    return [record.event_log_entry.dagster_event_type for record in records]


def test_the_ui_sees_a_run_while_it_is_built_with_open_connections(home):
    with dagster_storage.instance(home) as ours, dg.DagsterInstance.from_config(str(home)) as ui:
        run = build(ours)
        assert ui.get_run_by_id(run).is_success
        assert ui.get_latest_materialization_event(closes.key).run_id == run
        assert told(ui, run) == told(ours, run)


def test_a_run_leaves_the_same_events_as_with_dagsters_own_storage(home):
    with dg.DagsterInstance.from_config(str(home)) as plain:
        expected = told(plain, build(plain))
    with dagster_storage.instance(home) as ours:
        assert told(ours, build(ours)) == expected


def tables_of(home: Path, run: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(home / "history" / "runs" / f"{run}.db")) as connection:
        tables = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        return [*tables, *connection.execute("SELECT version_num FROM alembic_version")]


def test_each_further_run_of_a_process_has_dagsters_own_tables(home):
    with dg.DagsterInstance.from_config(str(home)) as plain:
        expected = tables_of(home, build(plain))
    with dagster_storage.instance(home) as ours:
        assert [tables_of(home, build(ours)) for _ in range(3)] == [expected] * 3


def test_a_run_whose_tables_another_process_makes_at_the_same_time_loses_no_event(
    home, monkeypatch
):
    with dagster_storage.instance(home) as ours, dg.DagsterInstance.from_config(str(home)) as ui:
        build(ours)
        run = build(ui)
        before = told(ui, run)
        events = ours.event_log_storage
        engine = dagster_storage._open(events.conn_string_for_shard(run))
        monkeypatch.setattr(events, "path_for_shard", lambda _: str(home / "not yet there"))
        events._make_tables(run, engine)
        engine.dispose()
        assert told(ui, run) == before


def test_what_a_step_of_a_command_prints_goes_to_the_terminal_at_once(home, capfd):
    with dagster_storage.instance(home, in_terminal=True) as ours:
        run = build(ours)
        with ours.compute_log_manager.capture_logs([run, "compute_logs", "step"]):
            os.write(1, "已读".encode())
            assert capfd.readouterr().out == "已读"
    with dagster_storage.instance(home) as others:
        assert told(others, run) == told(others, build(others))
    assert not list(home.glob(f"**/{run}/compute_logs"))


def test_files_stay_open_for_the_run_under_way_only(home):
    open_files = Path("/proc/self/fd")
    if not open_files.is_dir():
        pytest.skip("this system does not list a process's open files")
    with dagster_storage.instance(home) as ours:
        build(ours)
        build(ours)
        before = len(list(open_files.iterdir()))
        for _ in range(3):
            build(ours)
        assert len(list(open_files.iterdir())) <= before


def test_a_storage_that_the_installation_has_chosen_is_kept(home):
    (home / "dagster.yaml").write_text(
        "telemetry:\n  enabled: false\n"
        "event_log_storage:\n"
        "  module: dagster._core.storage.event_log\n"
        "  class: ConsolidatedSqliteEventLogStorage\n"
        f"  config:\n    base_dir: '{home / 'events'}'\n",
        encoding="utf-8",
    )
    with dagster_storage.instance(home) as ours:
        run = build(ours)
        assert type(ours.event_log_storage).__name__ == "ConsolidatedSqliteEventLogStorage"
        assert ours.get_run_by_id(run).is_success
