"""How assets reach the warehouse and come out of it, in runs of Dagster."""

import dagster as dg
import pandas as pd
import pytest

from bj_pipeline.assets.partitions import ISSUES, trailing_issues
from bj_pipeline.quality.stages import blocking, seen
from bj_pipeline.report.document import Document
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.io_manager import TRAILING, WarehouseIOManager
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline_tests.report.example import example_document
from bj_pipeline_tests.warehouse.test_store import quotes

COMPANIES = 25


@pytest.fixture
def embedded(tmp_path):
    return Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")


def asset(name, value, **arguments):
    """An asset that returns a value."""

    @dg.asset(name=name, partitions_def=ISSUES, **arguments)
    def made():
        return value

    return made


def reader(name, seen_by, **arguments):
    """An asset that remembers what it was given of another one."""

    @dg.asset(name="reader", partitions_def=ISSUES, ins={"given": dg.AssetIn(name, **arguments)})
    def reads(given) -> None:
        seen_by.append(given)

    return reads


def run(embedded, assets, selection=None, issue=65):
    return dg.materialize(
        assets,
        partition_key=str(issue),
        resources={"io_manager": WarehouseIOManager(embedded)},
        selection=selection,
        raise_on_error=False,
    )


def sectors(value):
    row = dict.fromkeys(tables.columns(tables.SECTOR_METRICS))
    return pd.DataFrame([row | {"sector": "汽车", "companies": COMPANIES, "pe_ttm_median": value}])


def pass_checks(embedded, issue, name):
    """Record that the blocking checks of an asset passed on its present data."""
    embedded.record_checks(
        issue,
        pd.DataFrame(
            {
                "check": one.name,
                "asset": name,
                "severity": one.severity,
                "passed": True,
                "data_version": seen(one, embedded, issue),
                "failed_rows": 0,
                "summary": "",
            }
            for one in blocking(name)
        ),
    )


def told(result):
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    return failure.step_failure_data.error.to_string()


def test_a_frame_becomes_the_issues_partition_and_the_ui_shows_its_rows(embedded):
    result = run(embedded, [asset("raw_quotes", quotes())])
    assert len(embedded.read(tables.RAW_QUOTES, 65)) == 4
    (event,) = result.get_asset_materialization_events()
    shown = event.materialization.metadata
    assert shown["dagster/row_count"].value == 4
    assert shown["data version"].value == embedded.version(tables.RAW_QUOTES, 65)
    assert shown["preview"].records[0].data["code"] == "920046.BJ"


def test_an_asset_that_returns_nothing_stores_nothing(embedded):
    assert run(embedded, [asset("report_pdf", None)]).success
    assert embedded.versions(65) == {}


def test_an_asset_may_only_return_a_frame_or_a_document(embedded):
    result = run(embedded, [asset("raw_quotes", [1, 2])])
    assert "raw_quotes: an asset returns a frame or a document, not a list" in told(result)


def test_a_document_is_stored_with_its_facts_and_comes_back_equal(embedded):
    document = example_document()
    given = []
    assets = [asset("report_document", document), reader("report_document", given)]
    run(embedded, assets, selection=["report_document"])
    facts = embedded.read(tables.FACTS, 65)
    assert set(facts["fact"]) == set(document.facts)
    pass_checks(embedded, 65, "report_document")
    assert run(embedded, assets, selection=["reader"]).success
    assert isinstance(given[0], Document)
    assert given == [document]


def test_what_was_never_built_cannot_be_read(embedded):
    assets = [asset("raw_listings", None), reader("raw_listings", [])]
    result = run(embedded, assets, selection=["reader"])
    assert "The table raw_listings holds nothing of issue 65" in told(result)


def test_what_was_not_checked_cannot_be_read(embedded):
    assets, given = [asset("raw_quotes", quotes())], []
    assets.append(reader("raw_quotes", given))
    run(embedded, assets, selection=["raw_quotes"])
    assert "has not run" in told(run(embedded, assets, selection=["reader"]))
    pass_checks(embedded, 65, "raw_quotes")
    assert run(embedded, assets, selection=["reader"]).success
    pd.testing.assert_frame_equal(given[0], embedded.read(tables.RAW_QUOTES, 65))


def test_a_trend_reads_the_earlier_issues_that_are_there_and_passed(embedded):
    for issue, median in ((62, 1.0), (63, 2.0), (65, 3.0)):
        embedded.replace(issue, {tables.SECTOR_METRICS: sectors(median)})
    for issue in (62, 65):
        pass_checks(embedded, issue, tables.SECTOR_METRICS)
    given = []
    assets = [
        asset("sector_metrics", None),
        reader(
            "sector_metrics",
            given,
            partition_mapping=trailing_issues(),
            metadata={TRAILING: True},
        ),
    ]
    assert run(embedded, assets, selection=["reader"]).success
    assert given[0][["issue", "pe_ttm_median"]].to_numpy().tolist() == [[62, 1.0], [65, 3.0]]


def test_a_trend_without_earlier_issues_has_the_columns_all_the_same(embedded):
    given = []
    assets = [
        asset("sector_metrics", None),
        reader(
            "sector_metrics",
            given,
            partition_mapping=trailing_issues(),
            metadata={TRAILING: True},
        ),
    ]
    assert run(embedded, assets, selection=["reader"]).success
    assert list(given[0].columns) == ["issue", *tables.columns(tables.SECTOR_METRICS)]
    assert given[0].empty
