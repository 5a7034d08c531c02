"""AkShare's functions, called so that nothing gets lost on the way.

The package asks Eastmoney without a time limit, does not look at the status of an answer, asks for
first pages twice, throws away the code and the counts that an answer states, renames columns by
their position, and leaves out a page that it does not understand. So during a call its modules
talk through a conversation of ours, which sees every answer, and the frame that they make of the
answers is compared with these.

What belongs here: one call, from its arguments to a frame that can be trusted. What does not: which
calls an issue needs, and where their results are kept (``akshare``).
"""

import importlib
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from threading import Lock
from typing import Any

import pandas as pd
import requests

from bj_pipeline.errors import ConfigurationError, PipelineError, SourceError
from bj_pipeline.sources.fetching import Fetcher, ThrottledError, TransientError

_TIME_LIMIT = 30
"""Seconds to wait for a connection, and for each part of an answer."""
_REFUSED = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
_NO_ROWS = 9201
"""Eastmoney's code for a question that has no answer, such as an unknown company."""
_HALF_A_FEN = 0.005
_CAP_TOLERANCE = 0.01

_PATCHING = Lock()
"""The package's modules exist once in a process, so one conversation is held at a time."""

Params = Mapping[str, Any]
Page = list[Any]


class NothingFoundError(SourceError):
    """The vendor says that it has nothing under these arguments."""


@dataclass(frozen=True)
class AkShareClient:
    """The package, at a polite rate, with time limits, repetitions and checks.

    Attributes:
        fetcher: Keeps the rate, and repeats single requests.
        session: Carries them.
    """

    fetcher: Fetcher
    session: requests.Session

    def ask(self, interface: str, arguments: Mapping[str, str]) -> pd.DataFrame:
        """Call a function of the package.

        Args:
            interface: One of :data:`INTERFACES`.
            arguments: Its arguments.

        Returns:
            What the package returned, untouched.

        Raises:
            ConfigurationError: The package is not installed.
            NothingFoundError: The vendor has nothing under these arguments.
            SourceError: It did not answer, or its answer, or what the package made of it, cannot
                be trusted.
        """
        known = INTERFACES[interface]
        call = " ".join([interface, *(f"{name}={value}" for name, value in arguments.items())])
        function = getattr(_package(), interface)
        conversation = _Conversation(self.fetcher, self.session, call, known.read)
        with _PATCHING, _led_through(conversation, function), warnings.catch_warnings():
            # What the package does in old ways is its makers' to mend; a failure is seen below.
            warnings.simplefilter("ignore")
            try:
                frame = function(**arguments)
                problem = known.problem(frame, conversation.rows) if conversation.pages else None
            except PipelineError:
                raise
            except Exception as error:
                raise SourceError(
                    f"akshare {call}: the client cannot read the answer "
                    f"({type(error).__name__}: {error}). The vendor may have changed its columns: "
                    "look for a newer akshare."
                ) from error
        if not conversation.pages:
            raise SourceError(
                f"akshare {call}: this version of the package asks in a way that cannot be "
                "checked. Install the version that this project names."
            )
        if problem is not None:
            raise SourceError(f"akshare {call}: {problem}. Nothing of it is used; ask again later.")
        return pd.DataFrame(frame)


def open_client(fetcher: Fetcher) -> AkShareClient:
    """A client with a session of its own."""
    return AkShareClient(fetcher, requests.Session())


def _package() -> Any:
    try:
        return importlib.import_module("akshare")
    except ImportError as error:
        raise ConfigurationError(
            "The source `akshare` needs the package: install bj-pipeline[akshare]."
        ) from error


class _Conversation:
    """What the package's modules take for the module ``requests`` during one call."""

    def __init__(
        self,
        fetcher: Fetcher,
        session: requests.Session,
        call: str,
        read: Callable[[Any, Params], Page],
    ) -> None:
        self._fetcher = fetcher
        self._session = session
        self._call = call
        self._read = read
        self.pages: dict[tuple[str, ...], tuple[requests.Response, Page]] = {}

    @property
    def rows(self) -> list[Any]:
        """Rows of all pages, in the order in which they were asked for."""
        return [row for _, page in self.pages.values() for row in page]

    def get(self, url: str, params: Params | None = None, **_: object) -> requests.Response:
        """Answer a request; one that was answered in this conversation is not sent again."""
        given = dict(params or {})
        key = (url, *(f"{name}={value}" for name, value in sorted(given.items())))
        if key not in self.pages:
            self.pages[key] = self._fetcher.call(self._call, lambda: self._sent(url, given))
        return self.pages[key][0]

    def _sent(self, url: str, params: Params) -> tuple[requests.Response, Page]:
        response = self._session.get(url, params=params, timeout=_TIME_LIMIT)
        status = response.status_code
        if status in _REFUSED:
            raise ThrottledError(f"the vendor refuses to answer (HTTP {status})")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise TransientError(f"the vendor's server fails (HTTP {status})")
        if status != HTTPStatus.OK:
            raise SourceError(
                f"akshare {self._call}: the vendor answers with HTTP {status}. It may have moved "
                "the page: look for a newer akshare."
            )
        document = response.json()
        try:
            return response, self._read(document, params)
        except NothingFoundError as error:
            raise NothingFoundError(f"akshare {self._call}: {error}") from None
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            found = f"{type(error).__name__}: {error}"
            raise TransientError(f"the answer lacks its documented shape ({found})") from error


