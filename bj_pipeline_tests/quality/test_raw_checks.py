"""What the vendors sent: each fault that operations meet is found by its check, with its rows."""

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from bj_pipeline.quality import raw
from bj_pipeline.reference import load_reference
from bj_pipeline.settings import PACKAGE
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.metrics import real_weeks
from bj_pipeline_tests.quality.built_issue import cells, codes, failures, result, twice

CODE = "920060.BJ"
BASE, TUESDAY, WEDNESDAY = date(2026, 2, 13), date(2026, 2, 24), date(2026, 2, 25)
THURSDAY, FRIDAY, SATURDAY = date(2026, 2, 26), date(2026, 2, 27), date(2026, 2, 28)


def only(issue, name):
    found = failures(issue, "raw")
    assert set(found) == {name}, {one: outcome.broken for one, outcome in found.items()}
    return found[name]


def test_a_healthy_issue_passes_every_raw_check(issue_65):
    assert failures(issue_65, "raw") == {}


def test_optional_tables_may_be_empty(issue_65):
    bare = issue_65.without(*set(tables.RAW_TABLES) - {tables.RAW_QUOTES})
    outcome = only(bare, "index_closes_are_complete")
    assert not outcome.check.blocks


def test_without_any_quote_the_issue_is_stopped(issue_65):
    found = failures(issue_65.without(tables.RAW_QUOTES), "raw")
    assert {"quotes_are_whole_and_unique", "base_and_close_dates_are_present"} <= set(found)
    assert all(found[name].check.blocks for name in found)


def test_a_row_that_stands_twice_is_named(issue_65):
    issue = issue_65.plant(tables.RAW_QUOTES, twice(code=CODE, date=WEDNESDAY))
    outcome = only(issue, "quotes_are_whole_and_unique")
    assert codes(outcome) == {CODE}
    assert list(outcome.rows["date"]) == [WEDNESDAY, WEDNESDAY]


@pytest.mark.parametrize("code", ["920060", "832000.SH", "92006O.BJ"])
def test_a_malformed_code_is_named(issue_65, code):
    issue = issue_65.plant(tables.RAW_QUOTES, cells("code", code, code=CODE, date=WEDNESDAY))
    assert code in codes(only(issue, "quotes_are_whole_and_unique"))


def test_a_missing_column_fails_instead_of_raising(issue_65):
    issue = issue_65.plant(tables.RAW_QUOTES, lambda frame: frame.drop(columns="volume"))
    found = failures(issue, "raw")
    assert set(found) == {"quotes_are_whole_and_unique", "closes_are_positive"}


@pytest.mark.parametrize("day", [BASE, FRIDAY])
def test_a_date_without_quotes_is_named(issue_65, day):
    issue = issue_65.plant(tables.RAW_QUOTES, lambda frame: frame[frame["date"] != day])
    outcome = only(issue, "base_and_close_dates_are_present")
    assert list(outcome.rows["date"]) == [day]


def test_a_close_date_that_was_sent_by_half_is_named(issue_65):
    def cut(frame):
        late = set(frame["code"].unique()[:80])
        return frame[(frame["date"] != FRIDAY) | ~frame["code"].isin(late)]

    outcome = only(issue_65.plant(tables.RAW_QUOTES, cut), "base_and_close_dates_are_present")
    assert list(outcome.rows["date"]) == [FRIDAY]
    assert outcome.rows["companies"].item() == 76


def test_quotes_of_a_day_without_session_are_named(issue_65):
    issue = issue_65.plant(tables.RAW_QUOTES, cells("date", SATURDAY, code=CODE, date=WEDNESDAY))
    outcome = only(issue, "base_and_close_dates_are_present")
    assert list(outcome.rows["date"]) == [SATURDAY]


def test_a_price_before_the_base_date_is_a_suspended_companys_last_one(issue_65):
    def suspend(frame):
        frame = frame[(frame["code"] != CODE) | (frame["date"] == BASE)].copy()
        frame.loc[frame["code"] == CODE, "date"] = date(2026, 1, 30)
        return frame

    assert failures(issue_65.plant(tables.RAW_QUOTES, suspend), "raw") == {}


