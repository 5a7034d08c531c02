"""The source ``akshare``: Eastmoney's public figures, through the package of that name.

What belongs here: which calls an issue needs, and when a landed answer is good enough. What does
not: how a call is made and judged (``akshare_client``), and what its columns mean
(``vendor_layouts/akshare.yaml``).

A company's history is asked for once, up to the latest session, and kept in the landing: two
requests a company serve every issue until then. ``stock_value_em`` gives unadjusted closes, shares,
market caps and PE TTM by day; ``stock_zh_a_hist`` gives closes adjusted forwards (qfq). Eastmoney
adjusts by adding and subtracting: its backward-adjusted closes (hfq) carry all cash ever paid, so
that even in a week without an ex-date they move by less than the price did. Forward-adjusted ones
equal the price after the last ex-date, so they are exact for a week that has just closed; that is
also why an issue reads the landed history that ends soonest after its close date.
"""

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from bj_pipeline.errors import DataError, NotYetAvailableError, SourceError
from bj_pipeline.issues import Issue, all_issues
from bj_pipeline.sources import Delivery, layouts, selection
from bj_pipeline.sources.akshare_client import AkShareClient, NothingFoundError, open_client
from bj_pipeline.sources.fetching import Fetcher
from bj_pipeline.sources.landing import Landing
from bj_pipeline.warehouse import tables

NAME = "akshare"
INDICES = ("899050.BJ", "000300.SH", "000688.SH", "399006.SZ")
PER_MINUTE = 180.0

_SHANGHAI = ZoneInfo("Asia/Shanghai")
_AFTER_THE_CLOSE = time(15, 30)
_BEFORE_THE_FIRST_ISSUE = timedelta(days=365)
"""A company that was suspended over the first base date has a price before it."""
_FINAL = (6, 30)
"""Accounts of a year are out by the end of April; from here on their list does not change."""
_FEWEST_MOVES = 5
_OTHER_MOVES = 0.5
"""Share of a company's own moves; two companies' moves differ by more than either of them moves."""
_ROUNDING = 0.002

Codes = Sequence[str] | Callable[[date], Iterable[str]]
"""Companies, such as ``920493.BJ``: all that were ever covered, or those of an issue by its close
date, so that one that has left the exchange is not asked for any more."""


def _now() -> datetime:
    return datetime.now(UTC)


def _no_progress(_done: int, _total: int, _label: str) -> None:
    pass


@dataclass(frozen=True)
class History:
    """A series that grows by a row a session.

    Attributes:
        interface: The function that returns it.
        parameters: What tells it from others of that function; ``symbol`` is always among them.
        day: Its column of days.
        may_pause: Whether it may lack days: companies are suspended, indices never.
    """

    interface: str
    parameters: Mapping[str, str]
    day: str
    may_pause: bool = True

    def arguments(self, until: date) -> dict[str, str]:
        """Arguments of the call for everything up to a day."""
        if "start" not in self.parameters:
            return dict(self.parameters)
        given = {name: value for name, value in self.parameters.items() if name != "start"}
        return {**given, "start_date": self.parameters["start"], "end_date": _written(until)}

    @property
    def name(self) -> str:
        """File name; an analyst's copy of the file is understood by it."""
        parts = [self.interface, self.parameters["symbol"], self.parameters.get("adjust", "")]
        return "_".join(filter(None, parts)) + ".csv"


