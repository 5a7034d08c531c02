"""Asking a vendor: at its rate, again after a failure, and giving up clearly."""

import logging
import traceback

import pytest
import requests

from bj_pipeline.errors import ConfigurationError, NotYetAvailableError, SourceError
from bj_pipeline.sources.fetching import Fetcher, ThrottledError, TransientError
from bj_pipeline_tests.sources.vendor_server import EMPTY, HTML_INSTEAD, Response, VendorServer

FAST = float("inf")
SECRET = "0123456789abcdef"  # noqa: S105 - made up


def fetcher(waits: list[float], **changes: object) -> Fetcher:
    given = {"per_minute": FAST, "wait": waits.append, "clock": lambda: 0.0}
    return Fetcher("vendor", **{**given, **changes})


class Failing:
    """Fails with these errors in turn, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def test_a_passing_failure_is_not_noticed():
    waits: list[float] = []
    ask = Failing(ConnectionResetError(), KeyError("data"))
    assert fetcher(waits).call("daily", ask) == "answer"
    assert ask.calls == 3


def test_pauses_grow_and_differ_between_clients():
    def pauses() -> list[float]:
        waits: list[float] = []
        with pytest.raises(SourceError):
            fetcher(waits, attempts=5).call("daily", Failing(*[OSError()] * 5))
        return waits

    one, other = pauses(), pauses()
    for base, pause in zip((1, 2, 4, 8), one, strict=True):
        assert base <= pause <= base + 1
    assert one != other


def test_it_gives_up_and_says_what_was_tried():
    ask = Failing(*[ConnectionResetError("0x7f")] * 9)
    with pytest.raises(SourceError) as caught:
        fetcher([], attempts=3).call("daily trade_date=20260227", ask)
    assert ask.calls == 3
    assert str(caught.value).startswith(
        "vendor daily trade_date=20260227: the connection failed (ConnectionResetError)"
    )
    assert type(caught.value) is SourceError


@pytest.mark.parametrize("kind", [ConfigurationError, NotYetAvailableError, SourceError])
def test_what_another_attempt_cannot_mend_is_asked_once(kind):
    ask = Failing(kind("no"))
    waits: list[float] = []
    with pytest.raises(kind, match="no"):
        fetcher(waits).call("daily", ask)
    assert ask.calls == 1
    assert waits == []


def test_a_throttled_client_waits_out_the_minute():
    waits: list[float] = []
    fetcher(waits).call("daily", Failing(ThrottledError("slow down")))
    assert waits[0] >= 60


def test_calls_keep_the_vendors_rate():
    now = [0.0]

    def wait(seconds: float) -> None:
        now[0] += seconds

    starts: list[float] = []
    polite = Fetcher("vendor", per_minute=120, wait=wait, clock=lambda: now[0])
    for _ in range(4):
        polite.call("daily", lambda: starts.append(now[0]))
    assert starts == [0, 0.5, 1, 1.5]


def test_a_slow_caller_does_not_wait():
    now = [0.0]
    waits: list[float] = []
    polite = Fetcher("vendor", per_minute=120, wait=waits.append, clock=lambda: now[0])
    for _ in range(3):
        polite.call("daily", lambda: None)
        now[0] += 10
    assert waits == []


def test_no_secret_is_shown_logged_or_chained(caplog):
    caplog.set_level(logging.DEBUG)
    client = fetcher(
        [], attempts=2, secrets=(SECRET,), explain=lambda error: TransientError(f"says {error}")
    )
    with pytest.raises(SourceError) as caught:
        client.call("daily", Failing(*[RuntimeError(f"bad {SECRET}")] * 2))
    assert "says bad ***" in str(caught.value)
    assert "says bad ***" in caplog.text
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(client)
    assert SECRET not in shown
    link: BaseException | None = caught.value
    while link is not None:
        assert SECRET not in str(link)
        link = link.__cause__ or link.__context__


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (EMPTY, "should be JSON, and is nothing"),
        (HTML_INSTEAD, "should be JSON, and is a page of HTML"),
        (Response({"rows": ["920493"] * 5000}, reset=True), "the connection failed"),
    ],
    ids=["empty body", "HTML instead", "reset in mid-body"],
)
def test_a_broken_answer_is_asked_for_again_and_then_named(response, words):
    with VendorServer() as server:
        server.answer("/quotes", response)

        def ask() -> object:
            return requests.get(f"{server.url}/quotes", timeout=10).json()

        with pytest.raises(SourceError, match=words):
            fetcher([], attempts=2).call("quotes", ask)
        assert len(server.requests) == 2
        server.answer("/quotes", response, {"rows": 3})
        assert fetcher([], attempts=2).call("quotes", ask) == {"rows": 3}