@contextmanager
def _led_through(conversation: _Conversation, function: Callable[..., Any]) -> Iterator[None]:
    """Let the modules behind a function talk through the conversation, without progress bars."""
    modules = [sys.modules[function.__module__], importlib.import_module("akshare.request")]
    stand_ins = {"requests": conversation, "get_tqdm": _no_progress_bar}
    found = [
        (module, name, getattr(module, name))
        for module in modules
        for name in stand_ins
        if hasattr(module, name)
    ]
    for module, name, _ in found:
        setattr(module, name, stand_ins[name])
    try:
        yield
    finally:
        for module, name, original in found:
            setattr(module, name, original)


def _no_progress_bar() -> Callable[..., Iterable[Any]]:
    return lambda pages, **_: pages


def _report_page(document: Any, params: Params) -> Page:
    """Rows of a page of the data centre."""
    result = document["result"]
    if result is None:
        if document["code"] == _NO_ROWS:
            raise NothingFoundError("the vendor has no rows under these arguments")
        raise TransientError(f"the vendor says: {document['message']}")
    rows: Page = result["data"]
    _refuse_cut_page(rows, result["count"], params["pageNumber"], params["pageSize"])
    return rows


def _valuation_page(document: Any, params: Params) -> Page:
    """Rows of one company's valuations; all of them come on one page."""
    rows = _report_page(document, params)
    wanted = re.findall(r'SECURITY_CODE="(\w+)"', params["filter"])
    _refuse_other_security({row["SECURITY_CODE"] for row in rows}, wanted)
    return rows


def _price_page(document: Any, params: Params) -> Page:
    """Days of one security: texts of numbers separated by commas."""
    data = document["data"]
    if not data or not data["klines"]:
        # Those who ask too often are told the same as those who ask for what does not exist.
        raise TransientError("the vendor sends no days: an unknown security, or asked too often")
    market, _, code = params["secid"].partition(".")
    _refuse_other_security({f"{data.get('market', market)}.{data['code']}"}, [f"{market}.{code}"])
    days: Page = data["klines"]
    return days


def _announcement_page(document: Any, params: Params) -> Page:
    """Announcements of one page."""
    data = document["data"]
    if data["total_hits"] == 0:
        raise NothingFoundError("the vendor has no announcements of that day")
    rows: Page = data["list"]
    _refuse_cut_page(rows, data["total_hits"], params["page_index"], params["page_size"])
    return rows


def _refuse_cut_page(rows: Page, total: int, page: str | int, size: str | int) -> None:
    expected = min(int(size), total - (int(page) - 1) * int(size))
    if len(rows) < expected:
        raise TransientError(f"page {page} holds {len(rows)} rows instead of {expected}: it is cut")


def _refuse_other_security(found: set[str], wanted: Sequence[str]) -> None:
    if found != set(wanted):
        names = " and ".join(map(str, sorted(found)))
        raise TransientError(f"the answer is about {names}, not {' and '.join(wanted)}")


def _problem_of_valuations(frame: pd.DataFrame, rows: Page) -> str | None:
    """Days are days, and the columns still mean what they say."""
    if len(frame) != len(rows):
        return f"the client made {len(frame)} of {len(rows)} rows"
    caps = frame["总市值"] / (frame["当日收盘价"] * frame["总股本"])
    if not abs(caps.median() - 1) <= _CAP_TOLERANCE:
        return "总市值 is not 当日收盘价 × 总股本: columns may be mixed up"
    return _problem_of_days(frame["数据日期"])


def _problem_of_prices(frame: pd.DataFrame, rows: Page) -> str | None:
    return _problem_of_bars(frame, rows, ("日期", "开盘", "收盘", "最高", "最低"))


