"""What the UI shows of tables: rounded, in units that people read, never more than they can."""

import numpy as np
import pandas as pd
import pytest

from bj_pipeline.assets.metadata import table_preview
from bj_pipeline.warehouse import tables


def shown(name, **columns):
    (record,) = table_preview(name, pd.DataFrame({key: [v] for key, v in columns.items()})).records
    return record.data


@pytest.mark.parametrize(
    ("table", "column", "value", "header", "text"),
    [
        (tables.COMPANY_METRICS, "market_cap", 7_340_123_456.7, "market_cap, 亿元", 73.4),
        (tables.COMPANY_METRICS, "close", 152.10000000000002, "close, yuan", 152.1),
        (tables.COMPANY_METRICS, "change", 0.07123456, "change, %", 7.12),
        (tables.COMPANY_METRICS, "pe_ttm", -50.04999, "pe_ttm, ×", -50.0),
        (tables.RAW_VALUATIONS, "total_shares", 5.5e7, "total_shares, shares", 55_000_000),
        (tables.RAW_INDEX_QUOTES, "close", 1499.996, "close, points", 1500.0),
        (tables.RAW_QUOTES, "adj_factor", 1.0 / 3, "adj_factor", 0.3333),
    ],
)
def test_a_number_is_rounded_and_its_unit_stands_in_the_header(table, column, value, header, text):
    assert shown(table, **{column: value}) == {header: text}


def test_what_is_no_number_is_shown_as_it_is_and_a_missing_one_is_blank():
    row = shown(tables.COMPANY_METRICS, code="920493.BJ", revenue=np.nan)
    assert row == {"code": "920493.BJ", "revenue, 亿元": ""}


def test_a_drawing_is_not_shown_as_its_text():
    assert shown(tables.REPORT_FIGURES, figure="overview", svg="<svg/>") == {"figure": "overview"}
