"""What was approved, with seals by which a change by hand is found.

What belongs here: the seals of the rows that an approval keeps, and reading those rows against
them. What does not: who approves (:mod:`bj_pipeline.automation.signoff`).

Approved rows only ever grow and have no data version of their own; their seals stand with the
approval, among the data versions of its tables.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bj_pipeline.errors import DataError
from bj_pipeline.warehouse import rows, tables
from bj_pipeline.warehouse.store import Warehouse, data_version

_WHOLE = (tables.APPROVED_FACTS, tables.APPROVED_TEXTS)
"""Read as a whole; of the figures one table at a time."""


def seals(record: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Seals of the rows that an approval keeps.

    Args:
        record: Rows by table, as they are going to be kept.
    """
    found = {name: _version(name, record[name]) for name in _WHOLE}
    figures = record[tables.APPROVED_FIGURES]
    for name, kept in zip(figures["table"], figures["rows"], strict=True):
        found[_figures(str(name))] = _digest(str(kept))
    return found


def read(warehouse: Warehouse, issue: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Rows of an issue's approvals, facts and texts.

    Raises:
        DataError: They are not as they were approved.
    """
    approvals, facts, texts = (warehouse.read(name, issue) for name in tables.SIGN_OFF)
    for row in approvals.to_dict("records"):
        with rows.understood(f"table {tables.APPROVALS} of issue {issue}"):
            sealed = _sealed(row)
        for name, frame in zip(_WHOLE, (facts, texts), strict=True):
            own = frame[frame["revision"] == row["revision"]]
            if name in sealed and _version(name, own) != sealed[name]:
                raise _broken(name, issue)
    return approvals, facts, texts


def require_sealed(warehouse: Warehouse, table: str, figures: pd.DataFrame) -> None:
    """Refuse rows of ``approved_figures`` that are not as they were approved.

    Args:
        warehouse: Holds the approvals.
        table: The table that the rows were taken from.
        figures: The rows, with their issue.

    Raises:
        DataError: Names the issue.
    """
    approvals = warehouse.read_issues(tables.APPROVALS, set(figures["issue"]))
    with rows.understood(f"table {tables.APPROVALS}"):
        sealed = {
            (row["issue"], row["revision"]): _sealed(row)
            for row in approvals.to_dict("records")
            if row["state"] == tables.APPROVED
        }
    for row in figures.to_dict("records"):
        seal = sealed.get((row["issue"], row["revision"]), {}).get(_figures(table))
        if seal is not None and seal != _digest(row["rows"]):
            raise _broken(tables.APPROVED_FIGURES, row["issue"])


def _sealed(approval: Mapping[Any, Any]) -> dict[str, str]:
    """Data versions and seals of an approval."""
    if approval["state"] not in {tables.APPROVED, tables.WITHDRAWN}:
        raise ValueError(approval["state"])
    return dict(json.loads(approval["data_versions"]))


def _version(name: str, frame: pd.DataFrame) -> str:
    return data_version(rows.ordered(rows.typed(name, frame), tables.key(name)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _figures(table: str) -> str:
    return f"{tables.APPROVED_FIGURES}.{table}"


def _broken(table: str, issue: int) -> DataError:
    return DataError(
        f"table {table} of issue {issue}",
        "rows of an approved revision stay as they were approved",
        "They were changed by hand or by another program: restore a backup "
        "(`bj-pipeline restore`).",
    )
