"""What holds of every week, whatever its companies: tried on made-up weeks by the hundred."""

import csv
import io
import math
import random
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bj_pipeline.issues import all_issues, by_date, by_number, iso_week, trailing
from bj_pipeline.metrics import changes
from bj_pipeline.metrics.rankings import WHOLE_POOL
from bj_pipeline.report import docx, html, pdf, xlsx
from bj_pipeline.report.charts import pictures
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse, _in_order, data_version

from .weeks import (
    DAYS,
    ISSUE,
    LONG_AGO,
    SECTORS,
    Company,
    Valued,
    _reference,
    a_company,
    computed,
    curated,
    document_of,
    examples,
    frame,
    sample_files,
    sample_week,
    some_companies,
    week_of,
)

METRICS = (
    tables.COMPANY_UNIVERSE,
    tables.AI_CHAIN_CLASSIFICATION,
    tables.COMPANY_METRICS,
    tables.AI_CHAIN_METRICS,
    tables.SECTOR_METRICS,
    tables.BUCKET_COUNTS,
    tables.MOVERS,
    tables.MARKET_METRICS,
    tables.SECTOR_TRENDS,
)
COUNTS = ("companies_base", "companies")


def stored(figures):
    """The tables as they come out of the warehouse."""
    return {name: _in_order(name, frame) for name, frame in figures.items()}


def assert_same(found, expected, names=METRICS):
    for name in names:
        pd.testing.assert_frame_equal(
            _in_order(name, found[name]), _in_order(name, expected[name]), obj=name
        )


def shuffled(frame, chance):
    """The same rows and columns in another order, under another index."""
    rows, columns = list(range(len(frame))), list(frame.columns)
    chance.shuffle(rows)
    chance.shuffle(columns)
    return frame.iloc[rows][columns].set_axis(range(7, 7 + len(frame)))


def pool(figures):
    companies = figures[tables.COMPANY_METRICS]
    return companies[companies["sector"].notna()]


# --- order ---------------------------------------------------------------------------------------


def test_the_order_of_companies_rows_and_columns_changes_nothing(thorough):
    @examples(12, thorough=thorough)
    @given(some_companies(), st.randoms(use_true_random=False))
    def holds(companies, chance):
        week = week_of(companies)
        expected = stored(computed(week))
        chance.shuffle(companies)
        again = week_of(companies)
        raw = {name: shuffled(frame, chance) for name, frame in again.raw.items()}
        found = stored(computed(replace(again, raw=raw)))
        assert_same(found, expected)
        assert document_of(again, found) == document_of(week, expected)

    holds()


def test_a_day_may_be_a_date_or_a_point_in_time(thorough):
    @examples(6, thorough=thorough)
    @given(some_companies())
    def holds(companies):
        week = week_of(companies)
        raw = {
            name: frame.assign(
                **{
                    column: pd.to_datetime(frame[column])
                    for column in frame.columns.intersection(
                        ["date", "listed", "delisted", "published"]
                    )
                }
            )
            for name, frame in week.raw.items()
        }
        assert_same(computed(replace(week, raw=raw)), computed(week))

    holds()


def with_shuffled_rows_and_columns(delivery, chance):
    head, *rows = csv.reader(io.StringIO(delivery.content.decode("utf-8")))
    chance.shuffle(rows)
    order = list(range(len(head)))
    chance.shuffle(order)
    text = io.StringIO()
    csv.writer(text).writerows([row[at] for at in order] for row in [head, *rows])
    return replace(delivery, content=text.getvalue().encode())


def forms(week):
    """Every form of the issue's report, rendered anew."""
    figures = stored(computed(week))
    document = document_of(week, figures)
    drawn = pictures(document)
    return {
        "html": html.render(document, drawn),
        "pdf": pdf.render(document, drawn),
        "docx": docx.render(document, drawn),
        "xlsx": xlsx.render(document, figures),
    }


