"""Retention: what nothing rests on goes, and whatever an issue needs stays."""

import json
import os
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickStatus

from bj_pipeline.automation.home import dagster_environment
from bj_pipeline.automation.retention import remove, superseded_runs
from bj_pipeline.errors import DataError
from bj_pipeline.settings import Settings
from bj_pipeline.sources import Delivery
from bj_pipeline.sources.landing import Landing
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse

CHECK = "quotes_are_whole_and_unique"
ISSUES = dg.StaticPartitionsDefinition(["64", "65"])
NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=1)
LONG_AGO = NOW - timedelta(days=100)
MONTH_AGO = NOW - timedelta(days=30)


@dg.asset(partitions_def=ISSUES)
def raw_quotes() -> None:
    """Stands for an asset of an issue."""


@dg.asset(partitions_def=ISSUES, deps=[raw_quotes])
def raw_listings(context: dg.AssetExecutionContext) -> None:
    """Another one, which fails when asked to."""
    if "fails" in context.run.tags:
        raise dg.Failure("no data")


with warnings.catch_warnings():
    warnings.simplefilter("ignore", dg.PreviewWarning)

    @dg.asset_check(asset=raw_quotes, name=CHECK, partitions_def=ISSUES)
    def whole() -> dg.AssetCheckResult:
        """A check by a name that the pipeline has."""
        return dg.AssetCheckResult(passed=True)


QUOTES = dg.AssetSelection.assets(raw_quotes).without_checks()
LISTINGS = dg.AssetSelection.assets(raw_listings)
CHECKED = dg.AssetSelection.assets(raw_quotes)
ALL = dg.AssetSelection.all()


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return Settings(home=tmp_path / "home")


@pytest.fixture
def instance(settings):
    """Dagster as it is set up for the pipeline."""
    home = dagster_environment(settings)["DAGSTER_HOME"]
    with dg.DagsterInstance.from_config(home) as made:
        yield made


def run(instance: dg.DagsterInstance, issue: str, selection: dg.AssetSelection, **tags: str) -> str:
    """A run of some assets of an issue; returns its id."""
    done = dg.materialize(
        [raw_quotes, raw_listings, whole],
        selection=selection,
        partition_key=issue,
        instance=instance,
        tags=tags,
        raise_on_error=False,
    )
    return done.run_id


def ids(instance: dg.DagsterInstance) -> set[str]:
    return {run.run_id for run in instance.get_runs()}


def test_a_rebuild_makes_the_former_run_of_its_issue_superfluous(instance):
    former = run(instance, "65", ALL)
    run(instance, "64", ALL)
    run(instance, "65", ALL)
    assert superseded_runs(instance, LATER) == [former]


def test_a_run_that_made_what_an_asset_still_holds_stays(instance):
    run(instance, "65", ALL)
    listings_again = run(instance, "65", LISTINGS)
    run(instance, "65", LISTINGS)
    # The first run made the quotes, the last one the listings.
    assert superseded_runs(instance, LATER) == [listings_again]


def test_a_run_with_the_last_word_of_a_check_stays(instance):
    run(instance, "65", CHECKED)
    unchecked = run(instance, "65", QUOTES)
    run(instance, "65", QUOTES)
    assert superseded_runs(instance, LATER) == [unchecked]


def test_the_newest_failure_of_an_issue_stays_and_an_earlier_one_goes(instance):
    earlier = run(instance, "65", LISTINGS, fails="yes")
    run(instance, "65", LISTINGS, fails="yes")
    assert superseded_runs(instance, LATER) == [earlier]


def test_a_young_run_stays(instance):
    run(instance, "65", ALL)
    run(instance, "65", ALL)
    assert superseded_runs(instance, NOW - timedelta(minutes=1)) == []


def test_a_removed_run_leaves_no_files_and_no_gap(settings, instance):
    former = run(instance, "65", ALL)
    latest = run(instance, "65", ALL)
    home = settings.dagster_home
    assert list(home.rglob(f"*{former}*"))
    told = remove(settings, LATER, keep=True)
    assert (told.runs, told.all_runs) == (1, 2)
    assert ids(instance) == {former, latest}
    assert remove(settings, LATER).runs == 1
    assert ids(instance) == {latest}
    assert not list(home.rglob(f"*{former}*"))
    assert instance.get_materialized_partitions(raw_quotes.key) == {"65"}
    assert remove(settings, LATER).runs == 0


def test_ticks_are_kept_for_a_time_and_not_for_ever(instance):
    for kind in (InstigatorType.SENSOR, InstigatorType.SCHEDULE):
        days = instance.get_tick_retention_settings(kind)
        assert set(days) == set(TickStatus)
        assert all(value > 0 for value in days.values())
        assert days[TickStatus.FAILURE] >= days[TickStatus.SUCCESS] >= days[TickStatus.SKIPPED]


