"""What the site shows of an approved revision, kept with its approval.

What belongs here: taking and giving back the rows of the tables that the site reads. What does not:
who approves (:mod:`bj_pipeline.automation.signoff`), and what pages are made of (``history``).

The warehouse holds an issue as it was built last. Once a revision is approved, that may become the
draft of the next one; its figures must not stand on pages that link to the approved files.
"""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bj_pipeline.report.document import Document, FactRef
from bj_pipeline.warehouse import approved, tables
from bj_pipeline.warehouse.store import Warehouse

TABLES = (
    tables.COMPANY_UNIVERSE,
    tables.AI_CHAIN_CLASSIFICATION,
    tables.COMPANY_METRICS,
    tables.AI_CHAIN_METRICS,
    tables.SECTOR_METRICS,
    tables.MOVERS,
    tables.MARKET_METRICS,
    tables.INPUT_FILES,
)
"""Tables of an issue that pages are made from, besides its document."""

Rows = list[dict[str, Any]]


def frame(warehouse: Warehouse, document: Document) -> pd.DataFrame:
    """The issue as the warehouse holds it now, as rows of ``approved_figures``."""
    kept = {name: records(warehouse.read(name, document.issue)) for name in TABLES}
    kept[tables.REPORT_DOCUMENT] = [{"document": _front(document).model_dump_json()}]
    return pd.DataFrame(
        [
            {
                "revision": document.revision,
                "table": name,
                "rows": json.dumps(rows, ensure_ascii=False, default=str),
            }
            for name, rows in kept.items()
        ]
    )


def read(warehouse: Warehouse, revisions: Mapping[int, int], table: str) -> dict[int, Rows]:
    """Rows of a table as they were approved, by issue.

    Args:
        warehouse: Holds the approvals.
        revisions: The revision wanted of each issue, by issue.
        table: One of the tables that are kept.
    """
    if not revisions:
        return {}
    kept = warehouse.read_issues(tables.APPROVED_FIGURES, revisions.keys(), table=table)
    approved.require_sealed(warehouse, table, kept)
    return {
        int(row["issue"]): [{"issue": int(row["issue"]), **one} for one in json.loads(row["rows"])]
        for row in kept.to_dict("records")
        if revisions[int(row["issue"])] == row["revision"]
    }


def records(frame: pd.DataFrame) -> Rows:
    """Rows as plain values; blanks, whatever their type, are None."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]


def _front(document: Document) -> Document:
    """The document without what the site does not show: it has the finished files for that."""
    points = document.front_page.key_points.items
    named = {part.fact for line in points for part in line if isinstance(part, FactRef)}
    facts = {name: fact for name, fact in document.facts.items() if name in named}
    return document.model_copy(update={"sections": (), "facts": facts})
