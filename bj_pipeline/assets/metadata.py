"""What the Dagster UI shows of an asset: column schemas, previews and plain values.

Dagster refuses NumPy scalars, dates and decimals in metadata and stores NaN as broken JSON; values
are converted here and nowhere else.
"""

import base64
from datetime import date
from typing import Any

import dagster as dg
import pandas as pd
from sqlalchemy import Boolean, Date, Double, Integer

from bj_pipeline.warehouse import tables

Plain = str | int | float | bool
_PREVIEW_ROWS = 10


def plain(value: Any) -> Plain:
    """A value that Dagster accepts; missing becomes an empty text."""
    if value is None or value is pd.NA or value != value:  # noqa: PLR0124 - NaN
        return ""
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "item"):
        return plain(value.item())
    if isinstance(value, bool | int | float | str):
        return value
    return str(value)


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Plain]]:
    """Rows of a frame as Dagster accepts them."""
    return [
        {str(name): plain(value) for name, value in row.items()} for row in frame.to_dict("records")
    ]


def preview(frame: pd.DataFrame, rows: int = _PREVIEW_ROWS) -> dg.TableMetadataValue:
    """The first rows as a table for the UI."""
    records = [dg.TableRecord(row) for row in plain_rows(frame.head(rows))]
    schema = dg.TableSchema([dg.TableColumn(str(name)) for name in frame.columns])
    return dg.MetadataValue.table(records, schema=schema)


def picture(svg: bytes) -> dg.MarkdownMetadataValue:
    """A drawing as the UI shows it; keep it under 50 kB."""
    data = base64.b64encode(svg).decode()
    return dg.MetadataValue.md(f"![chart](data:image/svg+xml;base64,{data})")


def column_schema(name: str) -> dg.TableSchema:
    """Columns of a warehouse table with types and meanings."""
    return dg.TableSchema(
        [
            dg.TableColumn(
                column.name,
                type=_type_name(column.type),
                description=column.comment,
                constraints=dg.TableColumnConstraints(nullable=bool(column.nullable)),
            )
            for column in tables.table(name).columns
        ]
    )


def _type_name(kind: object) -> str:
    names = ((Boolean, "bool"), (Date, "date"), (Double, "float"), (Integer, "int"))
    return next((name for type_, name in names if isinstance(kind, type_)), "string")