def test_a_close_date_that_repeats_the_day_before_is_named(issue_65):
    def repeat(frame):
        thursday = frame[frame["date"] == THURSDAY].set_index("code")["close"]
        friday = frame["date"] == FRIDAY
        frame.loc[friday, "close"] = frame.loc[friday, "code"].map(thursday)
        return frame

    issue = issue_65.without(tables.RAW_VALUATIONS).plant(tables.RAW_QUOTES, repeat)
    outcome = only(issue, "base_and_close_dates_are_present")
    assert list(outcome.rows["date"]) == [FRIDAY]


@pytest.mark.parametrize(
    ("column", "value"), [("close", None), ("volume", -1.0), ("adj_factor", 0.0)]
)
def test_a_close_or_volume_or_factor_that_cannot_be_is_named(issue_65, column, value):
    issue = issue_65.plant(tables.RAW_QUOTES, cells(column, value, code=CODE, date=BASE)).without(
        tables.RAW_VALUATIONS
    )
    outcome = failures(issue, "raw")["closes_are_positive"]
    assert codes(outcome) == {CODE}
    assert column in outcome.columns


def test_a_negative_close_is_named(issue_65):
    issue = issue_65.plant(
        tables.RAW_QUOTES, cells("close", lambda close: -close, code=CODE, date=WEDNESDAY)
    )
    found = failures(issue, "raw")
    assert set(found) == {"closes_are_positive", "daily_moves_respect_the_limit"}
    assert codes(found["closes_are_positive"]) == {CODE}


def test_a_close_ten_times_too_high_is_named_with_its_days(issue_65):
    issue = issue_65.plant(
        tables.RAW_QUOTES, cells("close", lambda close: close * 10, code=CODE, date=WEDNESDAY)
    )
    outcome = only(issue, "daily_moves_respect_the_limit")
    assert codes(outcome) == {CODE}
    assert set(outcome.rows["date"]) == {WEDNESDAY, THURSDAY}
    assert set(outcome.rows["source_file"]) == {"sample_quotes.csv"}


def test_limits_hold_over_sessions_that_the_vendor_left_out(issue_65):
    def two_days(frame):
        return frame[frame["date"].isin([BASE, FRIDAY])]

    bare = issue_65.without(tables.RAW_VALUATIONS).plant(tables.RAW_QUOTES, two_days)
    assert failures(bare, "raw") == {}
    wrong = bare.plant(
        tables.RAW_QUOTES, cells("close", lambda close: close * 10, code=CODE, date=FRIDAY)
    )
    assert codes(only(wrong, "daily_moves_respect_the_limit")) == {CODE}


def test_no_limit_holds_on_the_first_day_after_a_suspension(issue_65):
    def resume(frame):
        frame = frame[(frame["code"] != CODE) | ~frame["date"].isin([TUESDAY, WEDNESDAY])].copy()
        late = (frame["code"] == CODE) & (frame["date"] > WEDNESDAY)
        frame.loc[late, "close"] *= 2
        return frame

    issue = issue_65.without(tables.RAW_VALUATIONS).plant(tables.RAW_QUOTES, resume)
    assert failures(issue, "raw") == {}


def test_an_ex_date_needs_its_adjustment_factor(issue_65):
    def give_one_for_one(frame):
        late = (frame["code"] == CODE) & (frame["date"] >= THURSDAY)
        frame.loc[late, "close"] /= 2
        frame.loc[late, "adj_factor"] *= 2
        return frame

    bare = issue_65.without(tables.RAW_VALUATIONS).plant(tables.RAW_QUOTES, give_one_for_one)
    assert failures(bare, "raw") == {}
    unadjusted = bare.plant(tables.RAW_QUOTES, cells("adj_factor", None, code=CODE, date=THURSDAY))
    outcome = only(unadjusted, "daily_moves_respect_the_limit")
    assert codes(outcome) == {CODE}


@pytest.mark.parametrize("days", [[FRIDAY], [BASE], [BASE, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY]])
def test_a_company_without_factor_at_either_end_of_the_week_is_named(issue_65, days):
    issue = issue_65
    for day in days:
        issue = issue.plant(tables.RAW_QUOTES, cells("adj_factor", None, code=CODE, date=day))
    assert codes(only(issue, "adjustment_factors_are_given")) == {CODE}


