import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from bj_pipeline.metrics.rankings import movers
from bj_pipeline.warehouse import tables

from .frames import code, companies, few_examples


def moved(number, change, sector="汽车"):
    return {"code": code(number), "change": change, "sector": sector}


def ranking(rows, sector="全部"):
    return list(rows.loc[rows["sector"] == sector, "code"])


def test_the_largest_change_is_first():
    rows = movers(companies(moved(1, -0.1), moved(2, 0.3), moved(3, 0.2)), 2)
    assert ranking(rows) == [code(2), code(3)]
    assert list(rows.columns) == list(tables.columns(tables.MOVERS))
    assert list(rows["rank"]) == [1, 2, 1, 2]


def test_equal_changes_are_ranked_by_code():
    rows = movers(companies(moved(3, 0.2), moved(1, 0.2), moved(2, 0.2)), 2)
    assert ranking(rows) == [code(1), code(2)]


def test_changes_that_print_alike_are_ranked_by_what_they_are():
    assert ranking(movers(companies(moved(1, 0.13611), moved(2, 0.13614)), 2)) == [code(2), code(1)]


def test_every_sector_has_its_own_ranking():
    rows = movers(companies(moved(1, 0.1), moved(2, 0.3, "新能源"), moved(3, 0.2)), 10)
    assert ranking(rows, "汽车") == [code(3), code(1)]
    assert ranking(rows, "新能源") == [code(2)]
    assert list(rows["sector"].unique()) == ["全部", "新能源", "汽车"]


def test_companies_without_change_or_sector_are_left_out():
    rows = movers(companies(moved(1, None), moved(2, 0.3, None), moved(3, 0.3, "")), 10)
    assert rows.empty
    assert list(rows.columns) == list(tables.columns(tables.MOVERS))


CHANGES = st.lists(st.one_of(st.none(), st.sampled_from((-0.3, 0.0, 0.1, 0.3))), max_size=8)


@few_examples
@given(CHANGES.flatmap(lambda c: st.permutations([moved(i, x) for i, x in enumerate(c)])))
def test_the_order_of_rows_changes_no_rank(rows):
    ordered = sorted(rows, key=lambda row: row["code"])
    pd.testing.assert_frame_equal(movers(companies(*rows), 3), movers(companies(*ordered), 3))