def test_a_rebuilt_issue_equals_the_first_byte_by_byte_though_its_files_were_shuffled(thorough):
    chance = random.Random(7)  # noqa: S311 - shuffles
    numbers = [65, *(chance.sample(range(1, 65), 9) if thorough else [])]
    for number in numbers:
        issue = by_number(number)
        deliveries = sample_files(issue)
        first = forms(sample_week(issue, deliveries))
        again = {
            table: [with_shuffled_rows_and_columns(one, chance) for one in sent]
            for table, sent in deliveries.items()
        }
        assert again != deliveries
        assert forms(sample_week(issue, again)) == first


# --- scale, parts and wholes ---------------------------------------------------------------------


def times(companies, factor):
    """The same companies with so many times the shares, and vendors who have noticed."""
    return [
        replace(
            one,
            valued=tuple(
                replace(
                    value,
                    shares=None if value.shares is None else value.shares * factor,
                    cap=None if value.cap is None else value.cap * factor,
                )
                for value in one.valued
            ),
        )
        for one in companies
    ]


def test_so_many_times_the_shares_are_so_many_times_the_caps_and_move_nothing_else(thorough):
    scaled = {
        tables.COMPANY_METRICS: ("market_cap", "market_cap_base"),
        tables.AI_CHAIN_METRICS: ("market_cap",),
        tables.SECTOR_METRICS: (
            "total_market_cap",
            "total_market_cap_base",
            "market_cap_median",
            "market_cap_median_base",
        ),
        tables.SECTOR_TRENDS: ("total_market_cap",),
    }

    @examples(10, thorough=thorough)
    @given(some_companies(), st.sampled_from([2, 3, 7, 10, 1000]))
    def holds(companies, factor):
        before, after = computed(week_of(companies)), computed(week_of(times(companies, factor)))
        for name in METRICS:
            left, right = before[name].copy(), after[name].copy()
            if name == tables.BUCKET_COUNTS:
                left, right = (
                    frame[frame["measure"] == "pe_ttm"].reset_index(drop=True)
                    for frame in (left, right)
                )
            for column in scaled.get(name, ()):
                np.testing.assert_allclose(
                    right.pop(column), left.pop(column) * factor, rtol=1e-12, err_msg=column
                )
            pd.testing.assert_frame_equal(right, left, obj=name)

    holds()


def test_every_company_of_the_pool_with_a_figure_is_in_exactly_one_bucket_of_it(thorough):
    @examples(12, thorough=thorough)
    @given(some_companies(most=14))
    def holds(companies):
        figures = computed(week_of(companies))
        members, counts = pool(figures), figures[tables.BUCKET_COUNTS]
        for sector in SECTORS:
            of_sector = members[members["sector"] == sector]
            for measure, column in (
                ("pe_ttm", "pe_ttm"),
                ("pe_ttm", "pe_ttm_base"),
                ("market_cap", "market_cap"),
                ("market_cap", "market_cap_base"),
            ):
                known = of_sector[column].notna()
                if measure == "pe_ttm":
                    known |= of_sector[f"{column}_is_loss"]
                rows = counts[(counts["sector"] == sector) & (counts["measure"] == measure)]
                counted = rows["companies_base" if column.endswith("_base") else "companies"]
                assert counted.sum() == known.sum()

    holds()


@pytest.mark.parametrize("measure", ["pe_ttm", "market_cap"])
def test_an_edge_belongs_to_the_bucket_above_it(measure):
    edges = curated().buckets(measure, ISSUE.close_date)
    for below, above in pairwise(edges):
        assert below.high == above.low
        for value, wanted in (
            (above.low, above.label),
            (math.nextafter(above.low, -math.inf), below.label),
        ):
            holding = [edge.label for edge in edges if edge.holds(pd.Series([value])).all()]
            assert holding == [wanted]


def test_a_loss_of_unknown_size_is_in_the_lowest_bucket_and_no_figure_in_none():
    close = ISSUE.close_date
    kinds = {"loss": Valued("tushare", close, is_loss=True), "blank": Valued("tushare", close)}
    for kind, value in kinds.items():
        figures = computed(week_of([Company(1, "甲", valued=(value,))]))
        counts = figures[tables.BUCKET_COUNTS].query("measure == 'pe_ttm' and companies > 0")
        assert list(counts["bucket"]) == (["<0"] if kind == "loss" else [])


