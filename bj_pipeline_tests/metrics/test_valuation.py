import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bj_pipeline.metrics.valuation import market_caps, median_pe, valuations
from bj_pipeline.report.rounding import YUAN_PER_YI, display

from .frames import AFTER, BASE, CLOSE, THURSDAY, code, few_examples
from .frames import valuations as raw

A, B = code(1), code(2)


def said(vendor, pe=None, on=CLOSE, company=A, **more):
    return {"code": company, "date": on, "vendor": vendor, "pe_ttm": pe, **more}


def picked(*rows, vendors=("ifind", "tushare"), traded=()):
    return valuations(raw(*rows), CLOSE, vendors, traded)


def test_the_preferred_vendor_is_heard_first():
    rows = said("tushare", 56.94), said("ifind", 41.75)
    assert picked(*rows).loc[A, "pe_ttm"] == 41.75
    row = picked(*rows, vendors=("tushare",)).loc[A]
    assert (row["pe_ttm"], row["pe_ttm_vendor"]) == (56.94, "tushare")


def test_a_preferred_vendor_without_a_figure_lets_the_next_one_speak():
    row = picked(said("ifind", None), said("tushare", -6.88)).loc[A]
    assert (row["pe_ttm"], row["pe_ttm_vendor"]) == (-6.88, "tushare")


def test_a_documented_loss_is_a_statement():
    row = picked(said("ifind", pe_ttm_is_loss=True), said("tushare", 30.0)).loc[A]
    assert pd.isna(row["pe_ttm"])
    assert row["pe_ttm_is_loss"]
    assert row["pe_ttm_vendor"] == "ifind"


def test_a_known_negative_pe_is_not_a_loss_of_unknown_size():
    row = picked(said("ifind", -8.0, pe_ttm_is_loss=True)).loc[A]
    assert (row["pe_ttm"], row["pe_ttm_is_loss"]) == (-8.0, False)


def test_vendors_without_a_rank_come_last_in_alphabetical_order():
    rows = said("wind", 1.0), said("akshare", 2.0)
    assert picked(*rows).loc[A, "pe_ttm_vendor"] == "akshare"
    assert picked(*rows, said("tushare", 3.0)).loc[A, "pe_ttm_vendor"] == "tushare"


def test_a_suspended_company_keeps_its_last_valuation():
    rows = said("ifind", 10.0, on=BASE), said("ifind", 20.0, on=THURSDAY)
    assert picked(*rows, said("ifind", 99.0, on=AFTER)).loc[A, "pe_ttm"] == 20.0


@pytest.mark.parametrize(("preferred", "other"), [(BASE, THURSDAY), (THURSDAY, BASE)])
def test_a_suspended_company_keeps_its_preferred_vendor(preferred, other):
    rows = said("ifind", 10.0, on=preferred), said("tushare", 12.0, on=other)
    assert picked(*rows).loc[A, "pe_ttm"] == 10.0


def test_a_company_that_traded_is_not_given_last_weeks_valuation():
    rows = said("ifind", 10.0, on=BASE), said("tushare", 12.0), said("ifind", 9.0, BASE, B)
    assert picked(*rows, traded=[A, B]).loc[A, "pe_ttm"] == 12.0
    assert B not in picked(*rows, traded=[A, B]).index
    assert picked(*rows, traded=[A]).loc[B, "pe_ttm"] == 9.0


def test_a_figure_withdrawn_by_its_vendor_is_missing():
    row = picked(said("ifind", 10.0, on=BASE), said("ifind", None, total_shares=1e8)).loc[A]
    assert pd.isna(row["pe_ttm"])
    assert pd.isna(row["pe_ttm_vendor"])
    assert row["pe_ttm_is_loss"] is np.False_


def test_shares_and_pe_may_come_from_different_vendors():
    row = picked(said("ifind", 41.75), said("tushare", 56.94, total_shares=2e8)).loc[A]
    assert (row["pe_ttm"], row["total_shares"]) == (41.75, 2e8)


def test_no_valuations_at_all_are_no_error():
    assert picked().empty


def test_a_market_cap_is_price_times_shares_whatever_the_vendor_says():
    known = picked(said("ifind", market_cap=9e9), said("tushare", total_shares=1e8))
    assert market_caps(pd.Series({A: 12.5}), known)[A] == 1.25e9


def test_without_shares_the_vendors_market_cap_counts():
    assert market_caps(pd.Series({A: 12.5}), picked(said("ifind", market_cap=9e9)))[A] == 9e9


@pytest.mark.parametrize("nothing", [None, 0.0, float("inf")])
def test_without_shares_and_market_cap_there_is_none(nothing):
    known = picked(said("ifind", total_shares=nothing, market_cap=nothing))
    assert market_caps(pd.Series({A: 12.5, B: 1.0}), known).isna().all()


def test_a_market_cap_carries_no_dust_of_binary_arithmetic():
    cap = market_caps(pd.Series({A: 8.54}), picked(said("ifind", total_shares=25_000_000)))[A]
    assert cap == 213_500_000
    assert display(cap, 2, YUAN_PER_YI) == "2.14"


@pytest.mark.parametrize(
    ("pe", "losses", "median"),
    [
        ([10.0, 20.0, 30.0], [], 20.0),
        ([10.0, 20.0, 30.0, 40.0], [], 25.0),
        ([-6.88, 20.0, 30.0], [], 20.0),
        ([-6.88, -2.0, 30.0], [], -2.0),
        ([10.0, None, 30.0, 50.0], [], 30.0),
        ([None, 20.0, 30.0], [0], 20.0),
        ([None, -5.0, 30.0], [0], -5.0),
        ([None, None, 30.0], [0, 1], None),
        ([None, None, 20.0, 30.0], [0, 1], None),
        ([None, 10.0, 20.0, 30.0], [0], 15.0),
        ([None, None], [0, 1], None),
        ([None, None], [], None),
        ([], [], None),
    ],
)
def test_a_loss_of_unknown_size_ranks_below_every_number(pe, losses, median):
    is_loss = pd.Series([i in losses for i in range(len(pe))], dtype=bool)
    found = median_pe(pd.Series(pe, dtype=float), is_loss)
    assert math.isnan(found) if median is None else found == median


@few_examples
@given(st.lists(st.floats(-1e4, 1e4), min_size=1), st.integers(0, 60))
def test_a_known_median_is_what_any_size_of_the_losses_would_give(known, losses):
    pe = pd.Series([*known, *[None] * losses], dtype=float)
    found = median_pe(pe, pe.isna())
    if not math.isnan(found):
        assert found == pytest.approx(pe.fillna(-1e6).median(), rel=1e-12, abs=1e-12)
        assert found == pytest.approx(pe.fillna(-1e9).median(), rel=1e-12, abs=1e-12)
    else:
        assert losses >= len(known)
