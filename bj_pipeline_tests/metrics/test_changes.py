from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bj_pipeline.metrics.changes import closes

from . import real_weeks
from .frames import (
    AFTER,
    BASE,
    BEFORE,
    CLOSE,
    LONG_AGO,
    THURSDAY,
    TUESDAY,
    code,
    few_examples,
    quotes,
    universe,
)

A, B, C = code(1), code(2), code(3)


def row_of_a(prices, listed=LONG_AGO):
    return closes(universe((A, "汽车", listed)), prices, BASE, CLOSE).set_index("code").loc[A]


def test_a_change_runs_from_the_base_date_to_the_close_date():
    row = row_of_a(quotes((A, BEFORE, 5.0), (A, BASE, 10.0), (A, TUESDAY, 99.0), (A, CLOSE, 12.5)))
    assert (row["close_base"], row["close"], row["change"]) == (10.0, 12.5, 0.25)
    assert row["status"] == "trading"


def test_a_price_after_the_close_date_does_not_count():
    row = row_of_a(quotes((A, BASE, 10.0), (A, CLOSE, 12.5), (A, AFTER, 20.0, 2.0)))
    assert (row["close"], row["change"]) == (12.5, 0.25)


def test_a_bonus_issue_changes_the_price_but_not_the_company():
    prices = quotes((A, BASE, 20.0, 1.0), (A, TUESDAY, 21.0, 1.0), (A, CLOSE, 10.0, 2.2))
    row = row_of_a(prices)
    assert (row["close_base"], row["close"]) == (20.0, 10.0)
    assert row["change"] == pytest.approx(0.1)


def test_a_suspended_company_keeps_its_last_price():
    row = row_of_a(quotes((A, BASE, 10.0), (A, TUESDAY, 11.0)))
    assert (row["close"], row["change"], row["status"]) == (11.0, 0.1, "suspended")


def test_a_company_suspended_all_week_did_not_move():
    row = row_of_a(quotes((A, BASE, 10.0)))
    assert (row["close"], row["change"], row["status"]) == (10.0, 0.0, "suspended")


def test_a_company_suspended_over_the_base_date_moves_from_its_last_price():
    row = row_of_a(quotes((A, BEFORE, 8.0), (A, CLOSE, 10.0)))
    assert (row["close_base"], row["change"], row["status"]) == (8.0, 0.25, "resumed")


def test_a_long_listed_company_without_a_base_price_is_not_new():
    row = row_of_a(quotes((A, THURSDAY, 9.0), (A, CLOSE, 10.0)))
    assert row["status"] == "resumed"
    assert pd.isna(row["change"])


def test_a_company_listed_this_week_has_no_change():
    row = row_of_a(quotes((A, THURSDAY, 9.0), (A, CLOSE, 10.0)), listed=THURSDAY)
    assert (row["close"], row["status"]) == (10.0, "new")
    assert pd.isna(row["change"])
    assert pd.isna(row["close_base"])


def test_a_company_listed_this_week_and_halted_at_the_close_is_marked_as_suspended():
    row = row_of_a(quotes((A, TUESDAY, 9.0)), listed=TUESDAY)
    assert (row["close"], row["status"]) == (9.0, "suspended")
    assert pd.isna(row["change"])


def test_nobody_is_called_new_without_a_listing_date():
    assert row_of_a(quotes((A, CLOSE, 10.0)), listed=None)["status"] == "resumed"


def test_a_company_listed_on_the_base_date_is_not_new():
    assert row_of_a(quotes((A, CLOSE, 10.0)), listed=BASE)["status"] == "resumed"


def test_a_company_without_any_price_has_a_row_all_the_same():
    row = row_of_a(quotes((B, CLOSE, 10.0)))
    assert row["status"] == "no_price"
    assert pd.isna(row[["close_base", "close", "change"]]).all()


@pytest.mark.parametrize("blank", [None, float("nan"), 0.0, float("inf")])
def test_a_blank_price_is_no_price(blank):
    row = row_of_a(quotes((A, BASE, 10.0), (A, TUESDAY, 11.0), (A, CLOSE, blank)))
    assert (row["close"], row["status"]) == (11.0, "suspended")
    row = row_of_a(quotes((A, BASE, blank), (A, CLOSE, 10.0)))
    assert pd.isna(row["change"])


