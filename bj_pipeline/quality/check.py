"""What a check is: a question, what it looks at, and what it expects."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import pandas as pd

from bj_pipeline.issues import Issue
from bj_pipeline.reference import Reference
from bj_pipeline.report.artifacts import newest
from bj_pipeline.report.document import Document, parsed
from bj_pipeline.report.manifest import asset_of
from bj_pipeline.storage import Place
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse

Severity = Literal["critical", "warning"]
CRITICAL: Severity = "critical"
WARNING: Severity = "warning"


@dataclass(frozen=True)
class Evidence:
    """What the checks of one issue may look at; every table is read once."""

    issue: Issue
    warehouse: Warehouse
    reference: Reference
    artifacts: Place

    @cached_property
    def _frames(self) -> dict[str, pd.DataFrame]:
        return {}

    def table(self, name: str) -> pd.DataFrame:
        """The issue's rows of a table, ordered by its key."""
        if name not in self._frames:
            self._frames[name] = self.warehouse.read(name, self.issue.number)
        return self._frames[name]

    @cached_property
    def document(self) -> Document:
        """The issue's document."""
        return parsed(self.table(tables.REPORT_DOCUMENT)["document"].iloc[0])

    def artifact(self, name: str) -> Place:
        """A finished file of the issue, as it was built last."""
        digest = self.warehouse.version(asset_of(name), self.issue.number)
        return newest(self.artifacts / self.issue.folder, name, digest or "")

    @cached_property
    def coverage(self) -> set[str]:
        """Codes of the pool and of the AI chain at the close date."""
        day = self.issue.close_date
        members = {row.code for row in self.reference.pool(day)}
        return members | {link.code for link in self.reference.ai_chain(day)}


Frame = Callable[[Evidence], pd.DataFrame]
Expect = Callable[[Any, Evidence], Sequence[Any]]


@dataclass(frozen=True)
class Check:
    """One question that operations would ask of an asset.

    Attributes:
        name: Says what holds when all is well; a failing check reads as its contrary.
        asset: Asset that it guards.
        severity: ``critical`` blocks whatever reads the asset, ``warning`` shows.
        question: For the UI.
        remedy: What the operator does when it fails.
        reads: Tables that it looks at; new data in any of them outdates its result.
        frame: What it looks at, one row a thing that may be wrong.
        expect: Gets the module ``great_expectations.expectations`` and the evidence.
    """

    name: str
    asset: str
    severity: Severity
    question: str
    remedy: str
    reads: tuple[str, ...]
    frame: Frame
    expect: Expect

    @property
    def blocks(self) -> bool:
        """Whether a failure stops what reads the asset."""
        return self.severity == CRITICAL


def check(
    *, asset: str, severity: Severity, remedy: str, frame: Frame, reads: tuple[str, ...] = ()
) -> Callable[[Expect], Check]:
    """Make a check of a function that returns expectations; its docstring is the question."""

    def build(function: Expect) -> Check:
        return Check(
            name=function.__name__,
            asset=asset,
            severity=severity,
            question=(function.__doc__ or "").strip(),
            remedy=remedy,
            reads=reads or (asset,),
            frame=frame,
            expect=function,
        )

    return build


@dataclass(frozen=True)
class Rule:
    """One expectation of a check, as it was evaluated.

    Attributes:
        expectation: Great Expectations' name of it.
        arguments: What it was given, as plain values.
        held: Whether it holds.
        observed: What was found, in words.
        count: How many rows break it.
        rows: The first of them, as far as the check's page shows them.
    """

    expectation: str
    arguments: Mapping[str, Any]
    held: bool
    observed: str
    count: int
    rows: pd.DataFrame


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Attributes:
        expectations: How many rules were evaluated.
        broken: One text a broken rule.
        rows: The offending rows, all of them; empty if a rule speaks of the whole frame.
        columns: Columns that the broken rules speak of.
        suite: The suite that it was evaluated in, named after what its checks look at.
        rules: Every rule, in the order of the check; empty if the frame could not be made.
    """

    check: Check
    expectations: int
    broken: tuple[str, ...]
    rows: pd.DataFrame
    columns: tuple[str, ...] = ()
    suite: str = ""
    rules: tuple[Rule, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every rule held."""
        return not self.broken