def test_two_half_pools_add_up_to_the_pool(thorough):
    @examples(10, thorough=thorough)
    @given(some_companies(least=2, most=12), st.integers(0, 2**12))
    def holds(companies, sides):
        halves = [
            [one for at, one in enumerate(companies) if (sides >> at) % 2 == side]
            for side in (0, 1)
        ]
        whole = computed(week_of(companies))
        left, right = (computed(week_of(half)) for half in halves)
        sectors = [one[tables.SECTOR_METRICS].set_index("sector") for one in (left, right, whole)]
        assert (sectors[0]["companies"] + sectors[1]["companies"]).equals(sectors[2]["companies"])
        for column in ("total_market_cap", "total_market_cap_base"):
            totals = [one[column].fillna(0) for one in sectors]
            assert (totals[0] + totals[1]).round(2).equals(totals[2].round(2))
        buckets = [
            one[tables.BUCKET_COUNTS].set_index(["sector", "measure", "bucket"])
            for one in (left, right, whole)
        ]
        assert (buckets[0] + buckets[1]).equals(buckets[2])
        market = [
            one[tables.MARKET_METRICS].set_index("metric")["value"] for one in (left, right, whole)
        ]
        for metric in market[2].index[market[2].index.str.contains("companies|pool_size")]:
            assert market[0][metric] + market[1][metric] == market[2][metric]

    holds()


def test_a_company_more_or_less_moves_only_its_own_sector(thorough):
    @examples(16, thorough=thorough)
    @given(some_companies(), a_company(number=0))
    def holds(companies, newcomer):
        without, joined = computed(week_of(companies)), computed(week_of([newcomer, *companies]))
        row = joined[tables.COMPANY_METRICS].set_index("code").reindex([newcomer.code]).iloc[0]
        counts = isinstance(row["name"], str) and isinstance(row["sector"], str)
        own = row["sector"] if counts else None
        for name in (tables.COMPANY_METRICS, tables.AI_CHAIN_METRICS, tables.COMPANY_UNIVERSE):
            others = joined[name][joined[name]["code"] != newcomer.code].reset_index(drop=True)
            pd.testing.assert_frame_equal(others, without[name], obj=name)
        for name in (tables.SECTOR_METRICS, tables.BUCKET_COUNTS, tables.SECTOR_TRENDS):
            others = [
                frame[frame["sector"] != own].reset_index(drop=True)
                for frame in (joined[name], without[name])
            ]
            pd.testing.assert_frame_equal(*others, obj=name)
        size = [
            one[tables.SECTOR_METRICS].set_index("sector")["companies"] for one in (without, joined)
        ]
        assert ((size[1] - size[0])[[s for s in SECTORS if s == own]] == 1).all()
        in_buckets = [
            one[tables.BUCKET_COUNTS].set_index(["sector", "measure", "bucket"])[list(COUNTS)]
            for one in (without, joined)
        ]
        gained = (in_buckets[1] - in_buckets[0]).groupby(level="measure").agg(["min", "max", "sum"])
        assert gained.isin([0, 1]).all(axis=None)
        market = [
            one[tables.MARKET_METRICS].set_index("metric")["value"] for one in (without, joined)
        ]
        assert market[1]["pool_size"] - market[0]["pool_size"] == int(counts)
        indices = market[0].index[market[0].index.str.startswith("index_change")]
        assert market[0][indices].equals(market[1][indices])
        for sector in (*SECTORS, WHOLE_POOL):
            ranked = [
                one[tables.MOVERS].loc[one[tables.MOVERS]["sector"] == sector, "code"].tolist()
                for one in (without, joined)
            ]
            assert [code for code in ranked[1] if code != newcomer.code] == ranked[0][
                : len(ranked[1]) - (newcomer.code in ranked[1])
            ]

    holds()


# --- companies -----------------------------------------------------------------------------------


