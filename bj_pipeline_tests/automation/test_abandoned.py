"""Runs whose process is gone, as the sensor in the daemon tells them from living ones."""

import json

import dagster as dg
import pytest
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


def started(instance: dg.DagsterInstance, *, by_server: bool) -> str:
    """A run of issue 65 that has begun; returns its id."""
    location = ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name="here"))
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "repository"), "issue")
    run = dg.DagsterRun(
        job_name="issue",
        status=STARTED,
        tags={"dagster/partition": "65"},
        remote_job_origin=origin if by_server else None,
    )
    return instance.add_run(run).run_id


def look(instance: dg.DagsterInstance, cursor: str | None = None) -> str | None:
    """One tick of the sensor; returns its cursor."""
    with dg.build_sensor_context(instance, cursor=cursor) as context:
        result = abandoned_runs(context)
    assert isinstance(result, dg.SensorResult)
    return result.cursor


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_run_of_the_command_line_whose_turn_is_free_is_dead(instance):
    run_id = started(instance, by_server=False)
    look(instance)
    assert status(instance, run_id) == FAILED


def test_a_run_of_a_server_is_given_time_to_take_its_turn(instance):
    run_id = started(instance, by_server=True)
    cursor = look(instance)
    assert json.loads(cursor) == [run_id]
    assert status(instance, run_id) == STARTED
    assert look(instance, cursor) == "[]"
    assert status(instance, run_id) == FAILED


@pytest.mark.parametrize("by_server", [True, False])
def test_a_run_that_holds_its_turn_is_alive_however_long_it_takes(instance, by_server):
    run_id = started(instance, by_server=by_server)
    with turn(Warehouse(load_settings().warehouse_url).engine, 65):
        cursor = None
        for _ in range(3):
            cursor = look(instance, cursor)
    assert status(instance, run_id) == STARTED


def test_a_tick_tells_of_an_approval_that_was_killed_and_takes_back_what_it_published(
    instance, tmp_path
):
    published = tmp_path / "home" / "published"
    artifacts.replace(published / "issue-065", {"manifest.json": b"{}"})
    (published / ".issue-065.unrecorded").write_text(artifacts.sha256(b"{}"), encoding="utf-8")
    with dg.build_sensor_context(instance) as context:
        result = abandoned_runs(context)
    assert isinstance(result, dg.SensorResult)
    assert "An approval of issue 65 was killed" in result.skip_reason.skip_message
    assert list(published.iterdir()) == []


def test_a_tick_with_no_run_under_way_does_not_open_the_warehouse(instance, tmp_path):
    assert look(instance) == "[]"
    assert not (tmp_path / "home").exists()
