"""Tushare Pro: a licensed vendor with one call a trading day for the whole market.

What belongs here: which calls an issue needs, when a landed answer still counts, and what this
vendor's refusals mean. What does not: its column names and units (``vendor_layouts/tushare.yaml``),
repetition and rates (``fetching``), and reading (``layouts``).

Every answer goes through the landing, and what is landed is not asked for again. The token is
sent to the vendor and shown nowhere.
"""

import csv
import hashlib
import io
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from bj_pipeline.errors import (
    ConfigurationError,
    DataError,
    NotYetAvailableError,
    PipelineError,
    SourceError,
)
from bj_pipeline.issues import Issue
from bj_pipeline.sources import Delivery
from bj_pipeline.sources.codes import mapping, normalise
from bj_pipeline.sources.fetching import Fetcher, ThrottledError, TransientError
from bj_pipeline.sources.landing import Landing
from bj_pipeline.sources.mappings import vendors
from bj_pipeline.sources.selection import announcement_window
from bj_pipeline.warehouse import tables

VENDOR = "tushare"
INDICES = ("899050.BJ", "000300.SH", "000688.SH", "399006.SZ")
CODE_SWITCH = date(2025, 10, 9)

_FIELDS = {
    "daily": "ts_code,trade_date,close,vol",
    "adj_factor": "ts_code,trade_date,adj_factor",
    "daily_basic": "ts_code,trade_date,close,total_share,total_mv,pe_ttm",
    "index_daily": "ts_code,trade_date,close",
    "stock_basic": "ts_code,symbol,name,area,industry,list_status,list_date,delist_date",
    "income": "ts_code,ann_date,f_ann_date,end_date,report_type,update_flag,total_revenue,"
    "n_income_attr_p",
    "anns_d": "ts_code,ann_date,name,title,url",
    "bse_mapping": "name,o_code,n_code,list_date",
    "trade_cal": "exchange,cal_date,is_open,pretrade_date",
}
_LISTED, _DELISTED, _PAUSED = "L", "D", "P"
_LOOK_BACK = timedelta(days=40)
_ACCOUNTS_STAY_NEW = timedelta(days=90)
_SHANGHAI = ZoneInfo("Asia/Shanghai")
_VENDOR_IS_DONE = time_of_day(18, 0)
_SHOWN = 5

# The notice of a rate limit also speaks of 权限 (permissions), so it is looked for first.
_TOO_FAST = re.compile("每分钟最多|频率超限|访问频次")
_USED_UP = re.compile("每小时最多|每天最多|每日最多")
_REFUSED = re.compile("token|权限|积分|凭证|授权", re.IGNORECASE)


@dataclass(frozen=True)
class _Call:
    """One call of the vendor, and what a usable answer to it is.

    Attributes:
        interface: Name of the interface.
        parameters: Named as the vendor names them.
        settled: From when on (with zone) the answer changes no more.
        settled_with_rows: The same for an answer that has rows, where that is earlier.
        last_day: A day that must be in it; empty if none must.
        may_be_empty: Whether no rows are an answer too.
    """

    interface: str
    parameters: Mapping[str, str]
    settled: datetime
    settled_with_rows: datetime | None = None
    last_day: str = ""
    may_be_empty: bool = False

    @property
    def name(self) -> str:
        """File name of the answer."""
        parts = [self.interface, *map(_short, self.parameters.values())]
        return f"{'_'.join(part for part in parts if part)}.csv"

    @property
    def words(self) -> str:
        """The call in a message."""
        pairs = (f"{name}={_short(value)}" for name, value in self.parameters.items())
        return " ".join([self.interface, *pairs])

    @property
    def codes(self) -> tuple[str, ...]:
        """Companies or indices that were asked for; empty for all of them."""
        return tuple(filter(None, self.parameters.get("ts_code", "").split(",")))

    @property
    def required(self) -> set[str]:
        """Columns without which the answer means nothing."""
        known = vendors()[VENDOR].interfaces.get(self.interface)
        if known is None:
            return set(_FIELDS[self.interface].split(","))
        columns = (column for table in known.tables.values() for column in table.values())
        return {column.headers[0] for column in columns if column.headers and not column.optional}

    def of(self, codes: Sequence[str]) -> "_Call":
        """The same call for some companies only."""
        return replace(self, parameters={"ts_code": ",".join(codes), **_without_codes(self)})