def test_a_suspended_company_keeps_its_last_price(thorough):
    @examples(10, thorough=thorough)
    @given(a_company(number=1), st.integers(1, len(DAYS) - 1))
    def holds(company, silent):
        fen = (*company.fen[: len(DAYS) - silent], *(None,) * silent)
        last = next((price for price in reversed(fen) if price), None)
        assume(last is not None)
        suspended = replace(company, fen=fen, delisted=None, left=None, listed=LONG_AGO)
        figures = computed(week_of([suspended]))
        row = figures[tables.COMPANY_METRICS].iloc[0]
        assert (row["close"], row["status"]) == (last / 100, changes.SUSPENDED)
        before = [price for price in fen[:2] if price]
        assert math.isnan(row["change"]) == (not before)
        market = figures[tables.MARKET_METRICS].set_index("metric")["value"]
        assert market["suspended_companies"] == (1 if company.sector else 0)

    holds()


def test_a_blank_price_is_no_price(thorough):
    """Some vendors send a row of a suspended company with a blank or a zero for its price."""

    @examples(10, thorough=thorough)
    @given(some_companies(), st.sampled_from([0.0, None]))
    def holds(companies, blank):
        week = week_of(companies)
        there = week.raw[tables.RAW_QUOTES]
        there = there[there["close"] > 0]
        gaps = [
            {"code": one.code, "date": day, "close": blank, "adj_factor": factor}
            for one in companies
            for day, fen, factor in zip(DAYS, one.fen, one.factors, strict=True)
            if not fen
        ]
        filled = pd.concat(
            [there, pd.DataFrame(gaps, columns=there.columns)] if gaps else [there],
            ignore_index=True,
        )
        found = computed(replace(week, raw=week.raw | {tables.RAW_QUOTES: filled}))
        expected = computed(replace(week, raw=week.raw | {tables.RAW_QUOTES: there}))
        assert list(found[tables.COMPANY_UNIVERSE]["code"]) == list(
            expected[tables.COMPANY_UNIVERSE]["code"]
        )
        assert list(found[tables.COMPANY_METRICS]["status"]) == list(
            expected[tables.COMPANY_METRICS]["status"]
        )

    holds()


def test_a_renamed_company_changes_only_its_name(thorough):
    @examples(8, thorough=thorough)
    @given(some_companies(), st.integers(0, 20))
    def holds(companies, which):
        chosen = companies[which % len(companies)]
        assume("ST" not in chosen.name)
        renamed = [replace(o, name="更名后") if o is chosen else o for o in companies]
        week = week_of(companies)
        after = replace(week, reference=_reference(renamed))
        before, now = stored(computed(week)), stored(computed(after))
        for name in METRICS:
            left, right = before[name], now[name]
            if "name" in left:
                left = left.assign(name=left["name"].replace(chosen.name, "更名后"))
            pd.testing.assert_frame_equal(right, left, obj=name)
        old, new = (
            document_of(one, figures).model_dump_json()
            for one, figures in ((week, before), (after, now))
        )
        assert new == old.replace(chosen.name, "更名后")

    holds()


def test_orders_are_total_and_ties_go_by_code(thorough):
    @examples(6, thorough=thorough)
    @given(st.lists(st.integers(1, 999), min_size=2, max_size=12, unique=True))
    def holds(numbers):
        value = tuple(Valued("ifind", day, shares=1e8, pe=20.0) for day in DAYS[1::4])
        twins = [Company(n, f"双生{n}", segment="AI应用", valued=value) for n in numbers]
        week = week_of(twins)
        figures = stored(computed(week))
        codes = sorted(one.code for one in twins)
        for sector in (WHOLE_POOL, SECTORS[0]):
            rows = figures[tables.MOVERS][figures[tables.MOVERS]["sector"] == sector]
            assert rows["code"].tolist() == codes[:10]
            assert rows["rank"].tolist() == list(range(1, len(rows) + 1))
        document = document_of(week, figures)
        chain = next(table for table in document.exhibits() if table.id == "ai_chain")
        assert [document.text(row[1].line) for row in chain.rows] == codes

    holds()


# --- documents -----------------------------------------------------------------------------------


