"""Dagster's own home, as the first program that needs it makes it."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import dagster as dg
import pytest

from bj_pipeline.automation.home import dagster_environment
from bj_pipeline.settings import Settings


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return Settings(home=tmp_path / "home")


def _count_runs(settings: Settings) -> int:
    home = dagster_environment(settings)["DAGSTER_HOME"]
    with dg.DagsterInstance.from_config(home) as instance:
        return instance.get_runs_count() + len(instance.all_asset_keys())


def test_programs_that_start_together_in_a_new_home_do_not_disturb_each_other(settings):
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, mp_context=spawn) as pool:
        assert list(pool.map(_count_runs, [settings] * 8)) == [0] * 8


def test_a_home_that_was_left_half_made_is_made_anew(settings):
    left = settings.dagster_home.with_suffix(".new")
    (left / "history").mkdir(parents=True)
    (left / "history" / "runs.db").write_bytes(b"half a database")
    assert _count_runs(settings) == 0
    assert not left.exists()


def test_changed_settings_of_the_project_reach_a_home_that_is_there(settings):
    _count_runs(settings)
    own = settings.dagster_home / "dagster.yaml"
    shipped = own.read_bytes()
    own.write_bytes(b"telemetry:\n  enabled: true\n")
    assert _count_runs(settings) == 0
    assert own.read_bytes() == shipped
