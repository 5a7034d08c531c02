"""Issue 65 of the sample as the checks see it, and faults planted in it."""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bj_pipeline.issues import by_number
from bj_pipeline.quality.check import Check, Evidence, Outcome
from bj_pipeline.quality.stages import STAGES
from bj_pipeline.quality.validate import run_checks
from bj_pipeline.reference import load_reference
from bj_pipeline.report.document import Document
from bj_pipeline.settings import PACKAGE
from bj_pipeline.sources.sample import SampleSource
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse

Change = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class BuiltIssue(Evidence):
    """A built issue, some of whose tables may be replaced in memory.

    In memory, because many faults (a row twice, a column missing) cannot even be stored.
    """

    planted: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @classmethod
    def of(cls, home: Path) -> "BuiltIssue":
        """Issue 65 in a home that ``bj-pipeline run`` filled from the sample."""
        return cls(
            issue=by_number(65),
            warehouse=Warehouse(f"sqlite:///{home / 'warehouse.db'}"),
            reference=load_reference(PACKAGE / "reference", SampleSource().pool_file),
            artifacts=home / "artifacts",
        )

    def table(self, name: str) -> pd.DataFrame:
        return self.planted[name] if name in self.planted else super().table(name)

    def plant(self, name: str, change: Change) -> "BuiltIssue":
        """The same issue with one table changed."""
        return replace(self, planted={**self.planted, name: change(self.table(name).copy())})

    def without(self, *names: str) -> "BuiltIssue":
        """The same issue with tables that hold no row."""
        empty = {name: self.table(name).head(0) for name in names}
        return replace(self, planted={**self.planted, **empty})

    def with_document(self, **changes: Any) -> "BuiltIssue":
        """The same issue with parts of its document changed."""
        return self.with_whole_document(self.document.model_copy(update=changes))

    def with_whole_document(self, document: Document) -> "BuiltIssue":
        """The same issue with another document."""
        frame = pd.DataFrame({"document": [document.model_dump_json()]})
        return self.plant(tables.REPORT_DOCUMENT, lambda _: frame)

    def stored_in(self, folder: Path) -> "BuiltIssue":
        """The same issue in a warehouse of its own, which a test may write to."""
        copy = folder / "warehouse.db"
        with (
            sqlite3.connect(self.warehouse.engine.url.database) as source,
            sqlite3.connect(copy) as target,
        ):
            source.backup(target)
        return replace(self, warehouse=Warehouse(f"sqlite:///{copy}"))


def cells(column: str, value: Any, **where: Any) -> Change:
    """Set a column (a function gets the old values) in the rows where other columns say so."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        rows = pd.Series(data=True, index=frame.index)
        for name, wanted in where.items():
            rows &= frame[name] == wanted
        assert rows.any(), f"No row has {where}."
        frame.loc[rows, column] = value(frame.loc[rows, column]) if callable(value) else value
        return frame

    return change


def twice(**where: Any) -> Change:
    """State the rows where columns say so a second time."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        rows = pd.Series(data=True, index=frame.index)
        for name, wanted in where.items():
            rows &= frame[name] == wanted
        assert rows.any(), f"No row has {where}."
        return pd.concat([frame, frame[rows]], ignore_index=True)

    return change


def failures(issue: Evidence, stage: str) -> dict[str, Outcome]:
    """The checks of a stage that fail, by name."""
    return {
        outcome.check.name: outcome
        for outcome in run_checks(STAGES[stage], issue)
        if not outcome.passed
    }


def result(issue: Evidence, check: Check) -> Outcome:
    """What one check finds."""
    (outcome,) = run_checks([check], issue)
    return outcome


def codes(outcome: Outcome) -> set[str]:
    """Codes of the offending rows."""
    return set(outcome.rows["code"])