def test_a_missing_factor_is_the_one_before_it():
    prices = quotes(
        (A, BASE, 20.0, 1.0),
        (A, TUESDAY, 10.0, 2.0),
        (A, THURSDAY, 9.0, None),
        (A, CLOSE, 11.0, None),
    )
    assert row_of_a(prices)["change"] == pytest.approx(0.1)


def test_a_missing_first_factor_is_the_next_one():
    prices = quotes((A, BASE, 20.0, None), (A, TUESDAY, 21.0, 2.0), (A, CLOSE, 22.0, 2.0))
    assert row_of_a(prices)["change"] == pytest.approx(0.1)


def test_a_company_without_factors_moves_by_its_prices():
    prices = quotes(
        (A, BASE, 20.0, None), (A, CLOSE, 22.0, None), (B, BASE, 1.0, 3.0), (B, CLOSE, 1.0, 3.0)
    )
    assert row_of_a(prices)["change"] == 0.1


def test_a_change_carries_no_dust_of_binary_arithmetic():
    assert row_of_a(quotes((A, BASE, 8.0, 0.7), (A, CLOSE, 8.01, 0.7)))["change"] == 0.00125


def forward_adjusted(*prices, paid=0.5, given=1.0):
    """A factor worked out from (close − cash still to be paid) ÷ shares still to be given."""
    dates = (BASE, TUESDAY, THURSDAY, CLOSE)
    return [
        (A, day, price, round(round((price - paid) / given, 2) / price, 6))
        for day, price in zip(dates, prices, strict=False)
    ]


@pytest.mark.parametrize("given", [1.0, 1.2])
def test_a_factor_that_only_follows_the_price_is_no_ex_date(given):
    prices = quotes(*forward_adjusted(31.97, 32.49, 33.14, 36.28, given=given))
    assert prices["adj_factor"].nunique() == 4
    assert row_of_a(prices)["change"] == pytest.approx(36.28 / 31.97 - 1)


def test_a_dividend_among_forward_adjusted_prices_is_an_ex_date():
    paid = forward_adjusted(31.97, 32.49, 33.14, paid=0.5)
    prices = quotes(*paid, (A, CLOSE, 32.64, 1.0))
    assert row_of_a(prices)["change"] == pytest.approx(32.64 / (31.97 - 0.5) - 1, abs=1e-6)


@pytest.mark.parametrize(
    "ex_prices",
    [(21.0, 21.01, 21.02), (19.0, 19.01, 18.99)],
    ids=["a rise alone would look like shares taken back", "a fall alone like cash paid in"],
)
def test_a_dividend_is_seen_whichever_way_the_price_went(ex_prices):
    ex = [
        (A, day, one, 1.0) for day, one in zip((TUESDAY, THURSDAY, CLOSE), ex_prices, strict=True)
    ]
    row = row_of_a(quotes((A, BASE, 20.0, 0.975), *ex))
    assert row["change"] == pytest.approx(ex_prices[-1] / 19.5 - 1)


def test_a_dividend_among_true_factors_is_an_ex_date():
    steps = ((BASE, 20.0, 0.8), (TUESDAY, 21.0, 0.8), (THURSDAY, 20.0, 0.804), (CLOSE, 22.0, 0.804))
    assert row_of_a(quotes(*((A, *step) for step in steps)))["change"] == pytest.approx(0.1055)


def test_a_dividend_before_the_base_date_does_not_disturb_the_week():
    prices = quotes((A, BEFORE, 33.0, 0.8), *forward_adjusted(31.97, 32.49, 33.14, 36.28))
    assert row_of_a(prices)["change"] == pytest.approx(36.28 / 31.97 - 1)


def test_two_prices_that_lie_the_same_cash_above_their_adjusted_ones_tell_of_no_ex_date():
    """As of 920060 in issue 65: a sheet of two days gives what all days of the week give."""
    first, *_, last = forward_adjusted(31.97, 32.49, 33.14, 36.28)
    prices = quotes(first, (A, CLOSE, *last[2:]))
    assert prices["adj_factor"].nunique() == 2
    assert row_of_a(prices)["change"] == pytest.approx(36.28 / 31.97 - 1)


