"""The metrics: each figure that does not follow from the data is found by its check."""

import pytest

from bj_pipeline.metrics.buckets import bucket_counts
from bj_pipeline.metrics.sector import sector_metrics
from bj_pipeline.quality import metrics
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.quality.built_issue import cells, codes, failures, result, twice

CODE = "920060.BJ"
PUBLISHED_DISAGREEMENT = {"920046.BJ", "920207.BJ", "920689.BJ"}
"""Companies whose PE TTM the published issue gives twice, by two vendors, and differently."""
SECTOR = "机械设备"


def found_in(issue):
    """Failing checks, but for the published disagreement of vendors."""
    found = failures(issue, "metrics")
    found.pop("vendors_agree_on_pe_ttm", None)
    return found


def only(issue, name):
    found = found_in(issue)
    assert set(found) == {name}, {one: outcome.broken for one, outcome in found.items()}
    return found[name]


def test_a_healthy_issue_passes_every_metrics_check(issue_65):
    assert found_in(issue_65) == {}


def test_an_issue_without_valuations_is_only_warned_of(issue_65):
    blank = {
        name: float("nan") for name in ("market_cap", "market_cap_base", "pe_ttm", "pe_ttm_base")
    }
    issue = _rebuilt(issue_65.without(tables.RAW_VALUATIONS), lambda frame: frame.assign(**blank))
    assert not only(issue, "valuations_cover_the_pool").check.blocks


@pytest.mark.parametrize("column", ["market_cap", "market_cap_base"])
def test_a_market_cap_that_is_not_close_times_shares_is_named(issue_65, column):
    issue = issue_65.plant(
        tables.COMPANY_METRICS, cells(column, lambda cap: cap * 1.001, code=CODE)
    )
    outcome = found_in(issue)["market_caps_are_close_times_shares"]
    assert codes(outcome) == {CODE}
    assert outcome.columns == ("above",)


def test_companies_of_the_ai_chain_outside_the_pool_are_checked_too(issue_65):
    outside = issue_65.table(tables.COMPANY_METRICS)
    code = outside.loc[outside["sector"].isna(), "code"].iloc[0]
    issue = issue_65.plant(
        tables.COMPANY_METRICS, cells("market_cap", lambda cap: cap / 1e4, code=code)
    )
    assert codes(only(issue, "market_caps_are_close_times_shares")) == {code}


@pytest.mark.parametrize(
    ("column", "difference"),
    [("close", 0.01), ("close_base", -0.01), ("change", 1e-4), ("change", -2.0)],
)
def test_a_close_or_change_that_the_quotes_do_not_give_is_named(issue_65, column, difference):
    issue = issue_65.plant(
        tables.COMPANY_METRICS, cells(column, lambda value: value + difference, code=CODE)
    )
    assert codes(found_in(issue)["market_caps_are_close_times_shares"]) == {CODE}


def test_a_company_that_stands_twice_is_named(issue_65):
    issue = issue_65.plant(tables.COMPANY_METRICS, twice(code=CODE))
    assert codes(found_in(issue)["market_caps_are_close_times_shares"]) == {CODE}


def _rebuilt(issue, change):
    """The issue with other company metrics, and sectors and buckets that follow from them."""
    issue = issue.plant(tables.COMPANY_METRICS, change)
    companies, reference = issue.table(tables.COMPANY_METRICS), issue.reference
    day = issue.issue.close_date
    edges = [*reference.buckets("pe_ttm", day), *reference.buckets("market_cap", day)]
    issue = issue.plant(
        tables.SECTOR_METRICS, lambda _: sector_metrics(companies, reference.sectors)
    )
    return issue.plant(
        tables.BUCKET_COUNTS, lambda _: bucket_counts(companies, reference.sectors, edges)
    )


