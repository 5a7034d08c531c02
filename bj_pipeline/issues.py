"""Issue numbers and their weeks.

An issue is one edition of the report: an ISO week with at least one session of the exchange
(calendar XSHG, which the Beijing exchange follows). ``reference/issues.csv`` is the only truth at
run time, so that the webserver, the daemon and the run workers never disagree; the calendar is
read only by :func:`extend`, which appends rows to it. Nothing here asks what day it is.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from bj_pipeline import folders, given
from bj_pipeline.errors import CalendarError, DataError

ISSUES_FILE = Path(__file__).parent / "reference" / "issues.csv"
OVERRIDES_FILE = Path(__file__).parent / "reference" / "issue_overrides.csv"
FIRST_WEEK = date(2024, 11, 25)
COLUMNS = ("number", "week", "first_session", "last_session", "base_date", "sessions")
OVERRIDE_COLUMNS = ("week", "action", "number", "reason")
_SATURDAY = 6
_SUNDAY = 7


@dataclass(frozen=True, slots=True)
class Issue:
    """One edition and the trading week it reports on.

    Attributes:
        number: 1, 2, …; as text it is the Dagster partition key.
        week: ISO week, such as ``2026-W09`` (the first of them where weeks were merged).
        sessions: The week's trading days, in order; at least one.
        base_date: The last session before the week's first one.
    """

    number: int
    week: str
    sessions: tuple[date, ...]
    base_date: date

    @property
    def key(self) -> str:
        """The partition key."""
        return str(self.number)

    @property
    def first_session(self) -> date:
        """The week's first trading day."""
        return self.sessions[0]

    @property
    def close_date(self) -> date:
        """The week's last trading day."""
        return self.sessions[-1]

    @property
    def issue_date(self) -> date:
        """The date printed on the report: the Sunday that ends the week."""
        return self.close_date + timedelta(days=_SUNDAY - self.close_date.isoweekday())

    @property
    def publication_date(self) -> date:
        """The Monday on which the report goes out."""
        return self.issue_date + timedelta(days=1)

    @property
    def folder(self) -> str:
        """Name of the issue's folders: ``issue-065``."""
        return f"issue-{self.number:03d}"


def iso_week(day: date) -> str:
    """The ISO week of a day: 2024-12-30 is in ``2025-W01``."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


def load(path: Path = ISSUES_FILE) -> tuple[Issue, ...]:
    """Read and validate the list of issues.

    Args:
        path: A CSV with the columns of :data:`COLUMNS`; ``sessions`` are dates split by blanks.

    Raises:
        DataError: A row is malformed, out of order, or contradicts itself.
    """
    issues: list[Issue] = []
    remedy = "Restore the file with `bj-pipeline issues extend`."
    for line, row in _rows(path, COLUMNS, remedy):
        issues.append(_issue_from_row(path.name, line, row, issues))
    return tuple(issues)


def _rows(
    path: Path, columns: tuple[str, ...], remedy: str
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and cells by column of each row of one of the two lists."""
    rows = given.rows(path.name, given.read_text(path, remedy))
    _, header = next(rows, (1, []))
    if tuple(header) != columns:
        found = ", ".join(header) or "an empty file"
        raise DataError(path.name, f"the columns are {', '.join(columns)}", remedy, 1, found)
    for line, cells in rows:
        if len(cells) != len(columns):
            rule = f"a row has {len(columns)} cells"
            raise DataError(path.name, rule, "Quote text that holds a comma.", line)
        yield line, dict(zip(columns, cells, strict=True))


