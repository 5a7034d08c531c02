"""Quantities are told from dates and names, and cells read as they are shown."""

import pandas as pd
import pytest

from bj_pipeline.issues import by_number
from bj_pipeline.report.proofreading import Known
from bj_pipeline.report.proofreading.quantities import quantities
from bj_pipeline.report.proofreading.read_workbook import shown
from bj_pipeline_tests.report.proofreading.planting import ISSUE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("达 5.16 万亿 Token，增长 25.2%", ["5.16万亿Token", "25.2%"]),
        ("10.19 万亿 Token/日", ["10.19万亿Token/日"]),
        ("2025 年 6 月，2 月 9—15 日，2025E", []),
        ("H100、GPT-4、5G 与 3D 打印", []),
        ("1,037.3 EFLOPS", ["1,037.3EFLOPS"]),
        ("涨幅为 -0.17%，区间 10~20 亿元", ["-0.17%", "20亿元"]),
    ],
)
def test_quantities_are_told_from_dates_and_names(text, expected):
    assert [one.printed for one in quantities(text)] == expected


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        (60.97499999999999, r"0.0\ \▲", "61.0 ▲"),
        (1.494, "+0.00;-0.00;0.00", "+1.49"),
        (-0.165, "+0.00;-0.00;0.00", "-0.17"),
        (0.0, "+0.00;-0.00;0.00", "0.00"),
        (46.0, "0", "46"),
        (2024.0, "General", "2024"),
        (1234567.8, "#,##0.0", "1,234,567.8"),
        (46080.0, "yyyy-mm-dd", "2026-02-27"),
        (-0.04, "0.0", "0.0"),
    ],
)
def test_a_cell_reads_as_a_spreadsheet_shows_it(value, form, expected):
    assert shown(value, form) == expected


def test_companies_without_a_figure_are_counted_as_left_out():
    companies = pd.DataFrame(
        {
            "code": ["1", "2", "3"],
            "sector": ["汽车", "汽车", None],
            "change": [0.1, None, None],
            "fiscal_year": [2024, None, 2025],
            "pe_ttm": [None, 3.0, 1.0],
            "pe_ttm_is_loss": [True, False, False],
            "pe_ttm_base": [None, 3.0, 1.0],
            "pe_ttm_base_is_loss": [False, False, False],
            "market_cap": [1.0, 1.0, 1.0],
            "market_cap_base": [1.0, None, 1.0],
        }
    )
    universe = pd.DataFrame({"code": ["1"], "name": ["甲"], "is_st": [True]})
    known = Known.of(by_number(ISSUE), universe, companies)
    assert known.uncounted["", "change", "companies"] == 1
    assert known.uncounted["汽车", "pe_ttm", "companies"] == 0
    assert known.uncounted["汽车", "pe_ttm", "companies_base"] == 1
    assert known.uncounted["汽车", "market_cap", "companies_base"] == 1
    assert known.st == {"1"}
    assert known.sectors == {"1": "汽车", "2": "汽车"}
    assert known.changes == {"1": 0.1}
    assert known.years == {"1": 2024, "3": 2025}
