import math

import pandas as pd
import pytest

from bj_pipeline.metrics.arithmetic import change, median, total
from bj_pipeline.report.rounding import display


def test_the_median_of_two_figures_prints_as_their_mean_does_by_hand():
    assert sum((20.04, 20.06)) / 2 != 20.05
    assert median(pd.Series([20.06, 20.04])) == 20.05
    assert display(median(pd.Series([20.04, 20.06])), 1) == "20.1"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0, 1.0, 2.0], 2.0),
        ([None, 1.0, 2.0], 1.5),
        ([-math.inf, -math.inf, 4.0], -math.inf),
        ([-math.inf, 4.0, 5.0], 4.0),
    ],
)
def test_a_median_leaves_blanks_out_and_ranks_unknown_losses_lowest(values, expected):
    assert median(pd.Series(values, dtype=float)) == expected


def test_nothing_has_no_median():
    assert math.isnan(median(pd.Series([None, None], dtype=float)))


def test_a_change_prints_as_it_does_by_hand_be_it_of_prices_or_of_totals():
    assert 8.01 / 8.00 - 1 != 0.00125
    assert change(8.01 / 8.00) == change(pd.Series([8.01 / 8.00])).item() == 0.00125
    assert math.copysign(1, change(1 - 2**-52)) == 1


def test_a_total_is_in_whole_fen_and_does_not_depend_on_the_order():
    amounts = [1_234_499_999.33, 0.33, 0.34, 11_110_500_000.0] * 3
    assert total(amounts) == total(reversed(amounts)) == 37_035_000_000.0


def test_amounts_that_are_all_unknown_have_no_total():
    assert math.isnan(total([math.nan, math.nan]))
    assert total([math.nan, 2.5]) == 2.5
    assert total([]) == 0
