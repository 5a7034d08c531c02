"""Numbers and weeks."""

from datetime import date

import pytest

from bj_pipeline import issues
from bj_pipeline.errors import CalendarError, DataError


def test_issue_65_is_the_week_after_spring_festival_2026():
    issue = issues.by_number(65)
    assert issue.week == "2026-W09"
    assert issue.sessions == tuple(date(2026, 2, day) for day in (24, 25, 26, 27))
    assert (issue.base_date, issue.close_date) == (date(2026, 2, 13), date(2026, 2, 27))
    assert (issue.issue_date, issue.publication_date) == (date(2026, 3, 1), date(2026, 3, 2))


def test_the_series_begins_with_the_week_of_2024_11_25():
    assert issues.by_number(1).first_session == date(2024, 11, 25)


def test_a_week_without_a_session_has_no_issue():
    assert issues.by_date(date(2026, 2, 18)) is None
    assert "2026-W08" not in {issue.week for issue in issues.all_issues()}


def test_issue_10_is_a_week_of_one_session():
    assert issues.by_number(10).sessions == (date(2025, 1, 27),)


def test_national_day_2025_parts_two_short_weeks():
    assert issues.by_number(45).sessions == (date(2025, 9, 29), date(2025, 9, 30))
    assert issues.by_number(46).sessions == (date(2025, 10, 9), date(2025, 10, 10))
    assert issues.by_number(46).base_date == date(2025, 9, 30)


def test_the_last_days_of_2024_belong_to_the_first_iso_week_of_2025():
    assert issues.iso_week(date(2024, 12, 30)) == "2025-W01"
    found = issues.by_date(date(2024, 12, 30))
    assert found is not None
    assert found.week == "2025-W01"


@pytest.mark.parametrize("number", [1, 10, 45, 46, 65])
def test_a_week_and_its_number_lead_to_each_other(number):
    issue = issues.by_number(number)
    for day in issue.sessions:
        assert issues.by_date(day) == issue
    assert issues.by_number(issue.key) == issue


def test_every_issue_starts_from_the_close_of_the_one_before():
    before = None
    for issue in issues.all_issues():
        if before is not None:
            assert issue.base_date == before.close_date
            assert issue.number == before.number + 1
        before = issue


def test_past_the_calendars_horizon_the_error_says_so():
    with pytest.raises(CalendarError, match=r"past the calendar's horizon.*issues extend"):
        issues.by_number(9999)
    with pytest.raises(CalendarError, match="past the calendar's horizon"):
        issues.by_date(date(2050, 1, 3))


@pytest.mark.parametrize("number", ["0", "-1", "x", ""])
def test_a_number_that_never_was_is_refused(number):
    with pytest.raises(CalendarError, match="There is no issue"):
        issues.by_number(number)


def test_a_day_before_the_series_is_refused():
    with pytest.raises(CalendarError, match="before issue 1"):
        issues.by_date(date(2024, 11, 22))


def test_trailing_issues_end_with_the_issue_itself():
    assert [issue.number for issue in issues.trailing(issues.by_number(65), 3)] == [63, 64, 65]
    assert [issue.number for issue in issues.trailing(issues.by_number(2), 13)] == [1, 2]


def test_the_committed_list_is_what_the_calendar_gives(tmp_path):
    path = tmp_path / "issues.csv"
    assert issues.extend(path) > 100
    computed, committed = issues.load(path), issues.load()
    shared = min(len(computed), len(committed))
    assert computed[:shared] == committed[:shared]


def test_extending_an_up_to_date_list_changes_nothing(tmp_path):
    path = tmp_path / "issues.csv"
    issues.extend(path)
    before = path.read_bytes()
    assert issues.extend(path) == 0
    assert path.read_bytes() == before


def test_a_published_row_that_the_calendar_contradicts_stops_the_extension(tmp_path):
    path = tmp_path / "issues.csv"
    issues.extend(path)
    lines = path.read_text().splitlines()
    cells = lines[1].split(",")
    days = cells[5].split()
    lines[1] = ",".join([*cells[:3], days[-2], cells[4], " ".join(days[:-1])])
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(CalendarError, match="Published rows never change"):
        issues.extend(path)


def _extended(tmp_path, rows):
    overrides = tmp_path / "overrides.csv"
    overrides.write_text("week,action,number,reason\n" + rows, encoding="utf-8")
    path = tmp_path / "issues.csv"
    issues.extend(path, overrides)
    return {issue.week: issue for issue in issues.load(path)}


def test_an_override_skips_a_week(tmp_path):
    found = _extended(tmp_path, "2025-W05,skip,,one session only\n")
    assert "2025-W05" not in found
    assert found["2025-W06"].number == 10
    assert found["2025-W06"].base_date == date(2025, 1, 27)


def test_an_override_merges_a_week_into_the_next(tmp_path):
    merged = _extended(tmp_path, "2025-W05,merge,,one session only\n")["2025-W05"]
    assert merged.sessions[0] == date(2025, 1, 27)
    assert merged.close_date == date(2025, 2, 7)
    assert merged.base_date == date(2025, 1, 24)


def test_an_override_renumbers_from_a_week_on(tmp_path):
    found = _extended(tmp_path, "2025-W06,renumber,100,a new series\n")
    assert (found["2025-W05"].number, found["2025-W06"].number) == (10, 100)
    assert found["2025-W07"].number == 101


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("2025-W05,forget,,x", "action is skip, merge or renumber"),
        ("2025-W05,renumber,,x", "number is given for renumber"),
        ("2025-W05,skip,3,x", "number is given for renumber"),
        ("2025-W05,skip,,x\n2025-W05,merge,,y", "a week stands once"),
    ],
)
def test_a_wrong_override_names_file_line_and_rule(tmp_path, row, rule):
    overrides = tmp_path / "overrides.csv"
    overrides.write_text(f"week,action,number,reason\n{row}\n", encoding="utf-8")
    with pytest.raises(DataError, match=rule) as caught:
        issues.load_overrides(overrides)
    assert str(caught.value).startswith("overrides.csv, line ")


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("number,week", "nr,week", "the columns are"),
        ("65,2026-W09", "x,2026-W09", "number is a whole number"),
        ("65,2026-W09", "65,2026-W10", "week is the ISO week"),
        ("65,2026-W09", "64,2026-W09", "numbers and weeks increase"),
        ("2026-02-24,2026-02-27,", "2026-02-24,2026-02-26,", "ends of sessions"),
        ("2026-02-27,2026-02-13,", "2026-02-27,2026-02-24,", "base_date lies before"),
        ("2026-02-25 2026-02-26", "2026-02-26 2026-02-25", "in order and unique"),
    ],
)
def test_a_damaged_list_of_issues_names_the_line_and_the_rule(tmp_path, old, new, rule):
    text = issues.ISSUES_FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "issues.csv"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DataError, match=rule) as caught:
        issues.load(path)
    assert caught.value.row is not None