def _problem_of_indices(frame: pd.DataFrame, rows: Page) -> str | None:
    return _problem_of_bars(frame, rows, ("date", "open", "close", "high", "low"))


def _problem_of_bars(frame: pd.DataFrame, rows: Page, columns: Sequence[str]) -> str | None:
    """Whether open and close lie between low and high: the columns are named by position."""
    if len(frame) != len(rows):
        return f"the client made {len(frame)} of {len(rows)} days"
    day, *names = columns
    start, close, high, low = (frame[name] for name in names)
    prices = pd.concat([start, close], axis=1)
    sound = prices.ge(low - _HALF_A_FEN, axis=0) & prices.le(high + _HALF_A_FEN, axis=0)
    if not sound.all(axis=None):
        first = frame.loc[~sound.all(axis=1), day].iloc[0]
        return f"open and close of {first} do not lie between low and high"
    return _problem_of_days(frame[day])


def _problem_of_days(column: pd.Series) -> str | None:
    days = pd.to_datetime(column, errors="coerce")
    if days.isna().any():
        return f"{int(days.isna().sum())} days cannot be read"
    if not days.is_monotonic_increasing or not days.is_unique:
        return "days are not in order, or stand twice"
    return None


def _problem_of_results(frame: pd.DataFrame, rows: Page) -> str | None:
    names = {
        "股票代码": "SECURITY_CODE",
        "营业总收入-营业总收入": "TOTAL_OPERATE_INCOME",
        "净利润-净利润": "PARENT_NETPROFIT",
        "最新公告日期": "UPDATE_DATE",
    }
    return _problem_of_names(frame, rows, names)


def _problem_of_suspensions(frame: pd.DataFrame, rows: Page) -> str | None:
    names = {
        "代码": "SECURITY_CODE",
        "停牌时间": "SUSPEND_START_TIME",
        "停牌截止时间": "SUSPEND_END_TIME",
    }
    return _problem_of_names(frame, rows, names)


def _problem_of_names(frame: pd.DataFrame, rows: Page, names: Mapping[str, str]) -> str | None:
    """Whether columns that the package names by position hold what the vendor sent by name."""
    if len(frame) != len(rows):
        return f"the client made {len(frame)} of {len(rows)} rows"
    for column, field in names.items():
        if any(field not in row for row in rows):
            return f"the vendor sends no {field} any more"
        if [_plain(value) for value in frame[column]] != [_plain(row[field]) for row in rows]:
            return f"{column} does not hold the vendor's {field}: its columns have moved"
    return None


def _plain(value: Any) -> float | str | None:
    """A value as both sides write it: numbers as numbers, days without their time."""
    if pd.isna(value):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return re.sub(r"(\d{4}-\d{2}-\d{2}).*", r"\1", str(value))


def _problem_of_announcements(frame: pd.DataFrame, rows: Page) -> str | None:
    """Whether each title still stands beside its own company.

    The package joins titles and codes by position, and adds no code for a title that names only
    securities of other kinds: all titles below it would go to the company before.
    """
    if len(frame) != len(rows):
        return f"the client made {len(frame)} of {len(rows)} announcements"
    pairs = zip(frame["代码"], frame["公告标题"], rows, strict=True)
    for code, title, row in pairs:
        if title != row["title"] or code not in {each["stock_code"] for each in row["codes"]}:
            return f"the client gives {row['title']!r} to {code}"
    return None


@dataclass(frozen=True)
class _Interface:
    """How answers to one function are judged.

    Attributes:
        read: Rows of one answer; raises what is wrong with it.
        problem: What is wrong with the package's frame, given all rows; None if nothing.
    """

    read: Callable[[Any, Params], Page]
    problem: Callable[[pd.DataFrame, Page], str | None]


INTERFACES: Mapping[str, _Interface] = {
    "stock_value_em": _Interface(_valuation_page, _problem_of_valuations),
    "stock_zh_a_hist": _Interface(_price_page, _problem_of_prices),
    "stock_zh_index_daily_em": _Interface(_price_page, _problem_of_indices),
    "stock_yjbb_em": _Interface(_report_page, _problem_of_results),
    "stock_tfp_em": _Interface(_report_page, _problem_of_suspensions),
    "stock_notice_report": _Interface(_announcement_page, _problem_of_announcements),
}
"""Every function that is ever called. Not among them: ``stock_bj_a_spot_em``, whose PE is the
dynamic one and which names no day."""