def test_factors_of_base_and_close_date_in_each_others_place_are_named(issue_65):
    split = issue_65
    for day in (THURSDAY, FRIDAY):
        split = split.plant(
            tables.RAW_QUOTES, cells("adj_factor", lambda one: one * 1.02, code=CODE, date=day)
        )
    assert failures(split, "raw") == {}
    swapped = issue_65
    for day in (BASE, TUESDAY, WEDNESDAY):
        swapped = swapped.plant(
            tables.RAW_QUOTES, cells("adj_factor", lambda one: one * 1.02, code=CODE, date=day)
        )
    outcome = only(swapped, "adjustment_factors_are_given")
    assert codes(outcome) == {CODE}
    assert outcome.columns == ("fall",)


def test_a_column_of_blank_pe_is_no_market_of_losses(issue_65):
    issue = issue_65.plant(
        tables.RAW_VALUATIONS, lambda frame: frame.assign(pe_ttm=float("nan"), pe_ttm_is_loss=True)
    )
    assert only(issue, "valuations_are_sound").check.blocks


def test_pe_a_hundred_times_too_high_is_found_by_the_profits_that_it_implies(issue_65):
    issue = issue_65.plant(
        tables.RAW_VALUATIONS,
        lambda frame: frame.assign(
            pe_ttm=frame["pe_ttm"].where(frame["date"] == BASE, frame["pe_ttm"] * 100)
        ),
    )
    assert only(issue, "financials_are_plausible").check.blocks


def test_swapped_closes_of_base_and_close_date_are_named(issue_65):
    def swap(frame):
        rows = (frame["code"] == CODE) & frame["date"].isin([BASE, FRIDAY])
        frame.loc[rows, "close"] = frame.loc[rows, "close"].to_numpy()[::-1]
        return frame

    outcome = only(issue_65.plant(tables.RAW_QUOTES, swap), "valuations_are_sound")
    assert codes(outcome) == {CODE}
    assert set(outcome.rows["date"]) == {BASE, FRIDAY}
    assert "ratio" in outcome.columns


@pytest.mark.parametrize("column", ["market_cap", "total_shares"])
def test_a_unit_of_ten_thousand_is_found_in_every_row(issue_65, column):
    issue = issue_65.plant(
        tables.RAW_VALUATIONS, lambda frame: frame.assign(**{column: frame[column] / 1e4})
    )
    outcome = only(issue, "valuations_are_sound")
    assert len(outcome.rows) == len(issue_65.table(tables.RAW_VALUATIONS))


@pytest.mark.parametrize(
    ("slipped", "absent"), [("total_shares", "market_cap"), ("market_cap", "total_shares")]
)
def test_a_unit_slip_is_found_without_anything_to_compare_it_with(issue_65, slipped, absent):
    issue = issue_65.plant(
        tables.RAW_VALUATIONS,
        lambda frame: frame.assign(**{slipped: frame[slipped] / 1e4, absent: float("nan")}),
    )
    outcome = only(issue, "valuations_are_sound")
    assert len(outcome.rows) == len(issue_65.table(tables.RAW_VALUATIONS))


def test_one_vendors_row_that_stands_twice_is_named(issue_65):
    issue = issue_65.plant(tables.RAW_VALUATIONS, twice(code=CODE, date=FRIDAY, vendor="wind"))
    assert codes(only(issue, "valuations_are_sound")) == {CODE}


def test_an_index_without_close_is_named_and_only_warned_of(issue_65):
    issue = issue_65.plant(
        tables.RAW_INDEX_QUOTES,
        lambda frame: frame[(frame["code"] != "000300.SH") | (frame["date"] != FRIDAY)],
    )
    outcome = only(issue, "index_closes_are_complete")
    assert not outcome.check.blocks
    assert outcome.rows[["code", "date"]].to_numpy().tolist() == [["000300.SH", FRIDAY]]


@pytest.mark.parametrize("factor", [-1, 0, 10, 0.1])
def test_an_index_close_that_cannot_be_is_named(issue_65, factor):
    issue = issue_65.plant(
        tables.RAW_INDEX_QUOTES,
        cells("close", lambda close: close * factor, code="899050.BJ", date=FRIDAY),
    )
    assert codes(only(issue, "index_closes_are_sound")) == {"899050.BJ"}


