"""The gate: what follows an asset is built only if its blocking checks passed on present data."""

import pytest

from bj_pipeline.errors import CheckFailedError
from bj_pipeline.quality.asset_checks import stored_results
from bj_pipeline.quality.raw import closes_are_positive
from bj_pipeline.quality.stages import ALL, STAGES, blocking, require_passed, seen
from bj_pipeline.quality.validate import run_checks
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.quality.built_issue import BuiltIssue, cells

CODE = "920060.BJ"


@pytest.fixture
def stored(issue_65, tmp_path) -> BuiltIssue:
    """The issue in a warehouse of the test's own."""
    return issue_65.stored_in(tmp_path)


def store(issue, name, change=lambda frame: frame):
    """Replace a table of the warehouse; return the issue as it is now."""
    frame = change(issue.table(name).copy())
    issue.warehouse.replace(65, {name: frame})
    return BuiltIssue(issue.issue, issue.warehouse, issue.reference, issue.artifacts)


def recheck(issue, stage):
    issue.warehouse.record_checks(65, stored_results(run_checks(STAGES[stage], issue), issue))


def negative(frame):
    return cells("close", -1.0, code=CODE)(frame)


def test_every_asset_of_a_healthy_issue_is_open(stored):
    for asset in {one.asset for one in ALL}:
        require_passed(stored.warehouse, 65, asset)


def test_a_failed_critical_check_blocks_and_tells_what_is_wrong_where_and_what_to_do(stored):
    recheck(store(stored, tables.RAW_QUOTES, negative), "raw")
    with pytest.raises(CheckFailedError) as told:
        require_passed(stored.warehouse, 65, tables.RAW_QUOTES)
    for part in ("closes_are_positive", CODE, "sample_quotes.csv", closes_are_positive.remedy):
        assert part in str(told.value)


def test_a_warning_does_not_block(stored):
    recheck(
        store(
            stored,
            tables.RAW_INDEX_QUOTES,
            lambda frame: frame[frame["code"] != "899050.BJ"],
        ),
        "raw",
    )
    results = stored.warehouse.read(tables.CHECK_RESULTS, 65).set_index("check")
    assert not results.loc["index_closes_are_complete", "passed"]
    require_passed(stored.warehouse, 65, tables.RAW_INDEX_QUOTES)


def test_a_check_that_has_not_run_blocks(stored):
    checks = tables.table(tables.CHECK_RESULTS)
    with stored.warehouse.writing() as connection:
        connection.execute(checks.delete().where(checks.c.check == "closes_are_positive"))
    with pytest.raises(CheckFailedError, match="closes_are_positive of raw_quotes has not run"):
        require_passed(stored.warehouse, 65, tables.RAW_QUOTES)


def test_an_issue_that_was_never_checked_is_blocked(stored):
    stored.warehouse.replace(64, {tables.RAW_QUOTES: stored.table(tables.RAW_QUOTES)})
    with pytest.raises(CheckFailedError, match="Issue 64"):
        require_passed(stored.warehouse, 64, tables.RAW_QUOTES)


@pytest.mark.parametrize(
    ("changed", "blocked"),
    [
        (tables.RAW_QUOTES, tables.RAW_QUOTES),
        (tables.RAW_QUOTES, tables.RAW_VALUATIONS),
        (tables.RAW_LISTINGS, tables.COMPANY_UNIVERSE),
        (tables.SECTOR_METRICS, tables.REPORT_DOCUMENT),
    ],
)
def test_a_check_that_saw_older_data_blocks_until_it_runs_again(stored, changed, blocked):
    issue = store(stored, changed, lambda frame: frame.iloc[:-1])
    with pytest.raises(CheckFailedError, match="has not seen the present data"):
        require_passed(stored.warehouse, 65, blocked)
    whole = store(issue, changed, lambda _: stored.table(changed))
    require_passed(whole.warehouse, 65, blocked)


def test_running_the_checks_on_the_new_data_unblocks(stored):
    good = stored.table(tables.RAW_QUOTES)
    issue = store(stored, tables.RAW_QUOTES, negative)
    recheck(issue, "raw")
    issue = store(issue, tables.RAW_QUOTES, lambda _: good.assign(volume=good["volume"] + 100))
    with pytest.raises(CheckFailedError):
        require_passed(stored.warehouse, 65, tables.RAW_QUOTES)
    recheck(issue, "raw")
    require_passed(stored.warehouse, 65, tables.RAW_QUOTES)


def test_an_asset_without_blocking_checks_is_open(stored):
    assert blocking(tables.RAW_LISTINGS) == ()
    require_passed(stored.warehouse, 64, tables.RAW_LISTINGS)


def test_a_check_that_has_seen_nothing_of_a_table_says_so(stored):
    assert seen(closes_are_positive, stored.warehouse, 64) == "raw_quotes=none"


def test_every_metric_that_the_report_prints_is_guarded():
    for asset in ("company_metrics", "sector_metrics", "bucket_counts", "movers", "market_metrics"):
        assert blocking(asset), asset


def test_a_stored_result_counts_every_row_and_names_the_first(stored):
    issue = store(stored, tables.RAW_QUOTES, lambda frame: frame.assign(close=-1.0))
    row = stored_results(run_checks([closes_are_positive], issue), issue).iloc[0]
    assert row["failed_rows"] == len(issue.table(tables.RAW_QUOTES))
    assert row["severity"] == "critical"
    assert f"and {row['failed_rows'] - 3} more" in row["summary"]
    assert "code=920046.BJ" in row["summary"]


def test_a_stored_result_of_a_passed_check_is_silent(stored):
    row = stored_results(run_checks([closes_are_positive], stored), stored).iloc[0]
    assert (row["passed"], row["failed_rows"], row["summary"]) == (True, 0, "")
