"""Running checks with Great Expectations, in a way that leaves nothing behind."""

import importlib
import logging
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import groupby
from types import ModuleType
from typing import Any

import pandas as pd

from bj_pipeline.quality.check import Check, Evidence, Frame, Outcome, Rule

_META = "check"
_ORDER = "order"
_BATCH = "frame"
_ROWS_KEPT = 20
_PLAIN = frozenset({str, int, bool, type(None)})
_EVALUATING = threading.RLock()
"""Held while a suite is evaluated: what is changed of Great Expectations, all threads share."""


def run_checks(checks: Sequence[Check], evidence: Evidence) -> list[Outcome]:
    """Evaluate checks; checks that look at the same frame share one suite.

    A check never raises for bad data: a column that is missing, a frame that cannot be made, or a
    rule that cannot be evaluated, is a broken rule.
    """
    outcomes: list[Outcome] = []
    by_frame = sorted(checks, key=lambda one: _frame_name(one.frame))
    for _, group in groupby(by_frame, key=lambda one: _frame_name(one.frame)):
        outcomes += _run_suite(list(group), evidence)
    order = {one.name: position for position, one in enumerate(checks)}
    return sorted(outcomes, key=lambda outcome: order[outcome.check.name])


def _frame_name(frame: Frame) -> str:
    return f"{frame.__module__}.{frame.__qualname__}"


@cache
def _great_expectations() -> ModuleType:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    # Two statistical expectations import these, which take as long as all the rest; no suite of
    # ours has them.
    with _EVALUATING, imported_when_used("altair", "scipy.stats"):
        import great_expectations as gx  # noqa: PLC0415 - takes seconds; only checks need it

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    return gx


