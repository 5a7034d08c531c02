from datetime import date

import pandas as pd
import pytest

from bj_pipeline.warehouse import tables

from .frames import (
    BASE,
    BEFORE,
    CLOSE,
    LONG_AGO,
    THURSDAY,
    TUESDAY,
    assembled,
    code,
    quotes,
    universe,
)

A, B = code(1), code(2)
WEEK = quotes((A, BASE, 10.0), (A, CLOSE, 12.0))


def said(on, company=A, vendor="tushare", **figures):
    return {"code": company, "date": on, "vendor": vendor, **figures}


def year(number, published=None, company=A, **figures):
    usual = {"revenue": number * 1e5, "net_profit": number * 1e4}
    return {"code": company, "fiscal_year": number, "published": published, **usual, **figures}


def test_a_row_holds_both_dates():
    values = (
        said(BASE, total_shares=1e8, pe_ttm=20.0),
        said(CLOSE, total_shares=1.5e8, pe_ttm=24.0),
    )
    row = assembled(universe((A,)), WEEK, values).loc[A]
    assert (row["market_cap_base"], row["market_cap"]) == (1e9, 1.8e9)
    assert (row["pe_ttm_base"], row["pe_ttm"], row["change"]) == (20.0, 24.0, 0.2)


def test_the_table_has_the_warehouses_columns_and_types():
    table = assembled(universe((B,), (A,)), WEEK).reset_index()
    assert list(table.columns) == list(tables.columns(tables.COMPANY_METRICS))
    assert list(table["code"]) == [A, B]
    assert table["fiscal_year"].dtype == "Int64"
    assert table["pe_ttm_is_loss"].dtype == bool
    assert table["market_cap"].dtype == "float64"


def test_last_weeks_valuation_does_not_pass_for_this_weeks():
    row = assembled(universe((A,)), WEEK, [said(BASE, total_shares=1e8, pe_ttm=20.0)]).loc[A]
    assert row["pe_ttm_base"] == 20.0
    assert pd.isna(row["pe_ttm"])
    assert pd.isna(row["market_cap"])


def test_a_suspended_company_is_valued_at_its_last_price():
    prices = quotes((A, BASE, 10.0), (A, TUESDAY, 11.0))
    row = assembled(universe((A,)), prices, [said(BASE, total_shares=1e8, pe_ttm=20.0)]).loc[A]
    assert (row["status"], row["market_cap"], row["pe_ttm"]) == ("suspended", 1.1e9, 20.0)


def test_a_company_suspended_over_the_base_date_is_valued_before_it():
    prices = quotes((A, BEFORE, 8.0), (A, CLOSE, 10.0))
    values = said(BEFORE, total_shares=1e8, pe_ttm=16.0), said(CLOSE, total_shares=1e8)
    row = assembled(universe((A,)), prices, values).loc[A]
    assert (row["market_cap_base"], row["pe_ttm_base"], row["change"]) == (8e8, 16.0, 0.25)


def test_a_company_listed_this_week_counts_only_at_the_close_date():
    prices = quotes((A, THURSDAY, 9.0), (A, CLOSE, 10.0))
    values = (
        said(BASE, total_shares=1e8, market_cap=5e8, pe_ttm=15.0),
        said(CLOSE, total_shares=1e8, pe_ttm=30.0),
    )
    row = assembled(universe((A, "汽车", THURSDAY)), prices, values).loc[A]
    assert (row["status"], row["market_cap"], row["pe_ttm"]) == ("new", 1e9, 30.0)
    assert row[["change", "market_cap_base", "pe_ttm_base"]].isna().all()


def test_negative_missing_and_unknown_losses_stay_apart():
    who = universe((A,), (B,), (code(3),))
    values = (
        said(CLOSE, A, pe_ttm=-6.88),
        said(CLOSE, B, pe_ttm_is_loss=True),
        said(CLOSE, code(3), total_shares=1e8),
    )
    rows = assembled(who, quotes(), values)
    assert rows.loc[A, "pe_ttm"] == -6.88
    assert list(rows["pe_ttm_is_loss"]) == [False, True, False]
    assert list(rows["pe_ttm"].isna()) == [False, True, True]


def test_each_date_has_its_own_loss():
    values = said(BASE, pe_ttm_is_loss=True), said(CLOSE, pe_ttm=300.0)
    row = assembled(universe((A,)), WEEK, values).loc[A]
    assert (row["pe_ttm_base_is_loss"], row["pe_ttm_is_loss"]) == (True, False)


@pytest.mark.parametrize(
    ("published", "expected"),
    [(date(2026, 2, 26), 2025), (CLOSE, 2025), (date(2026, 2, 28), 2024), (None, 2024)],
)
def test_a_year_counts_from_its_day_of_publication(published, expected):
    accounts = year(2024, date(2025, 4, 20)), year(2025, published)
    row = assembled(universe((A,)), WEEK, accounts=accounts).loc[A]
    assert (row["fiscal_year"], row["revenue"]) == (expected, expected * 1e5)


def test_a_year_without_day_of_publication_counts_from_the_end_of_april():
    row = assembled(universe((A,)), WEEK, accounts=[year(2023), year(2024)]).loc[A]
    assert row["fiscal_year"] == 2024


def test_a_year_without_profit_is_still_the_last_year():
    accounts = year(2023), year(2024, net_profit=None)
    row = assembled(universe((A,)), WEEK, accounts=accounts).loc[A]
    assert (row["fiscal_year"], row["revenue"]) == (2024, 2024e5)
    assert pd.isna(row["net_profit"])


def test_a_year_without_any_figure_is_no_result():
    accounts = year(2023), year(2024, revenue=None, net_profit=None)
    assert assembled(universe((A,)), WEEK, accounts=accounts).loc[A, "fiscal_year"] == 2023


def test_a_company_of_which_nothing_is_known_has_blanks():
    row = assembled(universe((A, None, None)), quotes()).loc[A]
    assert row["status"] == "no_price"
    assert row[["sector", "close", "market_cap", "pe_ttm", "pe_ttm_vendor", "revenue"]].isna().all()
    assert row["fiscal_year"] is pd.NA


def test_the_order_of_rows_changes_nothing():
    who = universe((A, "汽车", LONG_AGO), (B, "汽车", LONG_AGO))
    prices = quotes((A, BASE, 10.0), (A, CLOSE, 12.0), (B, BASE, 5.0), (B, CLOSE, 4.0))
    values = [
        said(day, one, vendor, total_shares=1e8, pe_ttm=len(vendor) + day.day)
        for day in (BASE, CLOSE)
        for one in (A, B)
        for vendor in ("tushare", "ifind", "wind", "akshare")
    ]
    accounts = [year(2023), year(2024), year(2024, company=B)]
    first = assembled(who, prices, values, accounts)
    second = assembled(who[::-1], prices[::-1], values[::-1], accounts[::-1])
    pd.testing.assert_frame_equal(first, second)
