"""Runs whose process is gone, as the sensor in the daemon tells them from living ones."""

import json

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from bj_pipeline.automation.abandoned import abandoned_runs
from bj_pipeline.report import artifacts
from bj_pipeline.settings import load_settings
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline.warehouse.turns import turn

FAILED, STARTED = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTED


@pytest.fixture
def instance(tmp_path, monkeypatch):
    monkeypatch.setenv("BJ_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("BJ_DATABASE_URL", raising=False)
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def of_issue(
    instance: dg.DagsterInstance,
    status: dg.DagsterRunStatus = STARTED,
    *,
    by_server: bool = True,
    **tags: str,
) -> str:
    """A run of issue 65; returns its id."""
    location = ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name="here"))
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "repository"), "issue")
    run = dg.DagsterRun(
        job_name="issue",
        status=status,
        tags={"dagster/partition": "65", **{f"dagster/{name}": tags[name] for name in tags}},
        remote_job_origin=origin if by_server else None,
    )
    return instance.add_run(run).run_id


def ended_backfill(
    instance: dg.DagsterInstance, status: BulkActionStatus = BulkActionStatus.COMPLETED_FAILED
) -> str:
    """A backfill of issue 65; returns its id."""
    backfill = PartitionBackfill(
        backfill_id="history",
        status=status,
        from_failure=False,
        tags={},
        backfill_timestamp=0.0,
        partition_names=["65"],
    )
    instance.add_backfill(backfill)
    return backfill.backfill_id


def tick(instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    """One tick of the sensor."""
    with dg.build_sensor_context(instance, cursor=cursor) as context:
        result = abandoned_runs(context)
    assert isinstance(result, dg.SensorResult)
    return result


def look(instance: dg.DagsterInstance, cursor: str | None = None) -> str | None:
    """One tick of the sensor; returns its cursor."""
    return tick(instance, cursor).cursor


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_run_of_the_command_line_whose_turn_is_free_is_dead(instance):
    run_id = of_issue(instance, by_server=False)
    look(instance)
    assert status(instance, run_id) == FAILED


def test_a_run_of_a_server_is_given_time_to_take_its_turn(instance):
    run_id = of_issue(instance)
    cursor = look(instance)
    assert json.loads(cursor) == [run_id]
    assert status(instance, run_id) == STARTED
    assert look(instance, cursor) == "[]"
    assert status(instance, run_id) == FAILED


@pytest.mark.parametrize("by_server", [True, False])
def test_a_run_that_holds_its_turn_is_alive_however_long_it_takes(instance, by_server):
    run_id = of_issue(instance, by_server=by_server)
    with turn(Warehouse(load_settings().warehouse_url).engine, 65):
        cursor = None
        for _ in range(3):
            cursor = look(instance, cursor)
    assert status(instance, run_id) == STARTED


def test_a_lost_run_that_dagster_did_not_start_again_is_asked_for_as_it_was(instance):
    """Dagster starts nothing again of a backfill that has ended, and it ends with its last run."""
    backfill = ended_backfill(instance)
    run_id = of_issue(instance, FAILED, backfill=backfill, will_retry="true")
    (asked,) = tick(instance).run_requests
    assert (asked.job_name, asked.partition_key) == ("issue", "65")
    assert asked.tags["dagster/backfill"] == backfill
    assert asked.tags["dagster/parent_run_id"] == run_id
    (again,) = tick(instance).run_requests
    assert asked.run_key == again.run_key == f"lost-{run_id}"  # a key asks once


@pytest.mark.parametrize(
    ("status", "tags"),
    [
        pytest.param(BulkActionStatus.REQUESTED, {}, id="its backfill goes on"),
        pytest.param(
            BulkActionStatus.COMPLETED_FAILED, {"auto_retry_run_id": "other"}, id="started again"
        ),
        pytest.param(
            BulkActionStatus.COMPLETED_FAILED, {"will_retry": "false"}, id="its data are bad"
        ),
        pytest.param(
            BulkActionStatus.COMPLETED_FAILED, {"parent_run_id": "first"}, id="lost a second time"
        ),
    ],
)
def test_a_failed_run_is_left_to_dagster_and_to_people(instance, status, tags):
    backfill = ended_backfill(instance, status)
    of_issue(instance, FAILED, **{"backfill": backfill, "will_retry": "true"} | tags)
    assert not tick(instance).run_requests


def test_a_lost_run_is_not_asked_for_once_somebody_has_built_its_issue_again(instance):
    of_issue(instance, FAILED, backfill=ended_backfill(instance), will_retry="true")
    of_issue(instance, dg.DagsterRunStatus.SUCCESS, by_server=False)
    assert not tick(instance).run_requests


def test_a_tick_tells_of_an_approval_that_was_killed_and_takes_back_what_it_published(
    instance, tmp_path
):
    published = tmp_path / "home" / "published"
    artifacts.replace(published / "issue-065", {"manifest.json": b"{}"})
    (published / ".issue-065.unrecorded").write_text(artifacts.sha256(b"{}"), encoding="utf-8")
    result = tick(instance)
    assert "An approval of issue 65 was killed" in result.skip_reason.skip_message
    assert list(published.iterdir()) == []


def test_a_tick_with_no_run_under_way_does_not_open_the_warehouse(instance, tmp_path):
    assert look(instance) == "[]"
    assert not (tmp_path / "home").exists()
