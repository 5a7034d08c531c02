"""Weeks of the real market, built from vendor files and recomputed here by plain pandas."""

import shutil

import pandas as pd
import pytest

from bj_pipeline_tests.command_line import GOLDEN, MARKET, PROJECT, CommandLine

pytestmark = pytest.mark.skipif(
    not MARKET.is_dir(), reason="the real market data lie beside the project only where allowed"
)

WEEKS = {32: "issue_032", 46: "issue_046", 64: "issue_064", 65: "issue_065"}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    command_line = CommandLine(tmp_path_factory.mktemp("real") / "home")
    said = {}
    for number, folder in WEEKS.items():
        done = command_line(
            "run", "--issue", number, "--source", "files", "--input", MARKET / folder
        )
        assert done.returncode == 0, done.stderr
        said[number] = done.stdout
    return command_line, said


def vendor(number, name):
    frame = pd.read_csv(MARKET / WEEKS[number] / name, dtype={"ts_code": "str"})
    pairs = pd.read_csv(PROJECT / "bj_pipeline/reference/bse_code_mapping.csv", dtype="str")
    present = dict(zip(pairs["old_code"], pairs["new_code"], strict=True))
    six = frame["ts_code"].str[:6]
    return frame.assign(code=six.map(present).fillna(six) + frame["ts_code"].str[6:])


def plain(number):
    """Close and factor of the first and the last day, by code."""
    daily, factors = vendor(number, "daily.csv"), vendor(number, "adj_factor.csv")
    rows = daily.merge(factors, on=["code", "trade_date"], how="left")
    base, close = rows["trade_date"].min(), rows["trade_date"].max()
    ends = [rows[rows["trade_date"] == day].set_index("code") for day in (base, close)]
    return (
        ends[0][["close", "adj_factor"]]
        .add_suffix("_base")
        .join(ends[1][["close", "adj_factor"]], how="outer")
    )


@pytest.mark.parametrize("number", WEEKS)
def test_closes_are_the_vendors_closes(built, number):
    ours = built[0].table("company_metrics", number).set_index("code")
    theirs = plain(number).reindex(ours.index)
    both = theirs.notna()
    for column in ("close_base", "close"):
        known = both[column]
        assert (ours.loc[known, column] == theirs.loc[known, column]).all()


@pytest.mark.parametrize("number", WEEKS)
def test_changes_are_adjusted_closes_compared(built, number):
    ours = built[0].table("company_metrics", number).set_index("code")
    theirs = plain(number).reindex(ours.index)
    unadjusted = theirs["close"] / theirs["close_base"] - 1
    step = (theirs["adj_factor"] / theirs["adj_factor_base"]).fillna(1.0)
    adjusted = (unadjusted + 1) * step - 1
    known = unadjusted.notna()
    assert known.sum() >= len(ours) - 1
    constant = known & (step == 1.0)
    assert (ours["change"] - unadjusted)[constant].abs().max() < 1e-9
    # The collection's factors drift with the price (see metrics/changes.py), never by more than
    # this; a real ex-date moves the factor further, and then the adjusted change must come out.
    assert (ours["change"] - adjusted)[known].abs().max() < 0.0025
    ex_date = known & ((step - 1).abs() > 0.0035)
    assert (ours["change"] - adjusted)[ex_date].abs().max() < 1e-9 or not ex_date.any()


def test_a_bonus_issue_is_no_loss(built):
    ours = built[0].table("company_metrics", 32).set_index("code").loc["920208.BJ"]
    assert round(100 * ours["change"], 2) == -5.36
    assert round(100 * (ours["close"] / ours["close_base"] - 1), 2) == -34.21


def test_a_company_keeps_its_series_over_the_switch_of_codes(built):
    ours = built[0].table("company_metrics", 46)
    members = ours[ours["sector"].notna()]
    assert len(members) == 153
    assert members["change"].notna().all()
    assert set(members["status"]) == {"trading"}
    raw = built[0].table("raw_quotes", 46)
    old = raw[raw["vendor_code"].str[:2].isin(["43", "83", "87"])]
    assert set(old["date"]) == {"2025-09-30"}
    assert (old["code"].str[:2] == "92").all()


def test_early_issues_hold_only_what_was_listed(built):
    members = built[0].table("company_universe", 32).dropna(subset=["sector"])
    assert len(members) == 149
    assert not {"920007.BJ", "920100.BJ", "920101.BJ", "920112.BJ"} & set(members["code"])


def test_a_company_suspended_over_the_base_date_has_no_change_and_is_named(built):
    ours = built[0].table("company_metrics", 64).set_index("code").loc["920305.BJ"]
    assert ours["status"] == "resumed"
    assert pd.isna(ours["change"])


