"""The source ``inbox``: files that somebody dropped into a folder, and that have landed since.

What belongs here: of which issues a file speaks, the index of what arrived through the inbox, and
the source that delivers it. What does not: the folder itself and who asks for runs
(``automation.inbox_sensor``), and what a file means (``layouts``).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import text

from bj_pipeline.errors import DataError, MissingDataError, NotYetAvailableError
from bj_pipeline.issues import Issue, all_issues, iso_week
from bj_pipeline.sources import Delivery
from bj_pipeline.sources.landing import Landing
from bj_pipeline.sources.views import Layout
from bj_pipeline.warehouse import tables

NAME = "inbox"

_VIA = {"via": NAME}
_WITHDRAWN = "withdrawn"
_STRAY_SHARE = 0.1
"""Days with fewer rows than this share of the busiest day are a suspended company's last price."""


_INDEX = tables.table(tables.LANDING)
_ARRIVALS = text(
    f"SELECT sha256, name, parameters, confirmed_at FROM {_INDEX.name} "  # noqa: S608 - our own name
    "WHERE vendor = '' AND interface = '' AND parameters LIKE :via "
    "ORDER BY confirmed_at DESC, arrival"
).columns(_INDEX.c.sha256, _INDEX.c.name, _INDEX.c.parameters, _INDEX.c.confirmed_at)
"""Asked at every tick of the inbox, of a new engine: as text, which need not be put together."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A landed inbox file, as the landing's index knows it.

    Attributes:
        sha256: Content address.
        name: File name.
        issues: Issues whose week it reports on.
        base_for: Issues of which it holds the base date alone: they read it, but do not ask for it.
        feeds: Raw tables that it feeds.
        at: When these bytes last came under this name (UTC, without zone).
        is_withdrawn: Whether nothing came, but what had come under this name was withdrawn.
    """

    sha256: str
    name: str
    issues: frozenset[int]
    base_for: frozenset[int]
    feeds: frozenset[str]
    at: datetime
    is_withdrawn: bool = False

    @property
    def is_dated(self) -> bool:
        """Whether its days say to which issues it belongs; listings and accounts have none."""
        return bool(self.issues or self.base_for)

    def serves(self, issue: int) -> bool:
        """Whether the issue reads it for what it says of days."""
        return issue in self.issues or issue in self.base_for


@dataclass(frozen=True)
class InboxSource:
    """Whatever came through the inbox, out of the landing.

    Attributes:
        landing: Where it lies.
        name: Name of the source.
        pool_file: None: it speaks of the curated pool.
    """

    landing: Landing
    name: str = NAME
    pool_file: Path | None = None

    def remarks(self) -> tuple[str, ...]:
        """Nothing: a refused file never lands, and its reason lies beside it."""
        return ()

    def deliver(self, issue: Issue, table: str) -> Sequence[Delivery]:
        """Landed files that serve the issue and feed the table, the newest first.

        Raises:
            NotYetAvailableError: Nobody has brought the issue's quotes.
            MissingDataError: The bytes of one are gone.
            DataError: The bytes of one have changed.
        """
        known = arrivals(self.landing)
        dated = serving(known, issue.number)
        if table == tables.RAW_QUOTES and not any(
            issue.number in arrival.issues and table in arrival.feeds for arrival in dated
        ):
            raise NotYetAvailableError(
                f"No file with quotes of issue {issue.number} ({issue.first_session} to "
                f"{issue.close_date}) has come through the inbox. Put it into BJ_HOME/inbox."
            )
        wanted = [*dated, *without_days(known)]
        wanted.sort(key=lambda arrival: arrival.at, reverse=True)
        return [self._delivery(arrival) for arrival in wanted if table in arrival.feeds]

    def _delivery(self, arrival: Arrival) -> Delivery:
        found = self.landing.named(arrival.sha256, arrival.name)
        if found is None:
            raise MissingDataError(
                f"{arrival.name} came through the inbox, but is in the landing no more. "
                "Put it into the inbox again."
            )
        return found