def _issue_from_row(name: str, line: int, row: dict[str, str], before: Sequence[Issue]) -> Issue:
    remedy = "Rows are only ever appended, by `bj-pipeline issues extend`; restore the file."
    try:
        issue = Issue(
            number=int(row["number"]),
            week=row["week"],
            sessions=tuple(date.fromisoformat(day) for day in row["sessions"].split()),
            base_date=date.fromisoformat(row["base_date"]),
        )
        ends = (date.fromisoformat(row["first_session"]), date.fromisoformat(row["last_session"]))
    except (TypeError, ValueError) as error:
        rule = "number is a whole number and dates are YYYY-MM-DD"
        raise DataError(name, rule, remedy, line, str(error)) from error
    if not issue.sessions or ends != (issue.first_session, issue.close_date):
        rule = "first_session and last_session are the ends of sessions"
        raise DataError(name, rule, remedy, line, row["sessions"])
    if sorted(set(issue.sessions)) != list(issue.sessions):
        raise DataError(name, "sessions are in order and unique", remedy, line, row["sessions"])
    if iso_week(issue.first_session) != issue.week:
        raise DataError(name, "week is the ISO week of first_session", remedy, line, issue.week)
    if issue.base_date >= issue.first_session:
        rule = "base_date lies before first_session"
        raise DataError(name, rule, remedy, line, row["base_date"])
    if before and (issue.number <= before[-1].number or issue.base_date < before[-1].close_date):
        rule = "numbers and weeks increase from row to row"
        raise DataError(name, rule, remedy, line, f"{row['number']}, base date {row['base_date']}")
    return issue


@cache
def all_issues() -> tuple[Issue, ...]:
    """Every issue that the committed list knows, closed or not, in order."""
    return load()


def by_number(number: int | str) -> Issue:
    """The issue of that number (or partition key).

    Raises:
        CalendarError: There is no such issue, or it lies past the calendar's horizon.
    """
    issues = all_issues()
    last = issues[-1]
    if str(number).isdecimal():
        at = bisect_left(issues, int(number), key=lambda issue: issue.number)
        if at < len(issues) and issues[at].key == str(number):
            return issues[at]
    if str(number).isdigit() and int(number) > last.number:
        raise CalendarError(
            f"Issue {number} lies past the calendar's horizon: the list of issues ends with "
            f"{last.number} ({last.close_date}). Upgrade exchange-calendars, "
            "then run `bj-pipeline issues extend`."
        )
    raise CalendarError(
        f"There is no issue {number}: issues are numbered {issues[0].number} to {last.number}."
    )


def by_date(day: date) -> Issue | None:
    """The issue whose week holds that day; None for a week without sessions.

    Raises:
        CalendarError: The day lies before issue 1 or past the calendar's horizon.
    """
    issues = all_issues()
    first, last = issues[0], issues[-1]
    monday = day - timedelta(days=day.weekday())
    if day < first.first_session - timedelta(days=first.first_session.weekday()):
        raise CalendarError(f"{day} lies before issue {first.number} ({first.first_session}).")
    if monday > last.close_date:
        raise CalendarError(
            f"{day} lies past the calendar's horizon: the list of issues ends with "
            f"{last.number} ({last.close_date}). Upgrade exchange-calendars, "
            "then run `bj-pipeline issues extend`."
        )
    issue = issues[bisect_left(issues, monday, key=lambda issue: issue.close_date)]
    first_monday = issue.first_session - timedelta(days=issue.first_session.weekday())
    return issue if first_monday <= monday else None


def trailing(issue: Issue, count: int) -> tuple[Issue, ...]:
    """The ``count`` issues that end with this one (fewer at the series' start)."""
    upto = [other for other in all_issues() if other.number <= issue.number]
    return tuple(upto[-count:])


@dataclass(frozen=True, slots=True)
class Override:
    """One correction of the calendar's weeks.

    Attributes:
        week: ISO week that it speaks of.
        action: ``skip`` (no issue), ``merge`` (its sessions join the next issue) or
            ``renumber`` (numbering goes on from ``number``).
        number: For ``renumber``.
        reason: Why, for the next reader.
    """

    week: str
    action: str
    number: int | None
    reason: str


