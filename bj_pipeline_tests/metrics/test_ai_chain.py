import pandas as pd

from bj_pipeline.metrics.ai_chain import ai_chain_metrics
from bj_pipeline.warehouse import tables

from .frames import BASE, CLOSE, code, companies, frame, valuations

A, B, C = code(1), code(2), code(3)


def chain(*rows):
    usual = {"segment": "算力基建", "description": "示例", "is_st": False}
    named = [{**usual, "name": row["code"][:6], **row} for row in rows]
    return frame(tables.AI_CHAIN_CLASSIFICATION, named)


def said(vendor, pe, on=CLOSE, company=A, **more):
    return {"code": company, "date": on, "vendor": vendor, "pe_ttm": pe, **more}


def table(classification, rows, *values):
    return ai_chain_metrics(classification, rows, valuations(*values), CLOSE, ["wind", "ifind"])


def test_st_companies_are_left_out():
    rows = companies({"code": A}, {"code": B})
    found = table(chain({"code": A, "is_st": True}, {"code": B}), rows)
    assert list(found["code"]) == [B]
    assert list(found.columns) == list(tables.columns(tables.AI_CHAIN_METRICS))


def test_the_table_has_its_own_preferred_vendor():
    rows = companies({"code": A, "pe_ttm": -198.44, "pe_ttm_vendor": "ifind", "market_cap": 32e8})
    row = table(chain({"code": A}), rows, said("ifind", -198.44), said("wind", 4088.2)).iloc[0]
    assert (row["pe_ttm"], row["pe_ttm_vendor"], row["market_cap"]) == (4088.2, "wind", 32e8)


def test_another_vendor_speaks_where_the_preferred_one_is_silent():
    row = table(chain({"code": A}), companies({"code": A}), said("ifind", 47.07)).iloc[0]
    assert (row["pe_ttm"], row["pe_ttm_vendor"]) == (47.07, "ifind")


def test_a_company_that_traded_is_not_given_last_weeks_pe():
    values = said("wind", 30.0, BASE), said("ifind", 33.0), said("wind", 50.0, BASE, B)
    rows = companies({"code": A}, {"code": B, "status": "suspended"})
    found = table(chain({"code": A}, {"code": B}), rows, *values)
    assert list(found["pe_ttm"]) == [33.0, 50.0]


def test_companies_outside_the_pool_stand_in_the_table():
    rows = companies({"code": A, "sector": None, "revenue": 4e8, "fiscal_year": 2024})
    row = table(chain({"code": A}), rows).iloc[0]
    assert (row["revenue"], row["fiscal_year"]) == (4e8, 2024)


def test_the_classifications_order_is_kept():
    rows = companies({"code": A}, {"code": B}, {"code": C})
    found = table(chain({"code": C}, {"code": A}, {"code": B}), rows)
    assert list(found["code"]) == [C, A, B]


def test_a_company_of_which_nothing_is_known_has_blanks():
    row = table(chain({"code": A}), companies()).iloc[0]
    assert row[["market_cap", "pe_ttm", "pe_ttm_vendor", "revenue"]].isna().all()
    assert row["fiscal_year"] is pd.NA
    assert not row["pe_ttm_is_loss"]
