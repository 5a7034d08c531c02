"""Small raw tables for tests: only what a test speaks of is written out."""

from datetime import date

import pandas as pd
from hypothesis import settings

from bj_pipeline.metrics.company import company_metrics
from bj_pipeline.warehouse import tables

BEFORE = date(2026, 2, 12)
BASE = date(2026, 2, 13)
TUESDAY = date(2026, 2, 24)
THURSDAY = date(2026, 2, 26)
CLOSE = date(2026, 2, 27)
AFTER = date(2026, 3, 2)
LONG_AGO = date(2021, 11, 15)
VENDORS = ("ifind", "tushare")

# Building a frame takes a millisecond or more, and a busy machine must not fail a test.
few_examples = settings(max_examples=40, deadline=None)


def code(number):
    return f"{929000 + number}.BJ"


def frame(name, rows):
    columns = list(tables.columns(name))
    return pd.DataFrame([{**dict.fromkeys(columns), **row} for row in rows], columns=columns)


def universe(*companies):
    """Companies as (code, sector, listed); sector and listed may be left out."""
    rows = []
    for company in companies:
        name, sector, listed = (*company, *("汽车", LONG_AGO)[len(company) - 1 :])
        rows.append({"code": name, "name": name[:6], "sector": sector, "listed": listed})
    return frame(tables.COMPANY_UNIVERSE, [{"is_st": False, "basis": "sample", **r} for r in rows])


def quotes(*rows):
    """Quotes as (code, date, close, adj_factor); without factor it is 1."""
    names = ("code", "date", "close", "adj_factor")
    full = [row if len(row) == len(names) else (*row, 1.0) for row in rows]
    return frame(tables.RAW_QUOTES, [dict(zip(names, row, strict=True)) for row in full])


def valuations(*rows):
    return frame(tables.RAW_VALUATIONS, [{"pe_ttm_is_loss": False, **row} for row in rows])


def financials(*rows):
    return frame(tables.RAW_FINANCIALS, rows)


def companies(*rows):
    """Company metrics as such, in the pool and trading unless a row says otherwise."""
    usual = {"sector": "汽车", "status": "trading"}
    flags = {"pe_ttm_is_loss": False, "pe_ttm_base_is_loss": False}
    named = [{**usual, **flags, "name": row["code"][:6], **row} for row in rows]
    return frame(tables.COMPANY_METRICS, named)


def assembled(who, prices, values=(), accounts=(), vendors=VENDORS):
    return company_metrics(
        who,
        prices,
        valuations(*values),
        financials(*accounts),
        base_date=BASE,
        close_date=CLOSE,
        vendors=vendors,
    ).set_index("code")
