"""Small files of vendors, and what comes out of them, for tests of layouts."""

import datetime as dt

import pandas as pd

from bj_pipeline.sources import Delivery, layouts
from bj_pipeline_tests.sources.vendor_files import ONE_SESSION, file, openpyxl_xlsx

BASE, CLOSE = dt.date(2026, 2, 13), dt.date(2026, 2, 27)
MIDNIGHT = dt.datetime.combine(CLOSE, dt.time())
DAILY = ["ts_code", "trade_date", "close", "vol"]
BASIC = ["ts_code", "trade_date", "close", "total_share", "total_mv", "pe_ttm"]


def daily(*rows, name="daily.csv") -> Delivery:
    return file(name, [DAILY, *rows])


def quotes(code="920493.BJ", base="152.1", close="160.2"):
    return [[code, "20260213", base, "10"], [code, "20260227", close, "12"]]


def factors(*rows, name="adj_factor.csv"):
    return file(name, [["ts_code", "trade_date", "adj_factor"], *rows])


FACTORS = [["920493.BJ", "20260213", "1"], ["920493.BJ", "20260227", "1.4"]]


def read(table, *deliveries, issue=ONE_SESSION):
    return layouts.read(deliveries, table, issue)


def values(frame: pd.DataFrame, *columns) -> list[tuple]:
    """Rows as tuples, None where empty."""
    picked = frame[list(columns)].astype(object)
    return [tuple(None if pd.isna(cell) else cell for cell in row) for row in picked.to_numpy()]


def sheet(*rows, name="wind.xlsx"):
    return Delivery("", name, openpyxl_xlsx(rows))
