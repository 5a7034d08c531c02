import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from bj_pipeline.metrics.sector import sector_metrics
from bj_pipeline.warehouse import tables

from .frames import code, companies, few_examples


def of(rows, sector="汽车"):
    return sector_metrics(rows, [sector]).iloc[0]


def test_totals_and_medians_are_of_the_sectors_own_companies():
    rows = companies(
        {"code": code(1), "market_cap": 10e8, "market_cap_base": 9e8, "pe_ttm": 20.0},
        {"code": code(2), "market_cap": 30e8, "market_cap_base": 29e8, "pe_ttm": -40.0},
        {"code": code(3), "market_cap": 500e8, "sector": "新能源", "pe_ttm": 1.0},
        {"code": code(4), "market_cap": 500e8, "sector": None, "pe_ttm": 1.0},
    )
    row = of(rows)
    assert (row["companies"], row["total_market_cap"], row["market_cap_median"]) == (2, 40e8, 20e8)
    assert (row["total_market_cap_base"], row["pe_ttm_median"]) == (38e8, -10.0)


def test_a_sector_of_one_company_is_that_company():
    row = of(companies({"code": code(1), "market_cap": 12e8, "pe_ttm": 33.0}))
    assert (row["market_cap_median"], row["total_market_cap"], row["pe_ttm_median"]) == (
        12e8,
        12e8,
        33.0,
    )


def test_an_empty_sector_has_a_row():
    row = of(companies({"code": code(1), "market_cap": 12e8}), "新能源")
    assert (row["companies"], row["total_market_cap"], row["total_market_cap_base"]) == (
        0,
        0.0,
        0.0,
    )
    medians = ["pe_ttm_median", "pe_ttm_median_base", "market_cap_median", "market_cap_median_base"]
    assert row[medians].isna().all()


def test_sectors_come_in_the_order_given():
    order = ["新能源", "汽车", "电子设备"]
    table = sector_metrics(companies({"code": code(1)}), order)
    assert list(table["sector"]) == order
    assert list(table.columns) == list(tables.columns(tables.SECTOR_METRICS))


def test_a_missing_market_cap_is_left_out_of_totals_and_medians():
    rows = companies({"code": code(1), "market_cap": 10e8}, {"code": code(2), "market_cap": None})
    row = of(rows)
    assert (row["companies"], row["total_market_cap"], row["market_cap_median"]) == (2, 10e8, 10e8)


def test_a_median_that_falls_on_an_unknown_loss_is_missing():
    loss = {"pe_ttm_is_loss": True, "pe_ttm_base": 10.0}
    rows = companies(
        {"code": code(1), **loss}, {"code": code(2), "pe_ttm": 5.0, "pe_ttm_base": 30.0}
    )
    assert pd.isna(of(rows)["pe_ttm_median"])
    assert of(rows)["pe_ttm_median_base"] == 20.0


CAPS = st.lists(st.one_of(st.none(), st.integers(10**7, 10**12).map(float)), max_size=15)


def with_caps(caps):
    return companies(*({"code": code(i), "market_cap": cap} for i, cap in enumerate(caps)))


@few_examples
@given(CAPS.flatmap(lambda caps: st.tuples(st.just(caps), st.permutations(caps))))
def test_a_total_does_not_depend_on_the_order_of_companies(orders):
    first, second = (of(with_caps(caps)) for caps in orders)
    assert first.equals(second)


@few_examples
@given(CAPS, st.sampled_from((2, 16, 1024)))
def test_totals_and_medians_grow_with_market_caps(caps, factor):
    grown = of(with_caps([None if cap is None else cap * factor for cap in caps]))
    columns = ["total_market_cap", "market_cap_median"]
    expected = of(with_caps(caps))[columns].astype(float) * factor
    assert grown[columns].astype(float).equals(expected)