@dataclass(eq=False)
class AkShareSource:
    """Eastmoney's figures, landed as the package returned them.

    Attributes:
        landing: Where answers are kept.
        codes: Companies that issues cover.
        indices: Indices with their exchange: 000688 alone would be a company in Shenzhen.
        fetcher: Rate and repetitions.
        now: The present time with its zone.
        on_progress: Told after each answer: how many of how many, and of what.
        name: Name of the source.
        pool_file: None: it speaks of the curated pool.
    """

    landing: Landing
    codes: Codes
    indices: Sequence[str] = INDICES
    fetcher: Fetcher = field(default_factory=lambda: Fetcher(NAME, per_minute=PER_MINUTE))
    now: Callable[[], datetime] = _now
    on_progress: Callable[[int, int, str], None] = _no_progress
    name: str = NAME
    pool_file: Path | None = None
    client: AkShareClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = open_client(self.fetcher)

    def remarks(self) -> tuple[str, ...]:
        """What AkShare cannot give."""
        return ("akshare has no listing dates: a company listed in the week counts as resumed",)

    def deliver(self, issue: Issue, table: str) -> Sequence[Delivery]:
        """Everything that feeds one raw table for one issue; fetches what is not landed yet.

        Args:
            issue: The issue asked for.
            table: A raw table; for ``raw_listings`` AkShare has nothing.

        Raises:
            NotYetAvailableError: The vendor does not have the close date yet.
            SourceError: It did not answer, or not with what can be used. What has arrived before
                is landed, and is not asked for again.
        """
        deliver = {
            tables.RAW_QUOTES: self._quotes,
            tables.RAW_VALUATIONS: self._valuations,
            tables.RAW_INDEX_QUOTES: self._index_quotes,
            tables.RAW_FINANCIALS: self._financials,
            tables.RAW_ANNOUNCEMENTS: self._announcements,
        }.get(table)
        return [] if deliver is None else deliver(issue)

    def _quotes(self, issue: Issue) -> list[Delivery]:
        landed = self._landed_ends()
        symbols = self._symbols(issue)
        deliveries = []
        for done, symbol in enumerate(symbols, start=1):
            unadjusted = self._history(_valuation_history(symbol), issue, landed)
            adjusted = self._history(_adjusted_history(symbol), issue, landed, beside=unadjusted)
            deliveries += [unadjusted, adjusted]
            self.on_progress(done, len(symbols), symbol)
        return deliveries

    def _valuations(self, issue: Issue) -> list[Delivery]:
        return self._histories([_valuation_history(each) for each in self._symbols(issue)], issue)

    def _index_quotes(self, issue: Issue) -> list[Delivery]:
        return self._histories([_index_history(code) for code in self.indices], issue)

    def _financials(self, issue: Issue) -> list[Delivery]:
        """The two full years of which one is the last that was published by the close date."""
        years = (issue.close_date.year - 1, issue.close_date.year - 2)
        finals = [min(issue.close_date, date(year + 1, *_FINAL)) for year in years]
        calls = [
            ({"date": f"{year}1231"}, final) for year, final in zip(years, finals, strict=True)
        ]
        return self._lists("stock_yjbb_em", calls)

    def _announcements(self, issue: Issue) -> list[Delivery]:
        """Announcements of each day of the window that has come."""
        first, last = selection.announcement_window(issue)
        last = min(last, self._today())
        days = [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
        calls = [({"symbol": "全部", "date": _written(day)}, day) for day in days]
        return self._lists("stock_notice_report", calls)

    def _symbols(self, issue: Issue) -> list[str]:
        codes = self.codes(issue.close_date) if callable(self.codes) else self.codes
        return sorted({code.partition(".")[0] for code in codes})

    def _histories(self, histories: Sequence[History], issue: Issue) -> list[Delivery]:
        landed = self._landed_ends()
        deliveries = []
        for done, history in enumerate(histories, start=1):
            deliveries.append(self._history(history, issue, landed))
            self.on_progress(done, len(histories), history.parameters["symbol"])
        return deliveries

    def _history(
        self,
        history: History,
        issue: Issue,
        landed: Mapping[tuple[str, str], Sequence[str]],
        beside: Delivery | None = None,
    ) -> Delivery:
        """The landed history that ends soonest after the close date, or else a new one."""
        close = _written(issue.close_date)
        ends = [end for end in landed.get(_key(history), ()) if end >= close]
        if ends:
            parameters = {**history.parameters, "end": min(ends)}
            found = self.landing.find(NAME, history.interface, parameters)
            if found is not None:
                return found
        return self._fetched(history, issue, beside)

    def _landed_ends(self) -> dict[tuple[str, str], list[str]]:
        """Interface and parameters of landed histories → the days until which they are complete."""
        entries = self.landing.entries()
        mine = entries[entries["vendor"] == NAME]
        found: dict[tuple[str, str], list[str]] = {}
        for interface, text in zip(mine["interface"], mine["parameters"], strict=True):
            parameters = json.loads(text)
            end = parameters.pop("end", None)
            if end is not None:
                found.setdefault((interface, _canonical(parameters)), []).append(end)
        return found

    def _fetched(self, history: History, issue: Issue, beside: Delivery | None) -> Delivery:
        latest = self._latest_session()
        if latest < issue.close_date:
            raise NotYetAvailableError(
                f"{history.name}: the session of {issue.close_date}, which closes issue "
                f"{issue.number}, is not over. Run it again after that."
            )
        frame = self.client.ask(history.interface, history.arguments(latest))
        if beside is not None:
            _refuse_contradiction(history, frame, beside)
        last = pd.to_datetime(frame[history.day]).max().date()
        end = self._complete_until(history, last, latest, issue)
        parameters = {**history.parameters, "end": _written(end)}
        return self._landed(history.interface, parameters, history.name, _csv(frame))

    def _complete_until(self, history: History, last: date, latest: date, issue: Issue) -> date:
        """The day until which a history that ends on ``last`` is known to be complete.

        Raises:
            NotYetAvailableError: It ends before the close date for no known reason.
        """
        if last >= latest or (history.may_pause and self._is_suspended(history, latest)):
            return latest
        if last >= issue.close_date:
            return last
        if history.may_pause and self._is_suspended(history, issue.close_date):
            return issue.close_date
        raise NotYetAvailableError(
            f"{history.name}: the vendor's days end on {last}, before the close date "
            f"{issue.close_date} of issue {issue.number}, and it names no suspension. Either the "
            "day is not there yet or the answer was cut: run it again later. If the company has "
            "left the exchange, end its rows in the curated files."
        )

    def _is_suspended(self, history: History, on: date) -> bool:
        found = self._list("stock_tfp_em", {"date": _written(on)}, on - timedelta(days=1))
        if not found.content:
            return False
        frame = pd.read_csv(io.BytesIO(found.content), dtype=str)
        until = frame["停牌截止时间"].fillna(date.max.isoformat())
        day = on.isoformat()
        covered = (frame["停牌时间"] <= day) & (until >= day)
        return history.parameters["symbol"] in set(frame.loc[covered, "代码"])

    def _lists(
        self, interface: str, calls: Sequence[tuple[Mapping[str, str], date]]
    ) -> list[Delivery]:
        deliveries = []
        for done, (parameters, final) in enumerate(calls, start=1):
            deliveries.append(self._list(interface, parameters, final))
            self.on_progress(done, len(calls), parameters["date"])
        return [delivery for delivery in deliveries if delivery.content]

    def _list(self, interface: str, parameters: Mapping[str, str], final: date) -> Delivery:
        """A list of a day or a year; its content is empty where the vendor has nothing.

        Args:
            interface: The function that returns it.
            parameters: Its arguments.
            final: A landed list that arrived after this day is not asked for again.
        """
        found = self.landing.find(NAME, interface, parameters)
        if found is not None and _day_of_arrival(found) > final:
            return found
        try:
            content = _csv(self.client.ask(interface, parameters))
        except NothingFoundError:
            content = b""
        name = f"{interface}_{parameters['date']}.csv"
        return self._landed(interface, parameters, name, content)

    def _landed(
        self, interface: str, parameters: Mapping[str, str], name: str, content: bytes
    ) -> Delivery:
        """Keep an answer whose columns the layout knows.

        Raises:
            SourceError: It does not know them.
        """
        delivery = Delivery(NAME, name, content, interface, parameters, self.now())
        if content and interface != "stock_tfp_em":
            try:
                layouts.recognise(delivery)
            except DataError as error:
                raise SourceError(f"akshare returned what cannot be read: {error}") from error
        return self.landing.store(delivery)

    def _today(self) -> date:
        return self.now().astimezone(_SHANGHAI).date()

    def _latest_session(self) -> date:
        """The last session that is over."""
        now = self.now().astimezone(_SHANGHAI)
        day = now.date() if now.time() >= _AFTER_THE_CLOSE else now.date() - timedelta(days=1)
        sessions = chain.from_iterable(issue.sessions for issue in all_issues())
        return max((session for session in sessions if session <= day), default=date.min)


def _valuation_history(symbol: str) -> History:
    return History("stock_value_em", {"symbol": symbol}, "数据日期")


def _adjusted_history(symbol: str) -> History:
    parameters = {"symbol": symbol, "period": "daily", "start": _first_day(), "adjust": "qfq"}
    return History("stock_zh_a_hist", parameters, "日期")


def _index_history(code: str) -> History:
    digits, _, exchange = code.partition(".")
    parameters = {"symbol": f"{exchange.lower()}{digits}", "start": _first_day()}
    return History("stock_zh_index_daily_em", parameters, "date", may_pause=False)


def _first_day() -> str:
    return _written(all_issues()[0].base_date - _BEFORE_THE_FIRST_ISSUE)


def _written(day: date) -> str:
    return f"{day:%Y%m%d}"


def _day_of_arrival(delivery: Delivery) -> date:
    arrived = delivery.fetched_at
    return date.min if arrived is None else arrived.astimezone(_SHANGHAI).date()


def _canonical(parameters: Mapping[str, str]) -> str:
    return json.dumps(dict(parameters), sort_keys=True)


def _key(history: History) -> tuple[str, str]:
    return history.interface, _canonical(history.parameters)


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False, lineterminator="\n").encode()


