"""Real weeks of the exchange, read from the vendor's files into the columns of the raw tables.

The files are not part of the repository; tests that need them are skipped where they are absent.
"""

from pathlib import Path

import pandas as pd
import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"
MARKET = SHARED / "market"
GOLDEN = SHARED / "golden"
REFERENCE = SHARED / "reference"

needs_market = pytest.mark.skipif(
    not MARKET.is_dir(), reason="real market data are not beside the repository (../shared/market)"
)


def read(path):
    return pd.read_csv(path, dtype={"trade_date": str, "list_date": str, "end_date": str})


def present_codes(codes):
    pairs = pd.read_csv(REFERENCE / "bse_code_mapping.csv", dtype=str)
    new = dict(zip(pairs["old_code"] + ".BJ", pairs["new_code"] + ".BJ", strict=True))
    return codes.map(lambda code: new.get(code, code))


def quotes(issue):
    folder = MARKET / f"issue_{issue:03d}"
    on = ["ts_code", "trade_date"]
    rows = read(folder / "daily.csv").merge(read(folder / "adj_factor.csv"), on=on, how="left")
    return pd.DataFrame(
        {
            "code": present_codes(rows["ts_code"]),
            "date": pd.to_datetime(rows["trade_date"]).dt.date,
            "vendor_code": rows["ts_code"],
            "close": rows["close"],
            "adj_factor": rows["adj_factor"],
            "volume": rows["vol"] * 100,
            "source_file": "daily.csv",
        }
    )


def index_quotes(issue):
    rows = read(MARKET / f"issue_{issue:03d}" / "index_daily.csv")
    return pd.DataFrame(
        {
            "code": rows["ts_code"],
            "date": pd.to_datetime(rows["trade_date"]).dt.date,
            "close": rows["close"],
            "source_file": "index_daily.csv",
        }
    )


def valuations():
    rows = read(MARKET / "issue_065" / "daily_basic.csv")
    return pd.DataFrame(
        {
            "code": rows["ts_code"],
            "date": pd.to_datetime(rows["trade_date"]).dt.date,
            "vendor": "tushare",
            "vendor_code": rows["ts_code"],
            "total_shares": rows["total_share"] * 1e4,
            "market_cap": rows["total_mv"] * 1e4,
            "pe_ttm": rows["pe_ttm"],
            "pe_ttm_is_loss": rows["pe_ttm"].isna(),
            "source_file": "daily_basic.csv",
        }
    )


def financials():
    rows = read(MARKET / "issue_065" / "income.csv")
    return pd.DataFrame(
        {
            "code": rows["ts_code"],
            "fiscal_year": rows["end_date"].str[:4].astype(int),
            "vendor_code": rows["ts_code"],
            "revenue": rows["total_revenue"],
            "net_profit": rows["n_income_attr_p"],
            "published": None,
            "source_file": "income.csv",
        }
    )


def universe():
    """The pool of issue 65, and every other listed company outside it."""
    listings = read(MARKET / "issue_065" / "stock_basic.csv")
    pool = pd.read_csv(REFERENCE / "pool.csv")
    companies = pd.DataFrame(
        {
            "code": listings["ts_code"],
            "name": listings["name"],
            "is_st": False,
            "listed": pd.to_datetime(listings["list_date"]).dt.date,
        }
    ).merge(pool[["code", "name", "sector", "basis"]], on="code", how="left")
    names = companies["name_y"].fillna(companies["name_x"])
    return companies.assign(name=names).drop(columns=["name_x", "name_y"])


def golden(name):
    return pd.read_csv(GOLDEN / f"issue_065_{name}.csv")