class _Later(ModuleType):
    """Stands for a module that is imported when something first looks into it."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def imported_when_used(*names: str) -> Iterator[None]:
    """Give stand-ins to what is imported meanwhile; nobody else gets to see them."""
    stand_ins = {name: _Later(name) for name in names if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]


def _run_suite(checks: list[Check], evidence: Evidence) -> list[Outcome]:
    try:
        return _validated(checks, evidence)
    except Exception as error:  # noqa: BLE001 - a check that raises would fail even a warning's run
        reason = (f"cannot be evaluated: {type(error).__name__}: {error}",)
        return [Outcome(one, 0, reason, pd.DataFrame()) for one in checks]


def _validated(checks: list[Check], evidence: Evidence) -> list[Outcome]:
    frame = checks[0].frame(evidence).reset_index(drop=True)
    gx = _great_expectations()
    rules = [(one, rule) for one in checks for rule in one.expect(gx.expectations, evidence)]
    for order, (one, rule) in enumerate(rules):
        rule.meta = {_META: one.name, _ORDER: order}
        rule.severity = one.severity
    # Added one by one, a rule that another check states too would be dropped.
    suite = gx.ExpectationSuite(
        name=_frame_name(checks[0].frame), expectations=[rule for _, rule in rules]
    )
    found: dict[str, list[Any]] = {one.name: [] for one in checks}
    # Results do not come in the order of the suite.
    for single in sorted(
        _results(suite, frame), key=lambda single: single.expectation_config.meta[_ORDER]
    ):
        found[single.expectation_config.meta[_META]].append(single)
    return [_outcome(one, found[one.name], frame) for one in checks]


def _results(suite: Any, frame: pd.DataFrame) -> Sequence[Any]:
    """Let Great Expectations evaluate a suite on a frame, in one graph of metrics.

    Its validator works without a data context, and leaves nothing behind. A context with its data
    source, asset and batch, each written to a store, would take longer than the suite.
    """
    from great_expectations.execution_engine.pandas_execution_engine import (  # noqa: PLC0415
        PandasExecutionEngine,
    )
    from great_expectations.validator.validator import Validator  # noqa: PLC0415

    validator = Validator(PandasExecutionEngine(batch_data_dict={_BATCH: frame}))
    validator.metrics_calculator.show_progress_bars = False

    def evaluated(rules: list[Any], form: str) -> list[Any]:
        return list(
            validator.graph_validate(
                configurations=rules,
                runtime_configuration={"result_format": {"result_format": form}},
            )
        )

    with _without_repetition():
        results = evaluated(suite.expectation_configurations, "BASIC")
        # Where the offending rows lie takes as long to find as whether there are any.
        broken = [single.expectation_config for single in results if not single.success]
        held = [single for single in results if single.success]
        return held + (evaluated(broken, "COMPLETE") if broken else [])


@contextmanager
def _without_repetition() -> Iterator[None]:
    """Let a rule tell its configuration a hundred times and make it once.

    Great Expectations makes it anew at every step of an evaluation, which takes half of its time;
    a rule does not change meanwhile. Likewise it tries two dozen types on each argument of a
    metric, to make JSON of it for the metric's id; nearly all are plain.
    """
    from great_expectations.core import id_dict  # noqa: PLC0415
    from great_expectations.expectations import expectation  # noqa: PLC0415

    kind: Any = expectation.Expectation
    identities: Any = id_dict
    # With the rule itself, so that no other rule gets its id.
    made: dict[int, tuple[Any, Any]] = {}

    def configuration(rule: Any) -> Any:
        if id(rule) not in made:
            made[id(rule)] = (rule, make.fget(rule))
        return made[id(rule)][1]

    def as_json(data: dict[str, Any]) -> Any:
        return data if all(type(one) in _PLAIN for one in data.values()) else convert(data)

    with _EVALUATING:
        make, convert = kind.configuration, identities.convert_to_json_serializable
        kind.configuration = property(configuration)
        identities.convert_to_json_serializable = as_json
        try:
            yield
        finally:
            kind.configuration = make
            identities.convert_to_json_serializable = convert


def _outcome(one: Check, results: list[Any], frame: pd.DataFrame) -> Outcome:
    broken = [single for single in results if not single.success]
    positions = sorted(
        {
            int(position)
            for single in broken
            for position in single.result.get("unexpected_index_list") or ()
        }
    )
    return Outcome(
        check=one,
        expectations=len(results),
        broken=tuple(_wording(single) for single in broken),
        rows=_rows(frame, positions),
        columns=tuple(dict.fromkeys(_columns(broken))),
        suite=_frame_name(one.frame),
        rules=tuple(_rule(single, frame) for single in results),
    )


def _rule(single: Any, frame: pd.DataFrame) -> Rule:
    config = single.expectation_config
    positions = sorted(int(at) for at in single.result.get("unexpected_index_list") or ())
    return Rule(
        expectation=config.type,
        arguments={
            name: value
            for name, value in config.kwargs.items()
            if name != "batch_id" and value is not None
        },
        held=bool(single.success),
        observed=_observed(single),
        count=int(single.result.get("unexpected_count") or 0),
        rows=_rows(frame, positions[:_ROWS_KEPT]),
    )


def _rows(frame: pd.DataFrame, positions: list[int]) -> pd.DataFrame:
    # Nearly every rule holds, and an empty slice costs less than an empty choice.
    return frame.iloc[positions] if positions else frame.iloc[:0]


def _columns(broken: Sequence[Any]) -> Iterator[str]:
    for single in broken:
        kwargs = single.expectation_config.kwargs
        yield from kwargs.get("column_list") or ([kwargs["column"]] if "column" in kwargs else [])


def _wording(single: Any) -> str:
    config = single.expectation_config
    rule = config.type.removeprefix("expect_").replace("_", " ")
    arguments = ", ".join(
        f"{name}={value}"
        for name, value in config.kwargs.items()
        if name not in {"batch_id", "column", "mostly"} and value is not None
    )
    column = config.kwargs.get("column", "")
    text = " ".join(part for part in (column, rule, f"({arguments})" if arguments else "") if part)
    return f"{text}: {_observed(single)}"


def _observed(single: Any) -> str:
    raised = _exception(single.exception_info)
    if raised:
        return f"cannot be evaluated: {raised}"
    count = single.result.get("unexpected_count")
    if count is not None:
        return f"{count} of {single.result.get('element_count')} rows"
    return f"found {single.result.get('observed_value')}"


def _exception(info: Any) -> str:
    """The message of an exception; on metric errors it is nested by metric."""
    if not isinstance(info, dict):
        return ""
    if info.get("raised_exception"):
        return str(info.get("exception_message", ""))
    nested = [_exception(value) for value in info.values() if isinstance(value, dict)]
    return next((text for text in nested if text), "")