def arrivals(landing: Landing) -> list[Arrival]:
    """Everything that came through the inbox, the newest first; reads the index, not the files."""
    with landing.warehouse.engine.connect() as connection:
        rows = connection.execute(_ARRIVALS, {"via": f"%{json.dumps(_VIA)[1:-1]}%"}).all()
    return [_arrival(*row) for row in rows]


def in_force(known: Sequence[Arrival]) -> list[Arrival]:
    """Files that some issue reads, or every one, the newest first."""
    read = {id(file) for file in without_days(known)}
    for number in {number for file in known for number in file.issues | file.base_for}:
        read |= {id(file) for file in serving(known, number)}
    return [file for file in known if id(file) in read]


def withdraw(landing: Landing, name: str, issue: int | None = None) -> Arrival:
    """Let no issue read a file any more; what came stays in the landing, and so does this.

    Args:
        landing: Where it lies.
        name: File name; of several files that came under it the newest is meant.
        issue: Only a file that this issue reads.

    Returns:
        The file.

    Raises:
        MissingDataError: No file of that name is read.
    """
    for file in in_force(arrivals(landing)):
        if file.name == name and (issue is None or file.serves(issue)):
            parameters = {
                **_VIA,
                "issues": _joined(file.issues),
                "base_for": _joined(file.base_for),
                "feeds": ",".join(sorted(file.feeds)),
                _WITHDRAWN: file.sha256,
            }
            landing.store(Delivery("", name, b"", parameters=parameters))
            return file
    of_issue = "" if issue is None else f" of issue {issue}"
    raise MissingDataError(
        f"No file {name}{of_issue} is read; `bj-pipeline inbox list` shows those that are."
    )


def serving(known: Iterable[Arrival], issue: int) -> list[Arrival]:
    """Dated files that an issue reads; of one name and purpose only the newest."""
    return _newest(arrival for arrival in known if arrival.serves(issue))


def without_days(known: Iterable[Arrival]) -> list[Arrival]:
    """Files that every issue reads, such as listings; of one name and purpose only the newest."""
    return _newest(arrival for arrival in known if not arrival.is_dated)


