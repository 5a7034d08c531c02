"""The sample source: every published figure, and a market that holds together."""

import io
import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from bj_pipeline.issues import Issue, all_issues, by_number
from bj_pipeline.sources import Delivery
from bj_pipeline.sources.sample import SampleSource
from bj_pipeline.warehouse import tables

GOLDEN = Path(__file__).parents[1] / "golden"
YI = 1e8
WAN = 1e4
PE_EDGES = [0, 20, 30, 50, 100]
PE_LABELS = ["<0X", "0~20X", "20~30X", "30~50X", "50~100X", ">100X"]
CAP_EDGES = [5, 10, 20, 30, 50]
CAP_LABELS = ["0~5亿元", "5~10亿元", "10~20亿元", "20~30亿元", "30~50亿元", ">50亿元"]


def golden(name: str) -> pd.DataFrame:
    return pd.read_csv(GOLDEN / f"issue_065_{name}.csv", dtype=str, keep_default_na=False)


def facts() -> dict[str, str]:
    return golden("market").set_index("fact")["value"].to_dict()


def displayed(value: float, digits: int) -> Decimal:
    return Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def published(text: str, digits: int) -> Decimal:
    return Decimal(text).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def frame(delivery: Delivery) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(delivery.content), keep_default_na=False)


@cache
def delivered(issue: Issue, table: str) -> pd.DataFrame:
    frames = [frame(d).assign(vendor=d.vendor) for d in SampleSource().deliver(issue, table)]
    return pd.concat(frames, ignore_index=True)


def rows_of(code: str, issue: Issue, table: str) -> pd.DataFrame:
    rows = delivered(issue, table)
    return rows[rows["code"] == code]


@cache
def pool() -> pd.DataFrame:
    return pd.read_csv(SampleSource.pool_file, keep_default_na=False).set_index("code")


def day_closes(issue: Issue, day) -> pd.DataFrame:
    """Last close and factor up to a day, by code."""
    quotes = delivered(issue, tables.RAW_QUOTES)
    return quotes[quotes["date"] <= str(day)].groupby("code").last()


@cache
def metrics(issue: Issue) -> pd.DataFrame:
    """Change (%), market cap (亿元) and PE of every company, by code."""
    base, close = (day_closes(issue, day) for day in (issue.base_date, issue.close_date))
    adjusted = (close["close"] * close["adj_factor"]) / (base["close"] * base["adj_factor"])
    result = pd.DataFrame({"change": (adjusted - 1) * 100})
    result["close_base"], result["close"] = base["close"], close["close"]
    values = delivered(issue, tables.RAW_VALUATIONS)
    for suffix, day, prices in (
        ("_base", issue.base_date, base),
        ("", issue.close_date, close),
    ):
        of_day = values[values["date"] == str(day)]
        ifind, wind = (of_day[of_day["vendor"] == v].set_index("code") for v in ("ifind", "wind"))
        result[f"cap{suffix}"] = prices["close"] * ifind["total_shares"] / YI
        result[f"shares{suffix}"] = ifind["total_shares"]
        result[f"pe{suffix}"] = ifind["pe_ttm"]
        result[f"pe_wind{suffix}"] = wind["pe_ttm"]
    return result


@pytest.fixture(scope="module")
def issue() -> Issue:
    return by_number(65)


@pytest.fixture(scope="module")
def companies(issue: Issue) -> pd.DataFrame:
    return metrics(issue).join(pool()[["name", "sector"]])


@pytest.fixture(scope="module")
def covered(companies: pd.DataFrame) -> pd.DataFrame:
    return companies[companies["sector"].notna()]


def results_of(issue: Issue) -> pd.DataFrame:
    """The last full year published by the close date, by code."""
    results = delivered(issue, tables.RAW_FINANCIALS)
    return results.sort_values("fiscal_year").groupby("code").last()


def shown_changes(companies: pd.DataFrame) -> pd.Series:
    return companies["change"].map(lambda change: displayed(change, 2))


# Issue 65: every published figure


def test_the_pool_has_as_many_companies_as_published(covered):
    assert len(covered) == int(facts()["pool_size"])
    for row in golden("sectors").itertuples():
        assert (covered["sector"] == row.sector).sum() == int(row.companies)


def test_the_week_is_the_published_one(issue):
    told = facts()
    assert str(issue.first_session) == told["week_first_session"]
    assert str(issue.close_date) == told["week_last_session"]
    assert str(issue.base_date) == told["base_close"]