def test_every_week_can_be_told_and_no_sentence_has_a_hole(thorough):
    @examples(12, thorough=thorough)
    @given(some_companies(least=0))
    def holds(companies):
        week = week_of(companies)
        document = document_of(week, stored(computed(week)))
        for place, line, _ in document.lines():
            text = document.text(line)
            assert "nan" not in text.lower(), (place, text)
            assert not any(hole in text for hole in ("为。", "分属。", "：。", "、、", "（）")), (
                text
            )
        for figure in document.figures():
            assert "nan" not in figure.title.lower()
            assert not figure.title.endswith("—")

    holds()


# --- calendar and versions -----------------------------------------------------------------------


def test_issues_and_weeks_name_each_other_over_the_whole_calendar():
    issues = all_issues()
    for issue in issues:
        assert by_number(issue.number) == by_number(issue.key) == issue
        assert {by_date(day) for day in issue.sessions} == {issue}
        assert by_date(issue.issue_date) == issue
        assert iso_week(issue.first_session) == issue.week
        assert issue.publication_date.isoweekday() == 1
        assert trailing(issue, 1) == (issue,)
    for before, after in pairwise(issues):
        assert after.base_date == before.close_date
        assert after.number == before.number + 1
    first, last = issues[0].first_session, issues[-1].close_date
    days = [first + timedelta(days=step) for step in range((last - first).days + 1)]
    named = [by_date(day) for day in days]
    without = {iso_week(day) for day, issue in zip(days, named, strict=True) if issue is None}
    assert without.isdisjoint({issue.week for issue in issues})
    assert {iso_week(day) for day in days} == without | {issue.week for issue in issues}


_WORDS = st.sampled_from([None, "", " ", "甲", "a,b", 'a"b', "a\nb", "a\r\nb", "nan", "None", "NA"])
_NUMBERS = st.sampled_from([None, 0.0, -0.0, 1.0, 0.1 + 0.2, 0.3, 1e-300, 1e15, -1.0, 5e-324])
_DAYS = st.sampled_from([None, date(2026, 2, 27), date(2026, 2, 13)])


@st.composite
def a_listing(draw):
    columns = {"name": _WORDS, "vendor_code": _WORDS, "listed": _DAYS, "delisted": _DAYS}
    row = {"code": "1", **{column: draw(values) for column, values in columns.items()}}
    return tables.RAW_LISTINGS, frame(tables.RAW_LISTINGS, [row])


@st.composite
def a_figure(draw):
    metric, value = draw(_WORDS.filter(bool)), draw(_NUMBERS)
    return tables.MARKET_METRICS, frame(tables.MARKET_METRICS, [{"metric": metric, "value": value}])


@st.composite
def two_alike(draw):
    """Two tables of a row that differ in one cell at most."""
    name, left = draw(st.one_of(a_listing(), a_figure()))
    _, other = draw(a_listing() if name == tables.RAW_LISTINGS else a_figure())
    column = draw(st.sampled_from(list(left.columns)))
    return name, left, left.assign(**{column: other[column]})


def test_two_tables_have_one_version_exactly_if_they_are_equal(thorough):
    @examples(120, thorough=thorough)
    @given(two_alike())
    def holds(pair):
        name, *frames = pair
        left, right = (_in_order(name, one) for one in frames)
        assert (data_version(left) == data_version(right)) == left.equals(right)

    holds()


def test_a_table_has_the_same_version_after_it_was_stored(thorough, tmp_path):
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")

    @examples(25, thorough=thorough)
    @given(st.one_of(a_listing(), a_figure()))
    def holds(table):
        name, frame = table
        version = warehouse.replace(1, {name: frame})[name]
        assert data_version(warehouse.read(name, 1)) == version

    holds()
    warehouse.engine.dispose()


def test_a_company_that_did_not_move_has_a_change_of_plain_zero():
    factors = (1.1, 1.1, 1.1, 1.1, 1.1, 1.1 * (1 - 2**-52))
    row = computed(week_of([Company(1, "甲", factors=factors)]))[tables.COMPANY_METRICS].iloc[0]
    assert math.copysign(1, row["change"]) == 1
    assert Decimal(repr(float(row["change"]))) == 0
