"""Issue 65 from the sample shows the published figures, recomputed here from the tables alone."""

from decimal import ROUND_HALF_UP, Decimal

import pandas as pd
import pytest

from bj_pipeline_tests.command_line import GOLDEN

YI, WAN, PERCENT = Decimal(100_000_000), Decimal(10_000), Decimal("0.01")


def printed(value, digits, scale=Decimal(1)):
    exact = Decimal(repr(float(value))) / scale
    return str(exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def golden(name):
    return pd.read_csv(GOLDEN / f"issue_065_{name}.csv", dtype="str").to_dict("records")


def padded(text, digits):
    return str(Decimal(text).quantize(Decimal(1).scaleb(-digits)))


@pytest.fixture(scope="module")
def tables(sample_issue):
    names = (
        "company_metrics",
        "sector_metrics",
        "bucket_counts",
        "market_metrics",
        "ai_chain_metrics",
        "raw_financials",
    )
    return {name: sample_issue.table(name, 65) for name in names}


def test_the_pool_moved_as_published(tables):
    published = {row["fact"]: row["value"] for row in golden("market")}
    companies = tables["company_metrics"]
    changes = companies.loc[companies["sector"].notna(), "change"]
    shown = [Decimal(printed(change, 2, PERCENT)) for change in changes]
    rising = sum(change > 0 for change in shown)
    assert len(changes) == int(published["pool_size"])
    assert rising == int(published["rising_companies"])
    assert printed(rising / len(changes), 0, PERCENT) == published["rising_share"]
    assert printed(changes.median(), 1, PERCENT) == published["median_change"]


def test_the_indices_moved_as_published(tables):
    published = {row["fact"]: row["value"] for row in golden("market")}
    metrics = tables["market_metrics"].set_index("metric")["value"]
    for code in ("899050.BJ", "000300.SH", "000688.SH", "399006.SZ"):
        expected = padded(published[f"index_{code.replace('.', '_')}_change"], 2)
        assert printed(metrics[f"index_change_{code}"], 2, PERCENT) == expected


def test_the_market_table_says_what_the_companies_say(tables):
    metrics = tables["market_metrics"].set_index("metric")["value"]
    companies = tables["company_metrics"]
    changes = companies.loc[companies["sector"].notna(), "change"]
    assert metrics["pool_size"] == len(changes)
    assert metrics["median_change"] == pytest.approx(changes.median(), abs=1e-12)
    assert metrics["rising_companies"] == 96
    assert metrics["rising_share"] == pytest.approx(96 / 153)


@pytest.mark.parametrize("row", golden("sectors"), ids=lambda row: row["sector"])
def test_a_sectors_figures_are_as_published(tables, row):
    companies = tables["company_metrics"]
    members = companies[companies["sector"] == row["sector"]]
    stored = tables["sector_metrics"].set_index("sector").loc[row["sector"]]
    computed = {
        "pe_ttm_median_base": members["pe_ttm_base"].median(),
        "pe_ttm_median": members["pe_ttm"].median(),
        "total_market_cap_base": members["market_cap_base"].sum(),
        "total_market_cap": members["market_cap"].sum(),
        "market_cap_median_base": members["market_cap_base"].median(),
        "market_cap_median": members["market_cap"].median(),
    }
    names = {
        "pe_ttm_median_base": "pe_median_prev",
        "pe_ttm_median": "pe_median",
        "total_market_cap_base": "total_cap_prev_yi",
        "total_market_cap": "total_cap_yi",
        "market_cap_median_base": "cap_median_prev_yi",
        "market_cap_median": "cap_median_yi",
    }
    assert len(members) == int(row["companies"]) == stored["companies"]
    for column, name in names.items():
        scale = Decimal(1) if "pe" in column else YI
        assert printed(stored[column], 1, scale) == row[name], column
        assert stored[column] == pytest.approx(computed[column], rel=1e-12), column


@pytest.mark.parametrize("row", golden("sectors"), ids=lambda row: row["sector"])
def test_a_sectors_top_three_are_as_published(tables, row):
    companies = tables["company_metrics"]
    members = companies[companies["sector"] == row["sector"]]
    top = members.sort_values("change", ascending=False).head(3)
    assert list(top["name"]) == [row["top1"], row["top2"], row["top3"]]
    shown = [printed(change, 2, PERCENT) for change in top["change"]]
    assert shown == [padded(row[f"top{rank}_pct"], 2) for rank in (1, 2, 3)]


def test_the_top_ten_are_as_published(tables):
    companies = tables["company_metrics"]
    pool = companies[companies["sector"].notna()]
    top = pool.sort_values("change", ascending=False).head(10)
    for company, row in zip(top.to_dict("records"), golden("top10"), strict=True):
        assert (company["code"], company["name"]) == (row["code"], row["name"])
        assert printed(company["change"], 2, PERCENT) == row["change_pct"]
        assert printed(company["market_cap"], 2, YI) == row["market_cap_yi"]
        assert printed(company["pe_ttm"], 2) == row["pe_ttm"]
        assert printed(company["revenue"], 2, YI) == row["revenue_2024_yi"]
        assert printed(company["net_profit"], 2, WAN) == row["net_profit_2024_wan"]
        assert company["fiscal_year"] == 2024


def test_the_ai_chain_table_is_as_published_with_its_own_vendors_pe(tables):
    chain = tables["ai_chain_metrics"].set_index("code")
    published = golden("ai_chain")
    assert sorted(chain.index) == sorted(row["code"] for row in published)
    for row in published:
        company = chain.loc[row["code"]]
        assert (company["name"], company["segment"]) == (row["name"], row["segment"])
        assert printed(company["market_cap"], 2, YI) == row["market_cap_yi"]
        assert printed(company["pe_ttm"], 2) == row["pe_ttm"]
        assert printed(company["revenue"], 2, YI) == row["revenue_2024_yi"]
        assert printed(company["net_profit"], 2, WAN) == row["net_profit_2024_wan"]


DIRECTIONS = {"up": 1, "down": -1, "same": 0}


def test_the_buckets_moved_as_published(tables):
    counts = tables["bucket_counts"]
    label = counts["bucket"] + counts["measure"].map({"pe_ttm": "X", "market_cap": "亿元"})
    counts = counts.assign(
        # The report writes a unit only where a number stands before it.
        label=label.str.replace("<0X", "<0"),
        way=(counts["companies"] - counts["companies_base"]).map(lambda d: (d > 0) - (d < 0)),
    )
    named = []
    for row in golden("buckets"):
        measure = {"pe": "pe_ttm", "cap": "market_cap"}[row["measure"]]
        ours = counts[(counts["sector"] == row["sector"]) & (counts["measure"] == measure)]
        if row["bucket"].startswith("("):
            others = ~ours["label"].isin(
                [b for s, m, b in named if (s, m) == (row["sector"], measure)]
            )
            assert (ours.loc[others, "way"] == DIRECTIONS[row["versus_previous_week"]]).all(), row
            continue
        named.append((row["sector"], measure, row["bucket"]))
        (bucket,) = ours[ours["label"] == row["bucket"]].to_dict("records")
        assert bucket["way"] == DIRECTIONS[row["versus_previous_week"]], row
        if isinstance(row["companies"], str):
            assert bucket["companies"] == int(row["companies"]), row
    assert len(named) == 21


def test_the_machinery_pe_median_rose_by_the_published_share_of_unrounded_medians(tables):
    medians = tables["sector_metrics"].set_index("sector").loc["机械设备"]
    change = medians["pe_ttm_median"] / medians["pe_ttm_median_base"] - 1
    assert printed(change, 2, PERCENT) == "13.61"


def test_every_published_figure_stands_in_the_pdf(sample_issue):
    import pypdfium2

    with pypdfium2.PdfDocument(sample_issue.artifact(65, "report.pdf")) as pdf:
        text = "".join(page.get_textpage().get_text_bounded() for page in pdf)
    shown = "".join(text.split())
    figures = [row[name] for row in golden("sectors") for name in row if "top" not in name]
    figures += [row[name] for row in golden("top10") for name in row if name != "rank"]
    figures += [row[name] for row in golden("ai_chain") for name in row]
    figures += ["153家", "96家", "63%", "+0.70%", "+0.48%", "+1.08%", "+1.20%", "+1.05%"]
    figures += ["+13.61%", "图表35", "28家"]
    missing = [figure for figure in figures if "".join(figure.split()) not in shown]
    assert not missing


def test_the_issue_has_as_many_exhibits_as_published_and_the_published_dates(sample_issue):
    import json

    manifest = json.loads(sample_issue.artifact(65, "manifest.json").read_text(encoding="utf-8"))
    published = {row["fact"]: row["value"] for row in golden("market")}
    assert manifest["sessions"] == [published["week_first_session"], published["week_last_session"]]
    assert manifest["base_date"] == published["base_close"]
    assert manifest["exhibits"] == int(published["figures_in_issue"])
    assert manifest["issue_date"] == published["issue_date"]
    assert manifest["publication_date"] == published["publication_date"]