def test_as_many_companies_rose_as_published(covered):
    rose = (shown_changes(covered) > 0).sum()
    assert rose == int(facts()["rising_companies"])
    assert displayed(rose / len(covered) * 100, 0) == Decimal(facts()["rising_share"])


def test_the_median_change_is_the_published_one(covered):
    assert displayed(covered["change"].median(), 1) == Decimal(facts()["median_change"])
    assert displayed(covered["change"].median(), 2) == Decimal("0.70")


@pytest.mark.parametrize("code", ["899050.BJ", "000300.SH", "000688.SH", "399006.SZ"])
def test_each_index_moved_as_published(issue, code):
    closes = delivered(issue, tables.RAW_INDEX_QUOTES)
    closes = closes[closes["code"] == code].set_index("date")["close"]
    change = (closes[str(issue.close_date)] / closes[str(issue.base_date)] - 1) * 100
    assert displayed(change, 2) == published(facts()[f"index_{code.replace('.', '_')}_change"], 2)


def test_the_top_ten_are_the_published_ten_with_every_figure(issue, companies, covered):
    table = golden("top10")
    top = covered.sort_values("change", ascending=False).head(11)
    assert top.index[:10].tolist() == table["code"].tolist()
    assert shown_changes(top).iloc[9] > shown_changes(top).iloc[10]
    results = results_of(issue)
    for row in table.itertuples():
        company = companies.loc[row.code]
        assert company["name"] == row.name
        assert displayed(company["change"], 2) == Decimal(row.change_pct)
        assert displayed(company["cap"], 2) == Decimal(row.market_cap_yi)
        assert displayed(company["pe"], 2) == Decimal(row.pe_ttm)
        assert displayed(results.loc[row.code, "revenue"] / YI, 2) == Decimal(row.revenue_2024_yi)
        profit = results.loc[row.code, "net_profit"] / WAN
        assert displayed(profit, 2) == Decimal(row.net_profit_2024_wan)


def test_the_ai_chain_has_every_published_figure(issue, companies):
    table = golden("ai_chain")
    assert len(table) == int(facts()["ai_chain_companies"])
    names = delivered(issue, tables.RAW_LISTINGS).set_index("code")["name"]
    results = results_of(issue)
    for row in table.itertuples():
        company, result = companies.loc[row.code], results.loc[row.code]
        assert names[row.code] == row.name
        assert displayed(company["cap"], 2) == Decimal(row.market_cap_yi)
        assert displayed(company["pe_wind"], 2) == Decimal(row.pe_ttm)
        assert result["fiscal_year"] == 2024
        assert displayed(result["revenue"] / YI, 2) == Decimal(row.revenue_2024_yi)
        assert displayed(result["net_profit"] / WAN, 2) == Decimal(row.net_profit_2024_wan)


def test_the_vendors_disagree_only_on_the_three_companies_named(companies):
    different = companies[companies["pe"].round(2) != companies["pe_wind"].round(2)]
    assert set(different["name"]) == {"众诚科技", "亿能电力", "克莱特"}


@pytest.mark.parametrize("sector", ["电子设备", "机械设备", "信息技术", "汽车", "新能源"])
def test_each_sector_has_every_published_figure(covered, sector):
    row = golden("sectors").set_index("sector").loc[sector]
    members = covered[covered["sector"] == sector]
    found = {
        "pe_median_prev": members["pe_base"].median(),
        "pe_median": members["pe"].median(),
        "total_cap_prev_yi": members["cap_base"].sum(),
        "total_cap_yi": members["cap"].sum(),
        "cap_median_prev_yi": members["cap_base"].median(),
        "cap_median_yi": members["cap"].median(),
    }
    for figure, value in found.items():
        assert displayed(value, 1) == published(row[figure], 1), figure


@pytest.mark.parametrize("sector", ["电子设备", "机械设备", "信息技术", "汽车", "新能源"])
def test_each_sector_is_led_by_the_published_three(covered, sector):
    row = golden("sectors").set_index("sector").loc[sector]
    ranked = covered[covered["sector"] == sector].sort_values("change", ascending=False)
    changes = shown_changes(ranked)
    assert ranked["name"].tolist()[:3] == [row["top1"], row["top2"], row["top3"]]
    leaders = [published(row[f"top{rank}_pct"], 2) for rank in (1, 2, 3)]
    assert changes.tolist()[:3] == leaders
    assert changes.iloc[3] < changes.iloc[2]