def test_an_index_that_did_not_move_at_all_was_copied(issue_65):
    quotes = issue_65.table(tables.RAW_INDEX_QUOTES).set_index(["code", "date"])["close"]
    issue = issue_65.plant(
        tables.RAW_INDEX_QUOTES,
        cells("close", quotes["899050.BJ", BASE], code="899050.BJ", date=FRIDAY),
    )
    assert codes(only(issue, "index_closes_are_sound")) == {"899050.BJ"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("fiscal_year", 2026),
        ("fiscal_year", 1824),
        ("revenue", -1.0),
        ("revenue", 18_000.0),
        ("net_profit", 1e12),
    ],
)
def test_an_implausible_full_year_is_named(issue_65, column, value):
    issue = issue_65.plant(tables.RAW_FINANCIALS, cells(column, value, code=CODE, fiscal_year=2024))
    outcome = only(issue, "financials_are_plausible")
    assert codes(outcome) == {CODE}
    assert outcome.columns == (column,)


@real_weeks.needs_market
def test_no_real_full_year_is_refused_but_each_that_is_given_in_10000_yuan(issue_65):
    real = replace(issue_65, reference=load_reference(PACKAGE / "reference"))
    years = real_weeks.financials()
    for name, frame in {
        tables.RAW_QUOTES: real_weeks.quotes(65),
        tables.RAW_VALUATIONS: real_weeks.valuations(),
        tables.RAW_FINANCIALS: years,
    }.items():
        real = real.plant(name, lambda _, frame=frame: frame)
    check = raw.financials_are_plausible
    covered = set(years["code"]) & real.coverage
    assert len(covered) > 100
    assert result(real, check).passed
    given = years.assign(revenue=years["revenue"] / 1e4, net_profit=years["net_profit"] / 1e4)
    outcome = result(real.plant(tables.RAW_FINANCIALS, lambda _: given), check)
    assert outcome.check.blocks
    assert codes(outcome) == covered
    alone = years.assign(net_profit=years["net_profit"] / 1e4)
    outcome = result(real.plant(tables.RAW_FINANCIALS, lambda _: alone), check)
    valued = set(real_weeks.valuations().dropna(subset="pe_ttm")["code"])
    assert codes(outcome) >= covered & valued & set(years.dropna(subset="net_profit")["code"])


@pytest.mark.parametrize("day", [BASE, date(2026, 3, 2)])
def test_an_announcement_of_another_week_is_named(issue_65, day):
    issue = issue_65.plant(tables.RAW_ANNOUNCEMENTS, cells("date", day, code="929015.BJ"))
    assert codes(only(issue, "announcements_are_of_the_week")) == {"929015.BJ"}


def test_an_announcement_of_the_weekend_belongs_to_the_week(issue_65):
    issue = issue_65.plant(tables.RAW_ANNOUNCEMENTS, cells("date", SATURDAY, code="929015.BJ"))
    assert failures(issue, "raw") == {}


def test_an_announcement_without_title_is_named(issue_65):
    issue = issue_65.plant(tables.RAW_ANNOUNCEMENTS, cells("title", "", code="929015.BJ"))
    assert codes(only(issue, "announcements_are_of_the_week")) == {"929015.BJ"}


def test_every_offending_row_is_kept_not_only_the_first(issue_65):
    outcome = result(
        issue_65.plant(tables.RAW_QUOTES, lambda frame: frame.assign(close=-1.0)),
        raw.closes_are_positive,
    )
    assert len(outcome.rows) == len(issue_65.table(tables.RAW_QUOTES))
    assert isinstance(outcome.rows, pd.DataFrame)


def test_one_cap_in_the_wrong_unit_is_found_by_the_shares_that_it_implies(issue_65):
    def slip(frame):
        own = frame["code"] == CODE
        caps = frame["market_cap"].mask(own, frame["market_cap"] * 1e4)
        return frame.assign(market_cap=caps, total_shares=frame["total_shares"].mask(own))

    outcome = only(issue_65.plant(tables.RAW_VALUATIONS, slip), "valuations_are_sound")
    assert "implied_shares" in outcome.columns
    assert codes(outcome) == {CODE}


def test_a_volume_of_more_than_all_shares_is_found(issue_65):
    slip = cells("volume", 1e12, code=CODE, date=FRIDAY)
    outcome = only(issue_65.plant(tables.RAW_QUOTES, slip), "valuations_are_sound")
    assert outcome.columns == ("turnover",)
    assert codes(outcome) == {CODE}