@dataclass(frozen=True)
class _Answer:
    """What the vendor answered to a call: columns and rows as text."""

    call: _Call
    delivery: Delivery
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]

    @classmethod
    def of(cls, call: _Call, delivery: Delivery) -> "_Answer":
        """Read a delivery."""
        reader = csv.DictReader(io.StringIO(delivery.content.decode()))
        return cls(call, delivery, tuple(reader.fieldnames or ()), tuple(reader))

    @cached_property
    def companies(self) -> set[str]:
        """Companies of the Beijing exchange in it, by present code."""
        written = {row["ts_code"] for row in self.rows if row["ts_code"].endswith(".BJ")}
        return {normalise(code).text for code in written}

    def problem(self) -> SourceError | None:
        """Why it is no answer to its call; None if it is one."""
        missing = self.call.required - set(self.columns)
        if missing:
            return self._error(
                f"without the columns {_some(missing)}; it has {_some(self.columns)}"
            )
        wanted = set(self.call.codes)
        others = {row["ts_code"] for row in self.rows if wanted and row["ts_code"] not in wanted}
        if others:
            return self._error(f"with rows of others: {_some(others)}")
        for parameter, column in (("trade_date", "trade_date"), ("period", "end_date")):
            day = self.call.parameters.get(parameter)
            others = {row[column] for row in self.rows if day and row[column] != day}
            if others:
                return self._error(f"with rows of other days: {_some(others)}")
        return None

    def is_complete(self) -> bool:
        """Whether everything is there that the vendor will have in the end."""
        if not self.rows:
            return self.call.may_be_empty
        last = self.call.last_day
        return not last or any(row["trade_date"] == last for row in self.rows)

    def is_final(self) -> bool:
        """Whether the vendor need not be asked again."""
        at, settled = self.delivery.fetched_at, self.call.settled
        if self.rows and self.call.settled_with_rows is not None:
            settled = self.call.settled_with_rows
        return at is not None and at >= settled and self.problem() is None and self.is_complete()

    def _error(self, found: str) -> SourceError:
        return SourceError(
            f"{VENDOR} answered {self.call.words} {found}. The answer is kept in the landing as "
            f"{self.delivery.sha256} and not used; ask the vendor."
        )