def test_the_machinery_median_rose_by_the_published_share(covered):
    machinery = covered[covered["sector"] == "机械设备"]
    change = (machinery["pe"].median() / machinery["pe_base"].median() - 1) * 100
    assert displayed(change, 2) == Decimal(facts()["machinery_pe_median_change"])


def bucket_counts(values: pd.Series, edges: Sequence[float], labels: Sequence[str]) -> pd.Series:
    bins = [float("-inf"), *edges, float("inf")]
    return pd.cut(values, bins, right=False, labels=list(labels)).value_counts()


@pytest.mark.parametrize("sector", ["电子设备", "机械设备", "信息技术", "汽车", "新能源"])
@pytest.mark.parametrize(
    ("measure", "edges", "labels"), [("pe", PE_EDGES, PE_LABELS), ("cap", CAP_EDGES, CAP_LABELS)]
)
def test_every_bucket_counts_and_moves_as_published(covered, sector, measure, edges, labels):
    members = covered[covered["sector"] == sector]
    before = bucket_counts(members[f"{measure}_base"], edges, labels)
    after = bucket_counts(members[measure], edges, labels)
    rows = golden("buckets").set_index(["sector", "measure"]).loc[(sector, measure)]
    rows = rows.set_index("bucket")
    for bucket in labels:
        moved = int(after[bucket]) - int(before[bucket])
        found = "up" if moved > 0 else "down" if moved < 0 else "same"
        told = rows["versus_previous_week"].get(bucket, "same")
        assert found == told, (sector, bucket)
        if rows["companies"].get(bucket):
            assert after[bucket] == int(rows.loc[bucket, "companies"])


# Names and codes


def test_an_artificial_company_is_plainly_artificial_and_every_other_one_is_published():
    named = set(golden("ai_chain")["name"]) | set(golden("top10")["name"])
    named |= set(golden("sectors")[["top1", "top2", "top3"]].to_numpy().ravel())
    for code, company in pool().iterrows():
        artificial = code.startswith("929")
        assert artificial == bool(
            re.fullmatch("示例(电子|机械|信息|汽车|新能)\\d\\d", company["name"])
        )
        assert artificial == (company["basis"] == "sample")
        assert artificial or company["name"] in named


def test_the_ai_chain_companies_outside_the_pool_are_quoted_all_the_same(issue):
    outside = set(metrics(issue).index) - set(pool().index)
    names = delivered(issue, tables.RAW_LISTINGS).set_index("code")["name"]
    assert set(names[list(outside)]) == {"海达尔", "柏星龙", "青矩技术", "芭薇股份"}


# One continuous market


def test_an_issue_begins_with_the_values_that_the_one_before_ended_with():
    for earlier, later in pairwise(all_issues()):
        assert later.base_date == earlier.close_date
        ended, began = metrics(earlier), metrics(later).dropna(subset="close_base")
        assert set(began.index) == set(ended.index)
        for figure in ("close", "shares", "pe", "pe_wind"):
            assert (began[f"{figure}_base"] == ended.loc[began.index, figure]).all(), later


@pytest.fixture(scope="module")
def all_quotes() -> pd.DataFrame:
    frames = [delivered(issue, tables.RAW_QUOTES) for issue in all_issues()]
    return pd.concat(frames).drop_duplicates().sort_values(["code", "date"])


def test_a_day_has_one_close_whichever_issue_delivers_it(all_quotes):
    assert not all_quotes.duplicated(["code", "date"]).any()


def test_every_price_is_above_one_yuan_and_to_the_cent(all_quotes):
    assert all_quotes["close"].min() > 1
    assert (all_quotes["close"] == all_quotes["close"].round(2)).all()
    assert all_quotes["volume"].min() > 0


def test_no_adjusted_close_moves_more_than_thirty_percent_a_day(all_quotes):
    adjusted = all_quotes["close"] * all_quotes["adj_factor"]
    moves = adjusted.groupby(all_quotes["code"]).pct_change()
    assert moves.abs().max() < 0.30


def test_sector_medians_wander_within_a_plausible_range():
    for issue in all_issues():
        companies = metrics(issue).join(pool()["sector"], how="inner")
        medians = companies.groupby("sector")["pe"].median()
        assert medians.between(15, 130).all(), issue


def test_vendors_give_the_market_cap_of_close_and_shares():
    for issue in all_issues()[::9]:
        values = delivered(issue, tables.RAW_VALUATIONS)
        at_close = values[values["date"] == str(issue.close_date)]
        closes = at_close["code"].map(day_closes(issue, issue.close_date)["close"])
        assert (at_close["market_cap"] - closes * at_close["total_shares"]).abs().max() < 0.01


