"""Judges what comes of a spoiled file: the right numbers, or an error that names file and rule."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck

from bj_pipeline.errors import DataError, PipelineError
from bj_pipeline_tests.endurance import corpus
from bj_pipeline_tests.endurance.corpus import Good, values

SECONDS = 10
QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


@contextmanager
def in_time() -> Iterator[None]:
    """A case that hangs fails."""

    def late(*_: object) -> None:
        raise TimeoutError(f"not done after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def refusal(file: str, act: Callable[[], object]) -> DataError:
    """The error of an act that must be refused: it names the file and the rule, on one line."""
    with in_time(), pytest.raises(PipelineError) as raised:
        act()
    error = raised.value
    assert isinstance(error, DataError), repr(error)
    assert file in error.file, str(error)
    assert error.rule
    assert error.remedy
    assert "\n" not in str(error)
    return error


def judge(good: Good, *contents: bytes, may_lack_rows: bool = False) -> str:
    """Read spoiled contents: ``right``, or ``refused`` by an error that names the file."""
    try:
        with in_time():
            found = values(good, *contents)
    except PipelineError as error:
        told = str(error)
        found = None
    if found is None:
        assert good.name in told
        return "refused"
    wrong = {key: row for key, row in found.items() if row != good.truth.get(key)}
    assert not wrong, f"{good.name} says {corpus.frame_of(wrong)}"
    assert may_lack_rows or found.keys() == good.truth.keys()
    return "right"
