"""The metrics of real prices against the published figures of issue 65."""

import pandas as pd
import pytest

from bj_pipeline.metrics.ai_chain import ai_chain_metrics
from bj_pipeline.metrics.company import company_metrics
from bj_pipeline.metrics.market import market_metrics
from bj_pipeline.metrics.rankings import movers
from bj_pipeline.metrics.sector import sector_metrics
from bj_pipeline.report.rounding import YUAN_PER_WAN, YUAN_PER_YI, display

from . import real_weeks
from .frames import BASE, CLOSE, frame

pytestmark = real_weeks.needs_market
PERCENT = 0.01


@pytest.fixture(scope="module")
def companies():
    return company_metrics(
        real_weeks.universe(),
        real_weeks.quotes(65),
        real_weeks.valuations(),
        real_weeks.financials(),
        base_date=BASE,
        close_date=CLOSE,
        vendors=["ifind", "tushare"],
    )


def printed(values, digits, scale):
    return [display(value, digits, scale) for value in values]


def test_the_published_top_ten_come_in_their_order(companies):
    golden = real_weeks.golden("top10")
    ranked = movers(companies, 10).query("sector == '全部'")
    assert list(ranked["code"]) == list(golden["code"])
    assert printed(ranked["change"], 2, PERCENT) == printed(golden["change_pct"], 2, 1)
    rows = companies.set_index("code").loc[golden["code"]]
    assert printed(rows["market_cap"], 2, YUAN_PER_YI) == printed(golden["market_cap_yi"], 2, 1)
    assert printed(rows["revenue"], 2, YUAN_PER_YI) == printed(golden["revenue_2024_yi"], 2, 1)


def test_the_published_top_three_of_every_sector_move_as_published(companies):
    ranked = movers(companies, 3)
    names = companies.set_index("code")["name"]
    for row in real_weeks.golden("sectors").to_dict("records"):
        found = ranked[ranked["sector"] == row["sector"]]
        assert list(found["code"].map(names)) == [row["top1"], row["top2"], row["top3"]]
        published = [row["top1_pct"], row["top2_pct"], row["top3_pct"]]
        assert printed(found["change"], 2, PERCENT) == printed(published, 2, 1)


def test_the_pool_moves_as_published(companies):
    golden = real_weeks.golden("market").set_index("fact")["value"]
    indices = ["899050.BJ", "000300.SH", "000688.SH", "399006.SZ"]
    table = market_metrics(companies, real_weeks.index_quotes(65), indices, BASE, CLOSE)
    found = table.set_index("metric")["value"]
    assert found["pool_size"] == int(golden["pool_size"])
    assert found["rising_companies"] == int(golden["rising_companies"])
    assert display(found["rising_share"], 0, PERCENT) == golden["rising_share"]
    assert display(found["median_change"], 1, PERCENT) == golden["median_change"]
    for code in indices:
        published = float(golden[f"index_{code.replace('.', '_')}_change"])
        assert display(found[f"index_change_{code}"], 2, PERCENT) == display(published, 2)


def test_sectors_have_as_many_companies_as_published(companies):
    golden = real_weeks.golden("sectors")
    table = sector_metrics(companies, list(golden["sector"]))
    assert list(table["companies"]) == list(golden["companies"])
    known = companies[companies["sector"].notna()]["market_cap"].sum()
    assert table["total_market_cap"].sum() == pytest.approx(known)


def test_the_company_listed_inside_the_week_is_new(companies):
    row = companies.set_index("code").loc["920168.BJ"]
    assert row["status"] == "new"
    assert display(row["market_cap"], 2, YUAN_PER_YI) == "19.62"
    assert row[["change", "close_base", "market_cap_base", "pe_ttm_base"]].isna().all()


def test_companies_without_factors_have_a_change(companies):
    changes = companies.set_index("code").loc[["920305.BJ", "920090.BJ"], "change"]
    assert printed(changes, 2, PERCENT) == ["29.55", "19.06"]


def test_the_ai_chain_is_valued_as_published(companies):
    golden = real_weeks.golden("ai_chain")
    chain = golden[["code", "name", "segment"]].assign(description="示例", is_st=False)
    raw = real_weeks.valuations()
    wind = golden[["code", "pe_ttm"]].assign(date=CLOSE, vendor="wind", pe_ttm_is_loss=False)
    classification = frame("ai_chain_classification", chain.to_dict("records"))
    both = pd.concat([raw, wind], ignore_index=True)
    table = ai_chain_metrics(classification, companies, both, CLOSE, ["wind"])
    assert list(table["pe_ttm"]) == list(golden["pe_ttm"])
    assert set(table["pe_ttm_vendor"]) == {"wind"}
    assert printed(table["market_cap"], 2, YUAN_PER_YI) == printed(golden["market_cap_yi"], 2, 1)
    profit = (table["net_profit"] / YUAN_PER_WAN - golden["net_profit_2024_wan"]).abs()
    assert profit.max() < 0.03
