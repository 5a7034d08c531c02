import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bj_pipeline.metrics.buckets import Bucket, bucket_counts
from bj_pipeline.warehouse import tables

from .frames import code, companies, few_examples

PE_EDGES = (None, 0, 20, 30, 50, 100, None)
PE_LABELS = ("<0", "0~20", "20~30", "30~50", "50~100", ">100")
CAP_EDGES = (None, 5e8, 10e8, 20e8, None)
CAP_LABELS = ("0~5", "5~10", "10~20", ">20")


def series(measure, labels, edges):
    return [
        Bucket(label, low, high, measure)
        for label, low, high in zip(labels, edges[:-1], edges[1:], strict=True)
    ]


PE = series("pe_ttm", PE_LABELS, PE_EDGES)
CAP = series("market_cap", CAP_LABELS, CAP_EDGES)
SECTORS = ("汽车", "新能源")


def bucket_of(buckets=PE, **figures):
    counts = bucket_counts(companies({"code": code(1), **figures}), ["汽车"], buckets)
    return list(counts.loc[counts["companies"] == 1, "bucket"])


@pytest.mark.parametrize(
    ("pe", "bucket"),
    [
        (-6.88, "<0"),
        (0.0, "0~20"),
        (19.999, "0~20"),
        (20.0, "20~30"),
        (99.99, "50~100"),
        (100.0, ">100"),
        (4088.2, ">100"),
    ],
)
def test_a_bucket_is_closed_on_the_left(pe, bucket):
    assert bucket_of(pe_ttm=pe) == [bucket]


@pytest.mark.parametrize(
    ("cap", "bucket"), [(4.99e8, "0~5"), (5e8, "5~10"), (10e8, "10~20"), (20e8, ">20")]
)
def test_a_market_cap_on_the_edge_is_in_the_upper_bucket(cap, bucket):
    assert bucket_of(CAP, market_cap=cap) == [bucket]


def test_a_documented_loss_is_below_zero():
    assert bucket_of(pe_ttm_is_loss=True) == ["<0"]


def test_a_missing_figure_is_in_no_bucket():
    assert bucket_of(pe_ttm=None) == []
    assert bucket_of(CAP, market_cap=None) == []


def test_every_sector_and_bucket_has_a_row_in_the_order_given():
    counts = bucket_counts(companies({"code": code(1), "pe_ttm": 25.0}), SECTORS, [*PE, *CAP])
    assert list(counts.columns) == list(tables.columns(tables.BUCKET_COUNTS))
    assert list(counts["sector"].unique()) == list(SECTORS)
    assert list(counts.loc[counts["sector"] == "新能源", "bucket"]) == [*PE_LABELS, *CAP_LABELS]
    assert counts["companies"].sum() == 1


def test_both_dates_are_counted_on_the_same_companies():
    rows = companies({"code": code(1), "pe_ttm_base": 19.0, "pe_ttm": 21.0})
    counts = bucket_counts(rows, ["汽车"], PE).set_index("bucket")
    assert counts.loc["0~20", ["companies_base", "companies"]].tolist() == [1, 0]
    assert counts.loc["20~30", ["companies_base", "companies"]].tolist() == [0, 1]


@pytest.mark.parametrize("outside", [None, ""])
def test_companies_outside_the_pool_are_not_counted(outside):
    rows = companies({"code": code(1), "sector": outside, "pe_ttm": 25.0})
    assert bucket_counts(rows, SECTORS, PE)["companies"].sum() == 0


COMPANY = st.fixed_dictionaries(
    {
        "sector": st.sampled_from((*SECTORS, None)),
        "pe_ttm": st.one_of(st.none(), st.floats(-500, 500)),
        "market_cap": st.one_of(st.none(), st.integers(1, 60).map(lambda tenths: tenths * 1e8)),
    }
)
POOLS = st.lists(COMPANY, min_size=1, max_size=12).map(
    lambda rows: companies(*({"code": code(i), **row} for i, row in enumerate(rows)))
)


@few_examples
@given(POOLS)
def test_buckets_split_the_pool_without_gap_or_overlap(rows):
    counts = bucket_counts(rows, SECTORS, [*PE, *CAP]).groupby("measure")["companies"].sum()
    for measure in ("pe_ttm", "market_cap"):
        assert counts[measure] == rows.loc[rows["sector"].notna(), measure].notna().sum()


@few_examples
@given(POOLS, st.sampled_from((2, 8, 1024)))
def test_counts_do_not_depend_on_the_unit_of_money(rows, factor):
    scaled = rows.assign(market_cap=pd.to_numeric(rows["market_cap"]) * factor)
    edges = [None if edge is None else edge * factor for edge in CAP_EDGES]
    expected = bucket_counts(rows, SECTORS, CAP)
    found = bucket_counts(scaled, SECTORS, series("market_cap", CAP_LABELS, edges))
    pd.testing.assert_frame_equal(found, expected)