def fingerprint(files: Iterable[Arrival]) -> str:
    """SHA-256 over names and contents; empty if there are none."""
    lines = sorted(f"{file.name} {file.sha256}" for file in files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest() if lines else ""


def understood(name: str, content: bytes) -> Delivery:
    """A file as it is to be landed, with what it is good for.

    Every value is read once, so that a file with a wrong cell is refused here and not in a run.

    Args:
        name: File name.
        content: The bytes.

    Raises:
        DataError: It fits no layout, breaks the one that it fits, or speaks of no issue.
    """
    from bj_pipeline.sources import layouts  # noqa: PLC0415 - imports pandas

    delivery = Delivery("", name, content)
    layout = layouts.recognise(delivery)
    rows = _rows_by_day(layout)
    for table in sorted(layout.tables):
        layouts.read([delivery], table, _probe(rows.get(table, {})), every_row=True)
    reported, base_for = _issues(name, rows)
    if not rows and layout.tables <= _DATED:
        rule = "there are rows of companies below the header"
        raise DataError(name, rule, "Export it again.", found="none")
    parameters = {
        **_VIA,
        "issues": _joined(reported),
        "base_for": _joined(base_for),
        "feeds": ",".join(sorted(layout.tables)),
    }
    return Delivery("", name, content, parameters=parameters)


_DATED = frozenset(
    {
        tables.RAW_QUOTES,
        tables.RAW_VALUATIONS,
        tables.RAW_INDEX_QUOTES,
        tables.RAW_ANNOUNCEMENTS,
    }
)


def _issues(
    name: str, rows: Mapping[str, Mapping[date, int]]
) -> tuple[frozenset[int], frozenset[int]]:
    """Issues that a file reports on, and issues of which it holds the base date alone.

    Args:
        name: For the message.
        rows: Raw table → day → number of rows.

    Raises:
        DataError: It has days, and none of them lies in an issue.
    """
    reported: set[int] = set()
    base_for: set[int] = set()
    for table, by_day in rows.items():
        if table == tables.RAW_ANNOUNCEMENTS:
            reported |= _announced(set(by_day))
        else:
            busy = max(by_day.values()) * _STRAY_SHARE
            own, bases = reported_issues({day for day, count in by_day.items() if count >= busy})
            reported |= own
            base_for |= bases
    if rows and not reported and not base_for:
        days = sorted(day for by_day in rows.values() for day in by_day)
        first, last = all_issues()[0], all_issues()[-1]
        rule = f"a day lies in an issue, {first.base_date} to {last.close_date}"
        raise DataError(name, rule, "Export other days.", found=f"{days[0]} to {days[-1]}")
    return frozenset(reported), frozenset(base_for - reported)


def reported_issues(days: set[date]) -> tuple[set[int], set[int]]:
    """Issues that some days report on, and issues of which they hold the base date alone.

    An issue's close date is the next one's base date. Such a day belongs to the issue of which the
    file holds more; a file of that day alone belongs to both.
    """
    own = {issue.number for issue in all_issues() if _speaks_of(issue, days)}
    bases_of_own = {issue.base_date for issue in all_issues() if issue.number in own}
    closes_of_own = {issue.close_date for issue in all_issues() if issue.number in own}
    others = [issue for issue in all_issues() if issue.number not in own]
    lone = {one.number for one in others if one.close_date in days - bases_of_own}
    base_for = {one.number for one in others if one.base_date in days - closes_of_own}
    return own | lone, base_for - lone


def _speaks_of(issue: Issue, days: set[date]) -> bool:
    within = any(day in days for day in issue.sessions[:-1])
    return within or {issue.base_date, issue.close_date} <= days


def _announced(days: set[date]) -> set[int]:
    from bj_pipeline.sources.selection import announcement_window  # noqa: PLC0415 - pandas

    windows = {issue.number: announcement_window(issue) for issue in all_issues()}
    return {
        number
        for number, (first, last) in windows.items()
        if any(first <= day <= last for day in days)
    }


def _rows_by_day(layout: Layout) -> dict[str, Counter[date]]:
    """Raw table → day → number of rows, for the tables whose rows have days."""
    from bj_pipeline.sources import cells  # noqa: PLC0415 - imports NumPy

    rows: dict[str, Counter[date]] = {}
    for part in layout.parts:
        for field in part.view.fields:
            if field.column != "date" or field.kind != "date":
                continue
            column = (
                [part.constants[field.column]] * len(part.rows)
                if field.position is None
                else [row[field.position] for row in part.rows]
            )
            try:
                days = [day for day in cells.days(column, part.view.blanks) if day is not None]
            except cells.CellError:
                continue  # Reading the table refuses it, and names the line.
            if days:
                rows.setdefault(part.view.table, Counter()).update(days)
    return rows


def _probe(by_day: Mapping[date, int]) -> Issue:
    """An issue of the file's busiest day alone, so that reading judges values and not coverage."""
    if not by_day:
        return all_issues()[0]
    day = max(by_day, key=lambda one: (by_day[one], one))
    return Issue(0, iso_week(day), (day,), day)


def _arrival(sha256: str, name: str, parameters: str, at: datetime) -> Arrival:
    given: dict[str, str] = json.loads(parameters)
    return Arrival(
        sha256,
        name,
        _numbers(given.get("issues", "")),
        _numbers(given.get("base_for", "")),
        frozenset(filter(None, given.get("feeds", "").split(","))),
        at,
        _WITHDRAWN in given,
    )


def _newest(files: Iterable[Arrival]) -> list[Arrival]:
    """The first of each name and purpose of files that come newest first, unless withdrawn."""
    kept: dict[tuple[str, frozenset[str]], Arrival] = {}
    for file in files:
        kept.setdefault((file.name, file.feeds), file)
    return [file for file in kept.values() if not file.is_withdrawn]


def _joined(numbers: Iterable[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


def _numbers(text: str) -> frozenset[int]:
    return frozenset(int(number) for number in text.split(",") if number)