def load_overrides(path: Path = OVERRIDES_FILE) -> dict[str, Override]:
    """Read the overrides (columns ``week``, ``action``, ``number``, ``reason``), by week.

    Raises:
        DataError: An unknown action, a week given twice, or a renumbering without a number.
    """
    overrides: dict[str, Override] = {}
    for line, row in _rows(path, OVERRIDE_COLUMNS, "Correct the header."):
        number = int(row["number"]) if row["number"].isdecimal() else None
        override = Override(row["week"], row["action"], number, row["reason"])
        remedy = "Correct the row."
        if override.action not in {"skip", "merge", "renumber"}:
            rule = "action is skip, merge or renumber"
            raise DataError(path.name, rule, remedy, line, override.action)
        if (override.action == "renumber") != (number is not None):
            rule = "number is given for renumber, and only for it"
            raise DataError(path.name, rule, remedy, line, row["number"] or "a blank")
        if override.week in overrides:
            raise DataError(path.name, "a week stands once", remedy, line, override.week)
        overrides[override.week] = override
    return overrides


def from_sessions(sessions: Sequence[date], overrides: dict[str, Override]) -> Iterator[Issue]:
    """Turn trading days into issues, numbered from 1 at :data:`FIRST_WEEK`.

    Args:
        sessions: All trading days in order, from at least one before :data:`FIRST_WEEK`.
        overrides: Weeks to skip, merge or renumber.
    """
    weeks: dict[str, list[date]] = {}
    for day in sessions:
        if day >= FIRST_WEEK:
            weeks.setdefault(iso_week(day), []).append(day)
    base_date = max(day for day in sessions if day < FIRST_WEEK)
    number = 1
    carried: list[date] = []
    for week, days in weeks.items():
        override = overrides.get(week)
        if override is not None and override.action == "merge":
            carried += days
            continue
        if override is not None and override.action == "skip":
            base_date = days[-1]
            continue
        if override is not None and override.number is not None:
            number = override.number
        covered = (*carried, *days)
        yield Issue(number, iso_week(covered[0]), covered, base_date)
        carried, base_date, number = [], days[-1], number + 1


def calendar_sessions() -> list[date]:
    """Trading days of the exchange up to the calendar's horizon, whole weeks only."""
    import exchange_calendars  # noqa: PLC0415 - slow, and only this command needs it

    calendar = exchange_calendars.get_calendar("XSHG")
    horizon = calendar.bound_max() or calendar.last_session
    days = exchange_calendars.get_calendar("XSHG", end=horizon).sessions
    known = [day.date() for day in days if day.date() >= FIRST_WEEK - timedelta(days=30)]
    # A horizon on a Thursday would cut the last week: its Friday may still be a session.
    last = horizon.date()
    monday = last - timedelta(days=last.weekday())
    whole = last.isoweekday() >= _SATURDAY - 1
    return known if whole else [day for day in known if day < monday]


def extend(path: Path = ISSUES_FILE, overrides: Path = OVERRIDES_FILE) -> int:
    """Append the issues that the calendar knows and the list does not; return how many.

    Raises:
        CalendarError: The calendar contradicts a row that is already published.
    """
    known = load(path) if path.exists() else ()
    computed = list(from_sessions(calendar_sessions(), load_overrides(overrides)))
    for old, new in zip(known, computed, strict=False):
        if old != new:
            raise CalendarError(
                f"{path.name} says that issue {old.number} is {old.week} with "
                f"{len(old.sessions)} sessions, the calendar says issue {new.number} is {new.week} "
                f"with {len(new.sessions)}. Published rows never change: add a row to "
                f"{overrides.name} that explains the difference."
            )
    added = computed[len(known) :]
    lines = [",".join(_row(issue)) for issue in (*known, *added)]
    folders.write(path, "\n".join([",".join(COLUMNS), *lines, ""]).encode())
    return len(added)


def _row(issue: Issue) -> tuple[str, ...]:
    return (
        issue.key,
        issue.week,
        issue.first_session.isoformat(),
        issue.close_date.isoformat(),
        issue.base_date.isoformat(),
        " ".join(day.isoformat() for day in issue.sessions),
    )
