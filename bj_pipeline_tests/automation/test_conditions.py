"""Declarative automation over simulated ticks on a real instance: exact counts of what is asked."""

import dagster as dg
import pytest

from bj_pipeline.automation import dagster_storage
from bj_pipeline.automation.conditions import carry_changes_down
from bj_pipeline.automation.home import dagster_environment
from bj_pipeline.definitions import build
from bj_pipeline.settings import Settings
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse

BELOW_QUOTES = {
    "company_universe", "ai_chain_classification", "company_metrics", "ai_chain_metrics",
    "sector_metrics", "bucket_counts", "movers", "market_metrics", "sector_trends",
    "report_document", "report_figures", "report_html", "report_pdf", "report_docx", "report_xlsx",
    "issue_manifest",
}  # fmt: skip


class Installation:
    """A home with a real instance, and the daemon's ticks over it."""

    def __init__(self, folder):
        self.folder = folder
        self.settings = Settings(home=folder / "home")
        self.defs = build(self.settings)
        self.instance = dagster_storage.instance(folder / "dagster")
        self.cursor = None

    def run(self, job="__ASSET_JOB", *, issue=65, assets=None, checks=None):
        definition = self.defs.resolve_job_def(job)
        if assets:
            definition = definition.get_subset(
                asset_selection={dg.AssetKey(name) for name in assets},
                asset_check_selection=checks,
            )
        return definition.execute_in_process(
            partition_key=str(issue),
            instance=self.instance,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )

    def tick(self):
        """Asset or check → issues that are asked for."""
        result = dg.evaluate_automation_conditions(
            defs=self.defs,
            instance=self.instance,
            cursor=self.cursor,
            asset_selection=dg.AssetSelection.all(),
        )
        self.cursor = result.cursor
        return {
            one.key: one.true_subset.expensively_compute_partition_keys()
            for one in result.results
            if not one.true_subset.is_empty
        }

    def asked(self):
        """Assets asked for, and that it is issue 65 alone."""
        asked = self.tick()
        assert all(keys == {"65"} for keys in asked.values())
        self.checks = {key for key in asked if isinstance(key, dg.AssetCheckKey)}
        return {key.to_user_string() for key in asked if isinstance(key, dg.AssetKey)}


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """Issue 65 of the sample, built as a whole, and the figures of issue 64."""
    folder = tmp_path_factory.mktemp("conditions")
    (folder / "dagster").mkdir()
    (folder / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BJ_HOME", str(folder / "home"))
        installation = Installation(folder)
        installation.tick()
        yield installation
        installation.instance.dispose()


def test_1_a_whole_run_and_the_figures_of_an_earlier_issue_set_off_nothing(installation):
    assert installation.run("issue").success
    assert installation.tick() == {}
    assert installation.run("figures", issue=64).success
    assert installation.tick() == {}
    assert installation.tick() == {}


def test_2_quotes_alone_are_carried_down_to_the_report_in_one_run_with_its_checks(installation):
    assert installation.run(assets=["raw_quotes"]).success
    asked = installation.asked()
    assert asked == BELOW_QUOTES
    assert "valuations_are_sound" in {key.name for key in installation.checks}
    assert installation.tick() == {}
    result = installation.run(assets=asked, checks=installation.checks)
    assert result.success
    assert installation.tick() == {}


def test_3_an_earlier_issue_does_not_set_off_the_reports_that_chart_it(installation):
    assert installation.run(issue=64, assets=["sector_metrics"]).success
    asked = installation.tick()
    assert {key.to_user_string() for key in asked if isinstance(key, dg.AssetKey)} <= BELOW_QUOTES
    assert all(keys == {"64"} for keys in asked.values())


def corrupted(installation):
    """Quotes that were materialized without their checks, and are wrong."""
    assert installation.run(assets=["raw_quotes"], checks=set()).success
    warehouse = Warehouse(installation.settings.warehouse_url)
    frame = warehouse.read(tables.RAW_QUOTES, 65)
    warehouse.replace(65, {tables.RAW_QUOTES: frame.assign(close=-1.0)})


def test_4_what_was_not_checked_is_checked_in_the_same_run_and_stops_it(installation):
    corrupted(installation)
    assert installation.asked() == BELOW_QUOTES
    assert "closes_are_positive" in {key.name for key in installation.checks}
    result = installation.run(assets=BELOW_QUOTES, checks=installation.checks)
    assert not result.success
    steps = {event.step_key for event in result.get_step_success_events()}
    assert not steps & BELOW_QUOTES
    assert installation.tick() == {}


def test_5_a_change_waits_for_its_blocking_checks_and_is_carried_on_once_they_pass(installation):
    corrupted(installation)
    checks = {key for key in installation.defs.resolve_asset_graph().asset_check_keys
              if key.asset_key == dg.AssetKey("raw_quotes")}  # fmt: skip
    alone = installation.defs.resolve_job_def("__ASSET_JOB").get_subset(
        asset_selection=set(), asset_check_selection=checks
    )
    with_issue = {"partition_key": "65", "instance": installation.instance}
    alone.execute_in_process(**with_issue, raise_on_error=False)
    for _ in range(2):
        assert installation.asked() == set()
    assert installation.run(assets=["raw_quotes"]).success
    assert installation.asked() == BELOW_QUOTES
    assert installation.asked() == set()


def test_6_what_a_whole_run_builds_during_a_tick_is_no_change_that_nobody_follows(
    installation, monkeypatch
):
    for name, value in dagster_environment(installation.settings).items():
        if name.startswith("DAGSTER_AUTOMATION"):
            monkeypatch.setenv(name, value)
    installation.tick()
    storage = type(installation.instance.event_log_storage)
    newest = storage.get_maximum_record_id

    def then_a_run_goes_on(self):
        monkeypatch.setattr(storage, "get_maximum_record_id", newest)
        moment = newest(self)
        assert installation.run("issue", assets=["raw_quotes"], checks=set()).success
        return moment

    monkeypatch.setattr(storage, "get_maximum_record_id", then_a_run_goes_on)
    assert installation.tick() == {}
    assert installation.tick() == {}


def test_runs_are_one_an_issue_and_follow_nothing_themselves():
    assert not carry_changes_down.emit_backfills
    assert "bj/builds" in carry_changes_down.run_tags