# --- Landing -------------------------------------------------------------------------------------


@pytest.fixture
def warehouse(settings):
    made = Warehouse(settings.warehouse_url)
    yield made
    made.engine.dispose()


def land(
    settings: Settings, warehouse: Warehouse, sent: bytes, at: datetime, interface: str = "daily"
) -> Delivery:
    landing = Landing(settings.landing, warehouse)
    return landing.store(Delivery("tushare", "daily.csv", sent, interface, {}, at))


def landed(settings: Settings) -> set[bytes]:
    return {path.read_bytes() for path in settings.landing.rglob("*") if path.is_file()}


def refer(warehouse: Warehouse, delivery: Delivery) -> None:
    inputs = {
        "name": delivery.name,
        "vendor": delivery.vendor,
        "interface": delivery.interface,
        "sha256": delivery.sha256,
        "position": 0,
        "bytes": len(delivery.content),
        "rows": 1,
    }
    warehouse.replace_input_files(65, tables.RAW_QUOTES, "tushare", pd.DataFrame([inputs]))


def name_in_manifest(path: Path, delivery: Delivery) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"inputs": [{"sha256": delivery.sha256}]}))


def test_an_old_answer_that_nothing_names_goes(settings, warehouse):
    land(settings, warehouse, b"unused", LONG_AGO)
    told = remove(settings, MONTH_AGO, keep=True)
    assert (told.landed, told.landed_bytes) == (1, 6)
    assert landed(settings) == {b"unused"}
    assert remove(settings, MONTH_AGO).landed == 1
    assert landed(settings) == set()
    assert Landing(settings.landing, warehouse).entries().empty
    assert remove(settings, MONTH_AGO).landed == 0


def test_what_a_killed_arrival_or_removal_left_in_the_landing_goes_when_it_is_old(
    settings, warehouse
):
    delivery = land(settings, warehouse, b"in no index", NOW)
    with warehouse.writing() as connection:
        connection.execute(tables.table(tables.LANDING).delete())
    (settings.landing / "notes.txt").write_bytes(b"not ours")
    remove(settings, MONTH_AGO)
    assert landed(settings) == {b"in no index", b"not ours"}
    path = settings.landing / delivery.sha256[:2] / delivery.sha256
    os.utime(path, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))
    assert remove(settings, MONTH_AGO, keep=True).landed_bytes == len(b"in no index")
    assert remove(settings, MONTH_AGO).landed == 1
    assert landed(settings) == {b"not ours"}


def test_what_an_issue_was_built_from_stays_whatever_its_age(settings, warehouse):
    refer(warehouse, land(settings, warehouse, b"used", LONG_AGO))
    remove(settings, MONTH_AGO)
    assert landed(settings) == {b"used"}
    assert Landing(settings.landing, warehouse).verify() == []


@pytest.mark.parametrize(
    "place",
    [
        "artifacts/issue-065",
        "published/issue-065",
        "published/issue-065/revision-1",
        "withdrawn/issue-065/revision-1",
    ],
)
def test_what_a_finished_report_names_stays_whatever_its_age(settings, warehouse, place):
    delivery = land(settings, warehouse, b"published once", LONG_AGO)
    name_in_manifest(settings.home / place / "manifest.json", delivery)
    remove(settings, MONTH_AGO)
    assert landed(settings) == {b"published once"}


def test_what_people_brought_stays_since_nobody_can_fetch_it_again(settings, warehouse):
    land(settings, warehouse, b"by hand", LONG_AGO, interface="")
    remove(settings, MONTH_AGO)
    assert landed(settings) == {b"by hand"}


def test_an_answer_that_came_again_lately_stays(settings, warehouse):
    land(settings, warehouse, b"twice", LONG_AGO)
    land(settings, warehouse, b"twice", NOW)
    remove(settings, MONTH_AGO)
    assert landed(settings) == {b"twice"}


def test_a_manifest_that_cannot_be_read_stops_the_removal(settings, warehouse):
    land(settings, warehouse, b"unused", LONG_AGO)
    path = settings.published / "issue-065" / "manifest.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(DataError, match="manifest"):
        remove(settings, MONTH_AGO)
    assert landed(settings) == {b"unused"}


def test_operations_are_told_what_would_go(command_line):
    done = command_line("retention", "--days", 30, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "0 of 0 runs and 0 landed answers (0.0 MB) would be removed" in done.stdout
    assert command_line("retention", "--days", 0).returncode == 2
