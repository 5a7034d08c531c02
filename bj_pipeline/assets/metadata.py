"""What the Dagster UI shows of an asset: column schemas, previews and plain values.

Dagster refuses NumPy scalars, dates and decimals in metadata and stores NaN as broken JSON; values
are converted here and nowhere else.
"""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
import pandas as pd
from sqlalchemy import Boolean, Date, Double, Integer

from bj_pipeline.warehouse import tables

Plain = str | int | float | bool
_PREVIEW_ROWS = 10
_MARKDOWN = re.compile(r"[\\`*\[\]<>&!|~#$]|(?<![^\W_])_|_(?![^\W_])|:(?=//)")


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
    return dg.MetadataValue.table(records, schema=_schema_of(frame.columns))


def _schema_of(columns: Iterable[object]) -> dg.TableSchema:
    return dg.TableSchema([dg.TableColumn(str(name)) for name in columns])


def table_preview(name: str, frame: pd.DataFrame) -> dg.TableMetadataValue:
    """The first rows of a warehouse table as people read them: rounded, with units in the header.

    Drawings are left out: their text says nothing.
    """
    columns = {}
    for column, values in frame.head(_PREVIEW_ROWS).items():
        header, unit = str(column), _unit(name, str(column))
        if header == "svg":
            continue
        if unit is None:
            columns[header] = [plain(value) for value in values]
        else:
            header = ", ".join(filter(None, (header, unit.label)))
            columns[header] = [plain(round(value / unit.size, unit.decimals)) for value in values]
    rows = [
        dg.TableRecord(dict(zip(columns, row, strict=True)))
        for row in zip(*columns.values(), strict=True)
    ]
    return dg.MetadataValue.table(rows, schema=_schema_of(columns))


@dataclass(frozen=True)
class _Unit:
    """How a column is shown: its unit, what that is in the warehouse's, and decimals."""

    label: str
    size: float
    decimals: int


_UNITS = (
    ("points", _Unit("points", 1, 2)),
    ("fraction;", _Unit("%", 0.01, 2)),
    ("a fraction", _Unit("%", 0.01, 2)),
    ("×", _Unit("×", 1, 1)),
    ("in shares", _Unit("shares", 1, 0)),
)
"""How units are named in a column's comment."""
_PRICE = _Unit("yuan", 1, 2)
_MONEY = _Unit("亿元", 1e8, 2)
_BARE = _Unit("", 1, 4)


def _unit(table: str, column: str) -> _Unit | None:
    """How a number is shown; None for what is no number with decimals."""
    known = tables.table(table).columns.get(column)
    if known is None or not isinstance(known.type, Double):
        return None
    comment = str(known.comment)
    if ", yuan" in comment:
        return _PRICE if column.startswith("close") else _MONEY
    return next((unit for word, unit in _UNITS if f", {word}" in f", {comment}"), _BARE)


def literal(text: str) -> str:
    """Text that the UI's Markdown shows as it is, whatever names it quotes."""
    return _MARKDOWN.sub(r"\\\g<0>", " ".join(text.split()))


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
