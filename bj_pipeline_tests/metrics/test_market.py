import pandas as pd
import pytest

from bj_pipeline.metrics.market import direction, market_metrics
from bj_pipeline.warehouse import tables

from .frames import BASE, CLOSE, THURSDAY, code, companies, frame

BSE_50 = "899050.BJ"


def points(*rows):
    names = ("code", "date", "close")
    return frame(tables.RAW_INDEX_QUOTES, [dict(zip(names, row, strict=True)) for row in rows])


def metrics(rows, index_quotes=None, indices=(BSE_50,)):
    index_quotes = points() if index_quotes is None else index_quotes
    table = market_metrics(rows, index_quotes, indices, BASE, CLOSE)
    assert list(table.columns) == list(tables.columns(tables.MARKET_METRICS))
    return table.set_index("metric")["value"]


def moved(*changes, **more):
    return companies(*({"code": code(i), "change": x, **more} for i, x in enumerate(changes)))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (0.00005, 1),
        (0.000049, 0),
        (0.0, 0),
        (-0.000049, 0),
        (-0.00005, -1),
        (0.3, 1),
        (-0.0536, -1),
    ],
)
def test_what_prints_as_zero_is_unchanged(change, expected):
    assert direction(change) == expected


def test_every_company_with_a_change_rises_falls_or_stays():
    found = metrics(moved(0.1, 0.00001, -0.00001, 0.0, -0.2, 0.3, None))
    assert found["rising_companies"] == 2
    assert found["unchanged_companies"] == 3
    assert found["falling_companies"] == 1
    assert found["companies_with_change"] == 6


def test_the_rising_share_is_of_the_whole_pool():
    assert metrics(moved(0.1, 0.2, -0.1, None))["rising_share"] == 0.5


def test_a_company_without_change_is_left_out_of_the_median():
    assert metrics(moved(0.1, 0.3, None))["median_change"] == 0.2


def test_companies_outside_the_pool_count_in_nothing():
    found = metrics(moved(0.1, 0.3, sector=None, status="suspended"))
    assert found[["pool_size", "rising_companies", "suspended_companies"]].tolist() == [0, 0, 0]
    assert found[["rising_share", "median_change"]].isna().all()


def test_suspended_and_new_companies_are_counted():
    statuses = ("trading", "suspended", "new", "suspended", "resumed", "no_price")
    found = metrics(
        companies(*({"code": code(i), "status": one} for i, one in enumerate(statuses)))
    )
    assert (found["suspended_companies"], found["new_companies"]) == (2, 1)
    assert found["pool_size"] == 6


def test_an_index_moves_from_base_date_to_close_date():
    quotes = points((BSE_50, CLOSE, 1100.0), (BSE_50, BASE, 1000.0), (BSE_50, THURSDAY, 5.0))
    assert metrics(moved(), quotes)["index_change_899050.BJ"] == 0.1


@pytest.mark.parametrize("present", [(BASE, THURSDAY), (THURSDAY, CLOSE), ()])
def test_an_index_without_both_closes_has_no_change_but_a_row(present):
    found = metrics(moved(), points(*((BSE_50, day, 1000.0) for day in present)))
    assert pd.isna(found["index_change_899050.BJ"])


def test_only_the_indices_asked_for_have_a_row():
    quotes = points((BSE_50, BASE, 1.0), (BSE_50, CLOSE, 1.0))
    found = metrics(moved(), quotes, indices=("000688.SH",))
    assert [name for name in found.index if name.startswith("index")] == ["index_change_000688.SH"]