@dataclass(frozen=True)
class TushareSource:
    """Tushare Pro, through its own client package ``tushare``.

    Attributes:
        landing: Where answers are kept.
        token: The licence, from the environment.
        codes: Companies that issues cover, by present code.
        url: Where the vendor is, without the interface's name; empty for the client's own.
        per_minute: Most calls a minute; the smaller licences allow 200.
        attempts: How often a failing call is made.
        row_cap: Most rows of a call for interfaces whose layout names no cap: so many were cut.
        timeout: Seconds until a call is given up.
        wait: Waits that many seconds.
        name: Name of the source.
        pool_file: None: it speaks of the curated pool.
    """

    landing: Landing
    token: str = field(repr=False)
    codes: Sequence[str] = field(repr=False)
    url: str = ""
    per_minute: float = 120.0
    attempts: int = 5
    row_cap: int = 6000
    timeout: float = 30.0
    wait: Callable[[float], None] = field(default=time.sleep, repr=False)
    name: str = VENDOR
    pool_file: Path | None = None

    def remarks(self) -> tuple[str, ...]:
        """Nothing: only what an issue needs is asked for."""
        return ()

    def deliver(self, issue: Issue, table: str) -> Sequence[Delivery]:
        """What the vendor has for one raw table of an issue, from the landing where it is there.

        Raises:
            ConfigurationError: The token is missing or refused, or does not cover the interface.
            NotYetAvailableError: A day of the issue is not published yet.
            SourceError: The vendor is out of reach, or its answer is none.
            DataError: A result was cut at the vendor's cap and cannot be sliced further.
        """
        answers = {
            tables.RAW_QUOTES: self._quotes,
            tables.RAW_VALUATIONS: self._valuations,
            tables.RAW_INDEX_QUOTES: self._index_quotes,
            tables.RAW_LISTINGS: self._listings,
            tables.RAW_FINANCIALS: self._financials,
            tables.RAW_ANNOUNCEMENTS: self._announcements,
        }[table](issue)
        return [answer.delivery for answer in answers if answer.rows]

    def code_mapping(self) -> dict[str, str]:
        """Old code → new code of the switch of 2025-10-09, as the vendor has it today."""
        rows = self._fetch(_Call("bse_mapping", {}, self.landing.clock())).rows
        return {row["o_code"]: row["n_code"] for row in rows}

    def sessions(self, first: date, last: date) -> tuple[date, ...]:
        """Trading days from ``first`` to ``last``, as the vendor has them today."""
        span = {"start_date": _day(first), "end_date": _day(last)}
        call = _Call("trade_cal", {"exchange": "SSE", **span}, self.landing.clock())
        days = [row["cal_date"] for row in self._fetch(call).rows if _is_one(row["is_open"])]
        return tuple(sorted(datetime.strptime(day, "%Y%m%d").date() for day in days))  # noqa: DTZ007 - a day has no zone

    def _quotes(self, issue: Issue) -> list[_Answer]:
        closes = {day: self._market("daily", day) for day in (issue.base_date, *issue.sessions)}
        factors = [self._market("adj_factor", day) for day in closes]
        base = issue.base_date
        earlier = [
            self._earlier(interface, code, issue)
            for code in self._suspended(closes[base], base, issue)
            for interface in ("daily", "adj_factor")
        ]
        return _flat([*closes.values(), *factors, earlier])

    def _valuations(self, issue: Issue) -> list[_Answer]:
        base, close = issue.base_date, issue.close_date
        at_base, at_close = self._market("daily_basic", base), self._market("daily_basic", close)
        suspended = self._suspended(at_base, base, issue)
        earlier = [self._earlier("daily_basic", code, issue) for code in suspended]
        between: list[_Answer] = []
        # Only a company that stopped trading within the week needs the days between.
        if set(self._suspended(at_close, close, issue)) - set(suspended):
            between = _flat(self._market("daily_basic", day) for day in issue.sessions[:-1])
        return _flat([at_base, between, at_close, earlier])

    def _index_quotes(self, issue: Issue) -> list[_Answer]:
        span = {"start_date": _day(issue.base_date), "end_date": _day(issue.close_date)}
        last = issue.close_date
        calls = [
            _Call("index_daily", {"ts_code": code, **span}, _evening(last), last_day=_day(last))
            for code in INDICES
        ]
        answers = [self._fetch(call) for call in calls]
        for answer in answers:
            if not answer.is_complete():
                raise _not_yet(answer.call, last)
        return answers

    def _listings(self, issue: Issue) -> list[_Answer]:
        settled = _evening(issue.close_date)
        calls = [
            _Call(
                "stock_basic",
                {"exchange": "BSE", "list_status": status},
                settled,
                may_be_empty=status != _LISTED,
            )
            for status in (_LISTED, _DELISTED, _PAUSED)
        ]
        answers = [self._fetch(call) for call in calls]
        if not answers[0].rows:
            raise SourceError(f"{VENDOR} lists no company of the exchange; ask the vendor.")
        return answers

    def _financials(self, issue: Issue) -> list[_Answer]:
        """Full years that may have been published by the close date, company by company.

        The vendor gives a whole period at once to larger licences only. An answer with accounts
        is asked for again after some months, for they are corrected; one without them as soon as
        a later issue needs it.
        """
        settled = _evening(issue.close_date)
        years = (issue.close_date.year - 1, issue.close_date.year - 2)
        calls = [
            _Call(
                "income",
                {"ts_code": code, "period": f"{year}1231", "report_type": "1"},
                settled,
                settled_with_rows=settled - _ACCOUNTS_STAY_NEW,
                may_be_empty=True,
            )
            for year in years
            for code in self.codes
        ]
        return [self._fetch(call) for call in calls]

    def _announcements(self, issue: Issue) -> list[_Answer]:
        first, last = announcement_window(issue)
        days = [first + timedelta(days=after) for after in range((last - first).days + 1)]
        calls = [
            _Call("anns_d", {"ann_date": _day(day)}, _midnight_after(day), may_be_empty=True)
            for day in days
        ]
        return _flat(self._complete(call, last) for call in calls)

    def _market(self, interface: str, day: date) -> list[_Answer]:
        """The whole market on a trading day.

        Raises:
            NotYetAvailableError: It holds no company of the exchange.
        """
        call = _Call(interface, {"trade_date": _day(day)}, _evening(day))
        answers = self._complete(call, day)
        if not any(answer.companies for answer in answers):
            raise _not_yet(call, day)
        return answers

    def _suspended(self, answers: Iterable[_Answer], day: date, issue: Issue) -> list[str]:
        """Companies that were listed on a day and are not in the answers of that day."""
        present = set().union(*(answer.companies for answer in answers))
        lacking = [code for code in self.codes if code not in present]
        if not lacking:
            return []
        rows = [row for answer in self._listings(issue) for row in answer.rows]
        later = {normalise(row["ts_code"]).text for row in rows if row["list_date"] > _day(day)}
        # An old code in the list of delisted ones was switched, not delisted.
        gone = {row["ts_code"] for row in rows if "" < row.get("delist_date", "") <= _day(day)}
        return [code for code in lacking if code not in later | gone]

    def _earlier(self, interface: str, code: str, issue: Issue) -> _Answer:
        """A company's rows before the base date: its last figures count while it is suspended."""
        first, last = issue.base_date - _LOOK_BACK, issue.base_date - timedelta(days=1)
        span = {"start_date": _day(first), "end_date": _day(last)}
        call = _Call(interface, span, _evening(last), may_be_empty=True)
        return self._fetch(call.of(_as_written([code], first)))

    def _complete(self, call: _Call, day: date) -> list[_Answer]:
        """The answer, or several for fewer companies each if it was cut.

        Raises:
            DataError: It is cut however few companies are asked for.
        """
        answer = self._fetch(call)
        layout = vendors()[VENDOR].interfaces.get(call.interface)
        cap = (layout.row_cap if layout else None) or self.row_cap
        if len(answer.rows) < cap:
            return [answer]
        if len(call.codes) == 1:
            rule = f"a result has fewer rows than the vendor's cap of {cap}"
            remedy = "It was cut, and cannot be asked for in smaller parts: ask the vendor."
            raise DataError(call.name, rule, remedy, found=f"{len(answer.rows)} rows")
        slices = _halves(call.codes) if call.codes else [_as_written(self.codes, day)]
        parts = _flat(self._complete(call.of(codes), day) for codes in slices)
        found = set().union(*(part.companies for part in parts))
        lost = (answer.companies & set(self.codes)) - found
        if lost:
            rule = "the parts of a cut result hold the companies that it held"
            remedy = "The vendor does not take a list of codes here: ask the vendor."
            raise DataError(call.name, rule, remedy, found=f"no {_some(lost)}")
        return parts

    def _fetch(self, call: _Call) -> _Answer:
        """The landed answer if it is final, else the vendor's, landed.

        Raises:
            SourceError: The answer is none.
        """
        landed = self.landing.find(VENDOR, call.interface, call.parameters)
        if landed is not None:
            answer = _Answer.of(call, landed)
            if answer.is_final():
                return answer
        content = self._fetcher.call(call.words, lambda: self._ask(call))
        delivery = Delivery(VENDOR, call.name, content, call.interface, dict(call.parameters))
        answer = _Answer.of(call, self.landing.store(delivery))
        problem = answer.problem()
        if problem is not None:
            raise problem
        return answer

    def _ask(self, call: _Call) -> bytes:
        """The client's result as CSV, names and values untouched."""
        frame: pd.DataFrame = self._client.query(
            call.interface, fields=_FIELDS[call.interface], **call.parameters
        )
        if not len(frame.columns):
            raise TransientError("the server answered with an HTTP error (403, 429 or 5xx)")
        return frame.to_csv(index=False, lineterminator="\n").encode()

    @cached_property
    def _client(self) -> Any:
        if not self.token:
            raise ConfigurationError("Tushare needs a token: set BJ_TUSHARE_TOKEN.")
        try:
            from tushare.pro.client import DataApi  # noqa: PLC0415 - optional, and slow to import
        except ImportError:
            raise ConfigurationError(
                "The client of Tushare is missing: pip install 'bj-pipeline[tushare]'."
            ) from None
        client = DataApi(self.token, timeout=self.timeout)
        if self.url:
            # The client offers no other way; it looks the address up on itself.
            client._DataApi__http_url = self.url.rstrip("/")  # noqa: SLF001
        return client

    @cached_property
    def _fetcher(self) -> Fetcher:
        return Fetcher(
            VENDOR,
            per_minute=self.per_minute,
            attempts=self.attempts,
            explain=_explain,
            secrets=(self.token,),
            wait=self.wait,
        )


