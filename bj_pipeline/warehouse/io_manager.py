"""How assets reach the warehouse and come out of it again.

A frame that an asset returns replaces the issue's rows of the table that bears the asset's name; a
document is stored together with its facts. Whoever loads an asset first asks whether its blocking
checks have passed on the present data.
"""

from typing import Any

import dagster as dg
import pandas as pd

from bj_pipeline.assets.metadata import table_preview
from bj_pipeline.errors import CheckFailedError, MissingDataError
from bj_pipeline.quality.stages import require_passed
from bj_pipeline.report.document import Document, parsed
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse

TRAILING = "trailing"
"""Input metadata: load the earlier issues that are there, with the column ``issue``."""


class WarehouseIOManager(dg.IOManager):
    """Stores frames and documents by issue.

    Attributes:
        warehouse: Where they go.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Replace the issue's partition, and show what it holds."""
        if obj is None:
            return
        name = context.asset_key.path[-1]
        frames = _frames(name, obj)
        versions = self.warehouse.replace(int(context.partition_key), frames)
        frame = frames[name]
        shown: dict[str, Any] = {
            "dagster/row_count": len(frame),
            "data version": versions[name],
        }
        if name != tables.REPORT_DOCUMENT:
            shown["preview"] = table_preview(name, frame)
        context.add_output_metadata(shown)

    def load_input(self, context: dg.InputContext) -> Any:
        """Load the partition that the downstream issue needs.

        Raises:
            MissingDataError: It was never built.
            CheckFailedError: A blocking check of it failed, or has not seen its present data.
        """
        name = context.asset_key.path[-1]
        if (context.definition_metadata or {}).get(TRAILING):
            return self._load_trailing(name, [int(key) for key in context.asset_partition_keys])
        issue = int(context.asset_partition_key)
        require_passed(self.warehouse, issue, name)
        frame = self.warehouse.read(name, issue)
        if name == tables.REPORT_DOCUMENT:
            return parsed(frame["document"].iloc[0])
        return frame

    def _load_trailing(self, name: str, issues: list[int]) -> pd.DataFrame:
        """Rows of those issues that are there and passed their checks, with their number."""
        frames = []
        for issue in sorted(issues):
            try:
                require_passed(self.warehouse, issue, name)
                frames.append(self.warehouse.read(name, issue).assign(issue=issue))
            except (MissingDataError, CheckFailedError):
                continue
        columns = ["issue", *tables.columns(name)]
        return pd.concat(frames)[columns] if frames else pd.DataFrame(columns=columns)


def _frames(name: str, obj: Any) -> dict[str, pd.DataFrame]:
    if isinstance(obj, Document):
        return {
            tables.REPORT_DOCUMENT: pd.DataFrame({"document": [obj.model_dump_json()]}),
            tables.FACTS: facts_frame(obj),
        }
    if isinstance(obj, pd.DataFrame):
        return {name: obj}
    raise TypeError(f"{name}: an asset returns a frame or a document, not a {type(obj).__name__}.")


def facts_frame(document: Document) -> pd.DataFrame:
    """Facts of a document as rows of the table ``facts``."""
    rows = [
        {
            "fact": fact.id,
            "display": fact.text,
            "value": fact.value,
            "unit": fact.unit,
            "table": fact.table,
            "row": fact.row,
            "column": fact.column,
            "formula": fact.formula,
            "files": ", ".join(fact.files),
        }
        for fact in document.facts.values()
    ]
    return pd.DataFrame(rows, columns=list(tables.columns(tables.FACTS)))