@pytest.mark.parametrize(("every", "warned"), [(10, True), (40, False)])
def test_pe_missing_for_a_tenth_of_the_pool_is_warned_of(issue_65, every, warned):
    some = issue_65.table(tables.COMPANY_METRICS).dropna(subset=["sector"])["code"].iloc[::every]

    def blank(frame):
        frame.loc[frame["code"].isin(some), ["pe_ttm", "pe_ttm_base"]] = float("nan")
        return frame

    found = found_in(_rebuilt(issue_65, blank))
    assert set(found) == ({"valuations_cover_the_pool"} if warned else set())
    assert not warned or codes(found["valuations_cover_the_pool"]) == set(some)


@pytest.mark.parametrize(
    ("column", "value"), [("revenue", None), ("fiscal_year", 2023)], ids=["none", "old"]
)
def test_results_that_half_the_pool_lacks_or_that_are_old_are_warned_of(issue_65, column, value):
    half = issue_65.plant(
        tables.COMPANY_METRICS,
        lambda frame: frame.assign(**{column: frame[column].mask(frame.index % 2 == 0, value)}),
    )
    outcome = only(half, "valuations_cover_the_pool")
    assert column in outcome.columns
    assert len(outcome.rows) > 70


def test_a_documented_loss_is_no_missing_pe(issue_65):
    some = issue_65.table(tables.COMPANY_METRICS)["code"].iloc[::5]

    def lose(frame):
        rows = frame["code"].isin(some)
        frame.loc[rows, ["pe_ttm", "pe_ttm_base"]] = float("nan")
        frame.loc[rows, ["pe_ttm_is_loss", "pe_ttm_base_is_loss"]] = True
        return frame

    assert found_in(_rebuilt(issue_65, lose)) == {}


def test_one_market_cap_that_a_total_leaves_out_is_warned_of(issue_65):
    issue = _rebuilt(issue_65, cells("market_cap", float("nan"), code=CODE))
    outcome = only(issue, "valuations_cover_the_pool")
    assert codes(outcome) == {CODE}
    assert outcome.columns == ("market_cap",)


def test_vendors_that_disagree_in_the_published_issue_are_named_furthest_apart_first(issue_65):
    outcome = failures(issue_65, "metrics")["vendors_agree_on_pe_ttm"]
    assert codes(outcome) == PUBLISHED_DISAGREEMENT
    assert outcome.rows["code"].iloc[0] == "920207.BJ"
    assert not outcome.check.blocks


def test_vendors_that_disagree_in_sign_are_named(issue_65):
    issue = issue_65.plant(
        tables.RAW_VALUATIONS,
        cells("pe_ttm", -0.5, code=CODE, vendor="wind", date=issue_65.issue.close_date),
    )
    rows = result(issue, metrics.vendors_agree_on_pe_ttm).rows.set_index("code")
    assert set(rows.index) == PUBLISHED_DISAGREEMENT | {CODE}
    assert rows.loc[CODE, "signs_differ"]
    assert rows.loc[CODE, "name"] == "万源通"


def test_one_vendor_alone_agrees_with_itself(issue_65):
    issue = issue_65.plant(tables.RAW_VALUATIONS, lambda frame: frame[frame["vendor"] == "wind"])
    assert result(issue, metrics.vendors_agree_on_pe_ttm).passed


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("companies", lambda count: count + 1),
        ("total_market_cap", lambda total: total - 1e8),
        ("total_market_cap_base", lambda total: total + 1e8),
        ("market_cap_median", lambda median: median + 100),
        ("market_cap_median_base", lambda median: median * 100),
        ("pe_ttm_median", lambda median: median + 0.01),
        ("pe_ttm_median_base", lambda median: median + 10_000),
        ("pe_ttm_median_base", float("nan")),
    ],
)
def test_a_sector_figure_that_its_companies_do_not_give_is_named(issue_65, column, change):
    issue = issue_65.plant(tables.SECTOR_METRICS, cells(column, change, sector=SECTOR))
    outcome = only(issue, "sector_figures_add_up")
    assert set(outcome.rows["sector"]) == {SECTOR}
    dates = (
        {"base date", "close date"}
        if column == "companies"
        else {"base date" if column.endswith("_base") else "close date"}
    )
    assert set(outcome.rows["figures_of"]) == dates