def test_the_same_bytes_are_delivered_on_every_call(issue):
    for table in tables.RAW_TABLES:
        first, second = (SampleSource().deliver(issue, table) for _ in range(2))
        assert first == second
        assert [d.sha256 for d in first] == [d.sha256 for d in second]


def test_every_delivery_uses_the_warehouse_names_of_columns(issue):
    for table in tables.RAW_TABLES:
        for delivery in SampleSource().deliver(issue, table):
            assert set(frame(delivery).columns) <= set(tables.columns(table))
            assert delivery.interface == table
            assert delivery.fetched_at is None


# Listings, suspensions, corporate actions


def test_early_issues_have_fewer_companies():
    sizes = [metrics(issue)["close"].notna().sum() for issue in all_issues()]
    assert sizes == sorted(sizes)
    assert sizes[0] == 152
    assert sizes[64] == 157


def test_a_company_listed_within_a_week_has_no_base_price_and_no_row_before_its_listing():
    listed = delivered(by_number(1), tables.RAW_LISTINGS).set_index("code")["listed"]
    weeks = [
        (code, issue)
        for code, day in listed.items()
        for issue in all_issues()
        if str(issue.base_date) < day <= str(issue.close_date)
    ]
    assert any(listed[code] > str(issue.first_session) for code, issue in weeks)
    assert len(weeks) == 5
    for code, issue in weeks:
        quotes = rows_of(code, issue, tables.RAW_QUOTES)
        assert quotes["date"].min() == listed[code]
        values = rows_of(code, issue, tables.RAW_VALUATIONS)
        assert set(values["date"]) == {str(issue.close_date)}


def test_nobody_is_listed_in_the_week_of_issue_65(companies):
    assert companies["change"].notna().all()


def test_a_late_company_joins_the_pool_on_the_day_of_its_listing():
    listed = delivered(by_number(1), tables.RAW_LISTINGS).set_index("code")["listed"]
    late = pool()[pool()["joined"] > "2024-11-25"]
    assert late["joined"].eq(listed[late.index]).all()
    assert (listed[pool().index.difference(late.index)] <= "2024-11-25").all()


def test_a_suspended_company_sends_no_rows_and_keeps_its_last_price(issue):
    suspended = "929091.BJ"
    quotes = rows_of(suspended, issue, tables.RAW_QUOTES)
    assert quotes["date"].tolist() == ["2026-02-13", "2026-02-24"]
    values = rows_of(suspended, issue, tables.RAW_VALUATIONS)
    assert set(values["date"]) == {"2026-02-13", "2026-02-27"}
    following = rows_of(suspended, by_number(66), tables.RAW_QUOTES)
    assert following["date"].tolist() == ["2026-02-24"]
    resumed = rows_of(suspended, by_number(67), tables.RAW_QUOTES)
    assert resumed["date"].tolist()[:2] == ["2026-02-24", "2026-03-11"]


@pytest.mark.parametrize(
    ("code", "day", "shares_grow"),
    [("929015.BJ", "2025-05-28", True), ("929053.BJ", "2025-06-18", False)],
)
def test_an_ex_date_parts_the_adjusted_change_from_the_unadjusted(code, day, shares_grow):
    (issue,) = [i for i in all_issues() if str(i.base_date) < day <= str(i.close_date)]
    assert issue.number < 60
    company = metrics(issue).loc[code]
    unadjusted = (company["close"] / company["close_base"] - 1) * 100
    assert abs(company["change"] - unadjusted) > 1
    assert (company["shares"] > company["shares_base"]) == shares_grow


# Results and announcements


def test_only_years_published_by_the_close_date_are_delivered():
    for number, last in ((1, 2023), (30, 2024), (65, 2024), (76, 2025)):
        results = delivered(by_number(number), tables.RAW_FINANCIALS)
        assert (results["published"] <= str(by_number(number).close_date)).all()
        assert results["fiscal_year"].max() == last


def test_each_week_has_four_to_nine_announcements_of_artificial_companies_only():
    for issue in all_issues():
        rows = delivered(issue, tables.RAW_ANNOUNCEMENTS)
        assert 4 <= len(rows) <= 9
        assert rows["code"].str.startswith("929").all()
        assert rows["title"].str.startswith("【示例】").all()
        assert set(rows["date"]) <= {str(day) for day in issue.sessions}
        assert not rows.duplicated(["code", "date", "title"]).any()