def _refuse_contradiction(history: History, frame: pd.DataFrame, beside: Delivery) -> None:
    """Refuse adjusted closes that do not belong to the company's unadjusted ones.

    Args:
        history: The adjusted closes.
        frame: Their days.
        beside: The landed unadjusted closes.

    Raises:
        SourceError: Their moves differ too often and too much, so that one of them is another
            company's; or the unadjusted ones end before the adjusted ones do, and were cut.
    """
    unadjusted = pd.read_csv(io.BytesIO(beside.content)).set_index("数据日期")["当日收盘价"]
    adjusted = frame.set_index(frame[history.day].astype(str))["收盘"]
    problem = _problem_of_moves(adjusted, unadjusted)
    end = date.fromisoformat(beside.parameters["end"]).isoformat()
    further = adjusted.index[(adjusted.index > unadjusted.index.max()) & (adjusted.index <= end)]
    if not further.empty:
        problem = f"it has {further[0]}, which the other one lacks: that one was cut"
    if problem is not None:
        raise SourceError(
            f"akshare {history.name} contradicts {beside.name}: {problem}. It is not used. If it "
            f"happens again, delete {beside.sha256} from the landing, so that it is fetched anew."
        )


def _problem_of_moves(adjusted: pd.Series, unadjusted: pd.Series) -> str | None:
    both = pd.DataFrame({"adjusted": adjusted, "unadjusted": unadjusted}).dropna()
    moves = both.pct_change().dropna()
    difference = (moves["adjusted"] - moves["unadjusted"]).abs().median()
    allowed = _OTHER_MOVES * moves["unadjusted"].abs().median() + _ROUNDING
    if len(moves) < _FEWEST_MOVES or difference <= allowed:
        return None
    return (
        f"on half of {len(moves)} days their moves differ by more than {difference:.1%}: one of "
        "them is another company's"
    )