@pytest.mark.parametrize(
    ("column", "ratio"), [("revenue", "revenue_to_cap"), ("net_profit", "margin")]
)
def test_one_yearly_figure_in_the_wrong_unit_is_found_by_its_ratio(issue_65, column, ratio):
    def slip(frame):
        # Large enough for its ratio to tell, and small enough not to be refused by its size.
        figures = frame[column].mask(
            frame["code"] == CODE, frame["revenue"] * (1e3 if column == "revenue" else 100)
        )
        return frame.assign(**{column: figures.clip(upper=9e11 if column == "revenue" else 9e10)})

    outcome = only(issue_65.plant(tables.RAW_FINANCIALS, slip), "financials_are_plausible")
    assert ratio in outcome.columns
    assert codes(outcome) == {CODE}


def test_a_profit_that_alone_is_in_10000_yuan_is_found_by_what_the_price_implies(issue_65):
    def slip(frame):
        return frame.assign(
            net_profit=frame["net_profit"].where(frame["code"] != CODE, frame["net_profit"] / 1e4)
        )

    outcome = only(issue_65.plant(tables.RAW_FINANCIALS, slip), "financials_are_plausible")
    assert "profit_to_trailing" in outcome.columns
    assert codes(outcome) == {CODE}


def after_last_week(issue, folder, table, *, passed=True, vendor="sample"):
    """The issue in a warehouse that also holds issue 64, which closed on this issue's base date."""
    stored = issue.stored_in(folder)
    warehouse = stored.warehouse
    rows = issue.table(table)
    warehouse.replace(64, {table: rows[rows["date"] == BASE]})
    files = warehouse.read_issues(tables.INPUT_FILES, [65], table=table)
    files = files.drop(columns=["issue", "table", "source"]).assign(vendor=vendor)
    warehouse.replace_input_files(64, table, "files", files)
    results = warehouse.read(tables.CHECK_RESULTS, 65)
    warehouse.record_checks(64, results.assign(passed=passed))
    return stored


def swapped_days(frame):
    """Base and close date confused, as by one who names two columns the wrong way round."""
    days = {BASE: FRIDAY, FRIDAY: BASE}
    frame = frame[frame["date"].isin(list(days))]
    return frame.assign(date=frame["date"].map(days)).sort_values(["code", "date"])


def test_swapped_dates_are_found_by_what_the_issue_before_closed_with(issue_65, tmp_path):
    stored = after_last_week(issue_65, tmp_path, tables.RAW_INDEX_QUOTES)
    assert failures(stored, "raw") == {}
    swapped = stored.plant(tables.RAW_INDEX_QUOTES, swapped_days)
    outcome = only(swapped, "index_closes_are_sound")
    assert codes(outcome) == {"899050.BJ", "000300.SH", "000688.SH", "399006.SZ"}
    assert set(outcome.rows["date"]) == {BASE}


def test_closes_of_another_week_under_this_week_s_dates_are_found(issue_65, tmp_path):
    stored = after_last_week(issue_65, tmp_path, tables.RAW_QUOTES)
    assert failures(stored, "raw") == {}
    swapped = stored.plant(tables.RAW_QUOTES, swapped_days)
    found = failures(swapped, "raw")["base_and_close_dates_are_present"]
    assert list(found.rows["date"]) == [BASE]
    assert found.rows["as_last_week"].iloc[0] < 0.1


@pytest.mark.parametrize("differs", [{"passed": False}, {"vendor": "tushare"}])
def test_a_refused_week_and_one_of_the_sample_are_no_measure(issue_65, tmp_path, differs):
    stored = after_last_week(issue_65, tmp_path, tables.RAW_INDEX_QUOTES, **differs)
    assert failures(stored.plant(tables.RAW_INDEX_QUOTES, swapped_days), "raw") == {}


@pytest.mark.parametrize("margin", [0.02, 0.5, 3.4])
def test_a_loss_in_10000_yuan_is_found_where_no_pe_says_how_large_it_is(issue_65, margin):
    def slip(frame):
        loss = -margin * frame["revenue"].clip(upper=1e8) / 1e4
        return frame.assign(
            revenue=frame["revenue"].clip(upper=1e8),
            net_profit=frame["net_profit"].where(frame["code"] != CODE, loss),
        )

    issue = issue_65.plant(tables.RAW_VALUATIONS, cells("pe_ttm", float("nan"), code=CODE))
    outcome = only(issue.plant(tables.RAW_FINANCIALS, slip), "financials_are_plausible")
    assert "profit_to_cap" in outcome.columns
    assert codes(outcome) == {CODE}
