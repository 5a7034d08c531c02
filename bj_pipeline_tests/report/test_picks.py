"""Picked announcements: of the issue's week, each once, and errors that name their line."""

from datetime import date

import pytest

from bj_pipeline.errors import DataError
from bj_pipeline.issues import by_number
from bj_pipeline.report.analyst_file import UNFILLED
from bj_pipeline.report.picks import Pick, load_picks

ISSUE = by_number(65)
PICKS = """\
date,code,name,category,text
2026-02-27,920493.BJ,并行科技,合同,"签订合同, 金额较大。"
2026-02-24,920002.BJ,万达轴承,分红,拟派现。
"""


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "065"
    path.mkdir()
    return path


def write(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")


def test_an_issue_without_picks_differs_from_one_whose_analyst_picked_nothing(folder):
    assert load_picks(folder, ISSUE) is None
    write(folder, "announcements.csv", PICKS.splitlines(keepends=True)[0])
    assert load_picks(folder, ISSUE) == ()


def test_picks_are_read_in_the_analysts_order(folder):
    write(folder, "announcements.csv", PICKS)
    assert load_picks(folder, ISSUE) == (
        Pick(date(2026, 2, 27), "920493.BJ", "并行科技", "合同", "签订合同, 金额较大。"),
        Pick(date(2026, 2, 24), "920002.BJ", "万达轴承", "分红", "拟派现。"),
    )


@pytest.mark.parametrize("day", ["2026-02-23", "2026-03-01"])
def test_a_pick_of_the_weeks_monday_or_sunday_belongs_to_the_issue(folder, day):
    write(folder, "announcements.csv", PICKS.replace("2026-02-27", day))
    picks = load_picks(folder, ISSUE)
    assert picks is not None
    assert picks[0].day == date.fromisoformat(day)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("date,code", "day,code", 1, "the columns are"),
        ("2026-02-27", "2026-02-22", 2, "2026-02-23 to 2026-03-01"),
        ("2026-02-27", "2026-03-02", 2, "week of issue 65"),
        ("2026-02-27", "2026-02-30", 2, "day of the calendar"),
        ("2026-02-27", "2026/2/27", 2, "YYYY-MM-DD"),
        ("2026-02-27", "20260227", 2, "YYYY-MM-DD"),
        ("920493.BJ", "920493", 2, "present code"),
        ("920493.BJ", "839493.BJ", 2, "bse_code_mapping.csv"),
        ("920493.BJ", "600000.SH", 2, "present code"),
        ("万达轴承", "", 3, "each row fills"),
        ("拟派现。", "拟派现,明日", 3, "in quotes"),
        ("拟派现。", '"拟派现', 3, "CSV"),
        ("拟派现。", UNFILLED, 3, UNFILLED),
        (
            "拟派现。\n",
            "拟派现。\n2026-02-24,920002.BJ,万达轴承,分红,拟派现。\n",
            4,
            "the same as line 3",
        ),
    ],
)
def test_a_fault_in_a_pick_is_named_with_its_line(folder, old, new, line, said):
    assert old in PICKS
    write(folder, "announcements.csv", PICKS.replace(old, new, 1))
    with pytest.raises(DataError) as caught:
        load_picks(folder, ISSUE)
    assert (caught.value.file, caught.value.row) == ("065/announcements.csv", line)
    assert said in str(caught.value)
