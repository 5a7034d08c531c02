"""Asking a vendor politely: not too fast, again after a failure, and giving up with a clear word.

What belongs here: rates, repetitions and the telling apart of failures that hold for every vendor.
What does not: what a vendor's own messages mean (the vendor's module) and what its answers must
hold.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from bj_pipeline.errors import PipelineError, SourceError

_Answer = TypeVar("_Answer")
_LOG = logging.getLogger(__name__)
_MINUTE = 60.0
_HIDDEN = "***"
_LONGEST_MESSAGE = 300


class TransientError(SourceError):
    """A failure that another attempt may mend."""


class ThrottledError(TransientError):
    """The vendor counts calls, and has had enough of them for this minute."""


@dataclass
class Fetcher:
    """Calls to one vendor.

    Attributes:
        vendor: Its name, for messages.
        per_minute: Most calls a minute; calls are spread evenly.
        attempts: How often a call is made before giving up.
        first_wait: Seconds before the second attempt; doubled from then on, plus jitter.
        longest_wait: Most seconds between attempts.
        throttled_wait: Seconds to wait when the vendor counts calls a minute.
        explain: What a client's exception means in this vendor's words; None for those it does
            not know. It raises nothing.
        secrets: Texts that no message may hold.
        wait: Waits that many seconds.
        clock: Seconds that only ever grow.
    """

    vendor: str
    per_minute: float = 60.0
    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0
    throttled_wait: float = _MINUTE + 1
    explain: Callable[[Exception], PipelineError | None] = lambda _error: None
    secrets: Sequence[str] = field(default=(), repr=False)
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)
    _next_call: float = field(default=float("-inf"), init=False, repr=False)

    def call(self, what: str, ask: Callable[[], _Answer]) -> _Answer:
        """Ask until there is an answer.

        Args:
            what: The call, as messages name it: ``daily trade_date=20260227``.
            ask: Calls the vendor's client, and may check what it returns: a
                :class:`TransientError` of its own is repeated too, other
                :class:`~bj_pipeline.errors.PipelineError` are not.

        Raises:
            SourceError: Every attempt failed.
        """
        retrying = Retrying(
            stop=stop_after_attempt(self.attempts),
            wait=self._pause,
            retry=retry_if_exception_type(TransientError),
            sleep=self.wait,
            before_sleep=lambda state: self._log(what, state),
            reraise=True,
        )
        try:
            answer: _Answer = retrying(self._attempt, what, ask)
        except TransientError as error:
            raise SourceError(
                f"{self.vendor} {what}: {error} ({self.attempts} attempts). What has arrived so "
                "far is kept; run it again later, or see `bj-pipeline doctor`."
            ) from None
        return answer

    def _attempt(self, what: str, ask: Callable[[], _Answer]) -> _Answer:
        self._keep_the_rate()
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 - clients raise bare exceptions of every kind
            failure = self._meaning(what, error)
        # Raised out here so that no traceback leads to an original that may hold the token.
        raise failure

    def _keep_the_rate(self) -> None:
        with self._lock:
            now = self.clock()
            start = max(now, self._next_call)
            self._next_call = start + _MINUTE / self.per_minute
        if start > now:
            self.wait(start - now)

    def _pause(self, state: RetryCallState) -> float:
        if isinstance(_failure(state), ThrottledError):
            return self.throttled_wait
        backoff = wait_exponential_jitter(
            self.first_wait, self.longest_wait, jitter=self.first_wait
        )
        return backoff(state)

    def _log(self, what: str, state: RetryCallState) -> None:
        _LOG.warning(
            "%s %s: %s; attempt %d of %d failed, waiting %.1f s",
            self.vendor,
            what,
            _failure(state),
            state.attempt_number,
            self.attempts,
            state.upcoming_sleep,
        )

    def _meaning(self, what: str, error: Exception) -> PipelineError:
        """The error as it is shown: typed, and without secrets."""
        if isinstance(error, PipelineError):
            return error
        known = self.explain(error) or TransientError(_in_general(error))
        text = str(known)
        for secret in filter(None, self.secrets):
            text = text.replace(secret, _HIDDEN)
        is_repeated = isinstance(known, TransientError)
        return type(known)(text if is_repeated else f"{self.vendor} {what}: {text}")


def _failure(state: RetryCallState) -> BaseException | None:
    return None if state.outcome is None else state.outcome.exception()


def _in_general(error: Exception) -> str:
    """What an exception of any client says."""
    if isinstance(error, ValueError) and hasattr(error, "doc"):
        # simplejson, where it is installed, takes the place of json in requests.
        found = str(error.doc).strip()
        kind = "something else" if found else "nothing"
        if found.startswith("<"):
            kind = "a page of HTML"
        return f"the answer should be JSON, and is {kind}"
    name = type(error).__name__
    if isinstance(error, OSError):
        # The text of a failed connection names addresses and memory, and nothing to act on.
        return f"the connection failed ({name})"
    return f"the client failed ({name}: {str(error)[:_LONGEST_MESSAGE]})"