def _explain(error: Exception) -> PipelineError | None:
    """What the vendor's own refusals mean: its client raises them as bare exceptions."""
    if type(error) is not Exception:
        return None
    text = str(error)
    if _TOO_FAST.search(text):
        return ThrottledError(text)
    if _USED_UP.search(text):
        return SourceError(f"{text} Run it again when the vendor's count begins anew.")
    if _REFUSED.search(text):
        return ConfigurationError(
            f"{text} Check BJ_TUSHARE_TOKEN, and that the licence covers this interface."
        )
    return TransientError(f"the vendor says: {text}")


def _not_yet(call: _Call, day: date) -> NotYetAvailableError:
    return NotYetAvailableError(
        f"{VENDOR} has no {call.interface} of {day} yet. Run it again later: quotes come in the "
        "hours after the close."
    )


def _evening(day: date) -> datetime:
    """When the vendor has published a trading day; before, its answer may still grow."""
    return datetime.combine(day, _VENDOR_IS_DONE, _SHANGHAI).astimezone(UTC)


def _midnight_after(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time_of_day(), _SHANGHAI).astimezone(UTC)


def _as_written(codes: Iterable[str], day: date) -> tuple[str, ...]:
    """Codes by which rows of that day may stand: before the switch the old ones too."""
    codes = tuple(codes)
    if day >= CODE_SWITCH:
        return codes
    olds = {new: old for old, new in mapping().items()}
    digits = (code.removesuffix(".BJ") for code in codes)
    return (*codes, *(f"{olds[new]}.BJ" for new in digits if new in olds))


def _without_codes(call: _Call) -> dict[str, str]:
    return {name: value for name, value in call.parameters.items() if name != "ts_code"}


def _halves(codes: Sequence[str]) -> list[Sequence[str]]:
    middle = len(codes) // 2
    return [codes[:middle], codes[middle:]]


def _flat(answers: Iterable[Iterable[_Answer]]) -> list[_Answer]:
    return [answer for group in answers for answer in group]


def _day(day: date) -> str:
    return f"{day:%Y%m%d}"


def _is_one(text: str) -> bool:
    """Whether a flag is set; a client may turn 1 into 1.0."""
    return text in {"1", "1.0"}


def _short(value: str) -> str:
    """A parameter's value in a name: of a list of codes how many, and a hash."""
    count = value.count(",") + 1
    digest = hashlib.sha256(value.encode()).hexdigest()
    return value if count == 1 else f"{count}-codes-{digest[:8]}"


def _some(values: Iterable[str]) -> str:
    """Some of the values, and how many more there are."""
    ordered = sorted(values)
    more = len(ordered) - _SHOWN
    return ", ".join(ordered[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