def test_the_real_issue_65_shows_the_published_changes_and_caps(built):
    ours = built[0].table("company_metrics", 65).set_index("code")
    top = pd.read_csv(GOLDEN / "issue_065_top10.csv")
    pool = ours[ours["sector"].notna()].sort_values("change", ascending=False)
    assert list(pool.index[:10]) == list(top["code"])
    assert [round(100 * change, 2) for change in pool["change"][:10]] == list(top["change_pct"])
    caps = [round(cap / 1e8, 2) for cap in pool["market_cap"][:10]]
    assert caps == list(top["market_cap_yi"])
    chain = pd.read_csv(GOLDEN / "issue_065_ai_chain.csv").set_index("code")
    assert ((ours.loc[chain.index, "market_cap"] / 1e8).round(2) == chain["market_cap_yi"]).all()
    metrics = built[0].table("market_metrics", 65).set_index("metric")["value"]
    assert (metrics["rising_companies"], metrics["pool_size"]) == (96, 153)


def test_medians_rank_documented_losses_below_every_number(built):
    ours = built[0].table("company_metrics", 65)
    basic = vendor(65, "daily_basic.csv")
    theirs = basic[basic["trade_date"] == 20260227].set_index("code")["pe_ttm"]
    stored = built[0].table("sector_metrics", 65).set_index("sector")
    for sector, members in ours.dropna(subset=["sector"]).groupby("sector"):
        ranked = theirs.reindex(members["code"]).fillna(float("-inf"))
        assert stored.loc[sector, "pe_ttm_median"] == pytest.approx(ranked.median())
        losses = members["pe_ttm_is_loss"]
        assert losses.sum() == ranked.isin([float("-inf")]).sum()


@pytest.mark.parametrize("number", [32, 46, 64])
def test_what_a_folder_lacks_is_said_and_left_out_not_invented(built, number):
    command_line, said = built
    for lack in ("总股本或总市值", " PE TTM", "年度财务数据", "公告清单"):
        assert f"Missing: 本期输入不含{lack}" in said[number]
    ours = command_line.table("company_metrics", number)
    for column in ("market_cap", "market_cap_base", "pe_ttm", "pe_ttm_base", "revenue"):
        assert ours[column].isna().all()
    sectors = command_line.table("sector_metrics", number)
    assert sectors[["pe_ttm_median", "total_market_cap", "market_cap_median"]].isna().all(axis=None)


def test_only_announcements_are_missing_from_the_full_week(built):
    missing = [line for line in built[1][65].splitlines() if line.startswith("Missing")]
    assert missing == ["Missing: 本期输入不含公告清单：公告部分从略。"]


CORRUPTIONS = {
    "a price that is no number": (
        "daily.csv",
        "920001.BJ,20260227,18.20",
        "920001.BJ,20260227,n/a",
    ),
    "a price of nothing": ("daily.csv", "920001.BJ,20260227,", "920001.BJ,20260227,-"),
    "a renamed column": ("daily.csv", "ts_code,trade_date,close", "ts_code,trade_date,closing"),
    "a factor that is no number": (
        "adj_factor.csv",
        "920000.BJ,20260227,1.0",
        "920000.BJ,20260227,x",
    ),
    "a market cap in yuan": ("daily_basic.csv", None, None),
    "an impossible date": ("index_daily.csv", "20260227", "20261332"),
    "a revenue that is no number": ("income.csv", "474110000.0", "4,7a"),
    "a listing date that is none": ("stock_basic.csv", "20200727", "2020-27-07"),
}


@pytest.mark.parametrize("fault", CORRUPTIONS)
def test_a_corrupted_file_stops_the_issue_and_is_named(fault, tmp_path):
    name, old, new = CORRUPTIONS[fault]
    folder = tmp_path / "input"
    shutil.copytree(MARKET / "issue_065", folder, copy_function=shutil.copyfile)
    path = folder / name
    if old is None:
        frame = pd.read_csv(path, dtype={"trade_date": "str"})
        frame["total_mv"] *= 10_000
        frame.to_csv(path, index=False)
    else:
        text = path.read_text(encoding="utf-8")
        if old not in text:
            old = next(line for line in text.splitlines() if line.startswith(old.rsplit(",", 1)[0]))
            new = ",".join([*old.split(",")[:2], "n/a", *old.split(",")[3:]])
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    command_line = CommandLine(tmp_path / "home")
    done = command_line("run", "--issue", 65, "--source", "files", "--input", folder)
    assert done.returncode in {5, 6}
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert not command_line.artifact(65, "report.pdf").exists()