def test_two_prices_between_which_two_fen_were_paid_tell_of_an_ex_date():
    prices = quotes((A, BASE, 20.0, 19.5 / 20), (A, CLOSE, 22.0, 21.52 / 22))
    assert row_of_a(prices)["change"] == pytest.approx(21.52 / 19.5 - 1)


def test_two_other_prices_never_prove_that_there_was_no_ex_date():
    prices = quotes((A, BASE, 20.0, 0.8), (A, CLOSE, 21.0, 0.804))
    assert row_of_a(prices)["change"] == pytest.approx(1.05 * 1.005 - 1)


def test_dates_may_be_days_or_timestamps():
    who, prices = universe((A,)), quotes((A, BASE, 10.0), (A, CLOSE, 12.5))
    stamped = prices.assign(date=pd.to_datetime(prices["date"]))
    listed = who.assign(listed=pd.to_datetime(who["listed"]))
    expected = closes(who, prices, BASE, CLOSE)
    pd.testing.assert_frame_equal(closes(listed, stamped, BASE, CLOSE), expected)


def test_no_quotes_at_all_leave_every_company_without_price():
    assert list(closes(universe((B,), (A,)), quotes(), BASE, CLOSE)["status"]) == ["no_price"] * 2


DAYS = (BEFORE, BASE, TUESDAY, THURSDAY, CLOSE)
QUOTE = st.tuples(
    st.sampled_from((A, B, C)),
    st.sampled_from(DAYS),
    st.one_of(st.none(), st.integers(100, 9999).map(lambda fen: fen / 100)),
    st.one_of(st.none(), st.sampled_from((0.8, 1.0, 1.25))),
)


@few_examples
@given(
    st.lists(QUOTE, unique_by=lambda row: row[:2]).flatmap(
        lambda rows: st.tuples(st.just(rows), st.permutations(rows))
    )
)
def test_the_order_of_rows_changes_nothing(orders):
    rows, shuffled = orders
    first = closes(universe((A,), (B,), (C,)), quotes(*rows), BASE, CLOSE)
    second = closes(universe((C,), (A,), (B,)), quotes(*shuffled), BASE, CLOSE)
    pd.testing.assert_frame_equal(first, second)


@few_examples
@given(st.lists(QUOTE, unique_by=lambda row: row[:2]))
def test_a_change_is_known_exactly_where_both_prices_are(rows):
    result = closes(universe((A,), (B,), (C,)), quotes(*rows), BASE, CLOSE)
    known = result["close_base"].notna() & result["close"].notna()
    assert result["change"].notna().equals(known)
    assert (result["close"].isna() == (result["status"] == "no_price")).all()


@real_weeks.needs_market
def test_the_bonus_issue_of_issue_32_is_adjusted_for():
    week = date(2025, 6, 27), date(2025, 7, 4)
    rows = closes(universe(("920208.BJ",)), real_weeks.quotes(32), *week)
    row = rows.iloc[0]
    assert round(row["change"] * 100, 2) == -5.36
    assert round((row["close"] / row["close_base"] - 1) * 100, 2) == -34.21


@real_weeks.needs_market
def test_the_change_of_codes_in_issue_46_loses_nobody():
    week = date(2025, 9, 30), date(2025, 10, 10)
    prices = real_weeks.quotes(46)
    assert prices["vendor_code"].str.startswith("83").any()
    who = universe(*((one,) for one in prices["code"].unique()))
    result = closes(who, prices, *week).set_index("code")
    without_change = result.index[result["change"].isna()]
    assert list(without_change) == ["920080.BJ"]
    assert len(result) == 277


@real_weeks.needs_market
def test_the_suspension_of_issue_64_is_not_taken_for_a_listing():
    week = date(2026, 2, 6), date(2026, 2, 13)
    result = closes(real_weeks.universe(), real_weeks.quotes(64), *week).set_index("code")
    assert result.loc["920305.BJ", "status"] == "resumed"
    assert list(result.index[result["status"] == "new"]) == ["920166.BJ", "920180.BJ"]
