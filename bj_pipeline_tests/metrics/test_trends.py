"""Trends over trailing issues."""

import pandas as pd

from bj_pipeline.issues import by_number, trailing
from bj_pipeline.metrics.trends import sector_trends


def figures(*rows):
    return pd.DataFrame(
        [
            {
                "issue": issue,
                "sector": sector,
                "companies": 1,
                "pe_ttm_median_base": pe_base,
                "pe_ttm_median": pe,
                "total_market_cap_base": 10 * pe_base,
                "total_market_cap": 10 * pe,
                "market_cap_median_base": 0.0,
                "market_cap_median": 0.0,
            }
            for issue, sector, pe_base, pe in rows
        ]
    )


def medians(sector_metrics, last=65, count=4, sectors=("甲",)):
    trend = sector_trends(sector_metrics, trailing(by_number(last), count), sectors)
    return trend.set_index(["trend_issue", "sector"])["pe_ttm_median"]


def test_issues_that_are_there_stand_in_order():
    found = medians(figures((65, "甲", 3.0, 4.0), (64, "甲", 2.0, 3.0), (63, "甲", 1.0, 2.0)))
    assert found.to_dict() == {
        (62, "甲"): 1.0,
        (63, "甲"): 2.0,
        (64, "甲"): 3.0,
        (65, "甲"): 4.0,
    }


def test_an_issue_that_was_not_built_is_a_gap():
    found = medians(figures((65, "甲", 3.0, 4.0)))
    assert found[63, "甲"] != found[63, "甲"]
    assert found[62, "甲"] != found[62, "甲"]


def test_the_week_before_a_lone_issue_is_known_from_its_base_date():
    found = medians(figures((65, "甲", 3.0, 4.0)))
    assert (found[64, "甲"], found[65, "甲"]) == (3.0, 4.0)


def test_an_issues_own_figure_is_not_replaced_by_the_next_ones_base_figure():
    found = medians(figures((64, "甲", 2.0, 2.9), (65, "甲", 3.0, 4.0)))
    assert found[64, "甲"] == 2.9


def test_a_sector_without_figures_has_a_row_all_the_same():
    found = medians(figures((65, "甲", 3.0, 4.0)), sectors=("甲", "乙"))
    assert found[65, "乙"] != found[65, "乙"]
    assert len(found) == 8