def test_a_sector_that_is_missing_stops_the_issue(issue_65):
    issue = issue_65.plant(tables.SECTOR_METRICS, lambda frame: frame[frame["sector"] != SECTOR])
    assert only(issue, "sector_figures_add_up").check.blocks


@pytest.mark.parametrize("column", ["companies", "companies_base"])
def test_a_company_in_the_next_bucket_is_found_though_the_sum_is_right(issue_65, column):
    where = {"sector": SECTOR, "measure": "pe_ttm"}
    issue = issue_65.plant(
        tables.BUCKET_COUNTS, cells(column, lambda count: count + 1, bucket="20~30", **where)
    ).plant(tables.BUCKET_COUNTS, cells(column, lambda count: count - 1, bucket="30~50", **where))
    outcome = only(issue, "bucket_counts_add_up")
    assert set(outcome.rows["bucket"]) == {"20~30", "30~50"}
    assert set(outcome.rows["sector"]) == {SECTOR}


def test_a_bucket_that_is_missing_stops_the_issue(issue_65):
    issue = issue_65.plant(tables.BUCKET_COUNTS, lambda frame: frame.iloc[1:])
    assert only(issue, "bucket_counts_add_up").check.blocks


def test_a_wrong_top_mover_is_named(issue_65):
    issue = issue_65.plant(tables.MOVERS, cells("change", 0.3, sector="汽车", rank=1))
    outcome = only(issue, "top_movers_are_the_largest")
    assert outcome.rows[["sector", "rank"]].to_numpy().tolist() == [["汽车", 1]]


def test_a_right_change_beside_another_companys_name_is_named(issue_65):
    issue = issue_65.plant(tables.MOVERS, cells("code", CODE, sector="汽车", rank=1))
    assert codes(only(issue, "top_movers_are_the_largest")) == {CODE}


def test_a_rank_that_is_left_out_is_named(issue_65):
    issue = issue_65.plant(
        tables.MOVERS, lambda frame: frame[(frame["sector"] != "汽车") | (frame["rank"] != 2)]
    )
    outcome = only(issue, "top_movers_are_the_largest")
    assert outcome.rows[["sector", "rank"]].to_numpy().tolist() == [["汽车", 2]]


def test_a_company_ranked_twice_is_named(issue_65):
    first = issue_65.table(tables.MOVERS).query("sector == '汽车' and rank == 1")["code"].item()
    issue = issue_65.plant(tables.MOVERS, cells("code", first, sector="汽车", rank=2))
    assert codes(only(issue, "top_movers_are_the_largest")) == {first}


def test_no_movers_at_all_stop_the_issue(issue_65):
    assert only(issue_65.without(tables.MOVERS), "top_movers_are_the_largest").check.blocks


@pytest.mark.parametrize(
    ("metric", "change"),
    [
        ("median_change", lambda value: value + 0.001),
        ("rising_companies", lambda value: value + 1),
        ("pool_size", 157.0),
        ("index_change_899050.BJ", lambda value: -value),
        ("index_change_899050.BJ", float("nan")),
    ],
)
def test_a_market_figure_that_does_not_follow_is_named(issue_65, metric, change):
    issue = issue_65.plant(tables.MARKET_METRICS, cells("value", change, metric=metric))
    outcome = only(issue, "market_figures_follow_from_companies")
    assert list(outcome.rows["metric"]) == [metric]


def test_a_market_figure_that_is_missing_is_named(issue_65):
    issue = issue_65.plant(
        tables.MARKET_METRICS, lambda frame: frame[frame["metric"] != "median_change"]
    )
    outcome = only(issue, "market_figures_follow_from_companies")
    assert list(outcome.rows["metric"]) == ["median_change"]
