"""Columns in the one form that the metrics work with, and result frames in the tables' form.

Raw tables come from the warehouse, from sources and from tests, each with its own idea of a date,
a flag or a blank. What belongs here: bringing them into one form. What does not: any figure.
"""

import numpy as np
import pandas as pd
from sqlalchemy import Boolean, Double, Integer

from bj_pipeline.warehouse import tables


def days(values: pd.Series) -> pd.Series:
    """Dates (``datetime.date`` or ``datetime64``) as ``datetime64``; a blank is NaT."""
    return pd.to_datetime(values)


def numbers(values: pd.Series) -> pd.Series:
    """Numbers as float64; a blank or an infinity is NaN."""
    floats = pd.to_numeric(values).astype("float64")
    return floats.where(np.isfinite(floats))


def positive(values: pd.Series) -> pd.Series:
    """Numbers above zero; anything else is NaN: vendors write 0 where they know nothing."""
    floats = numbers(values)
    return floats.where(floats > 0)


def flags(values: pd.Series) -> pd.Series:
    """Flags as bool; a blank is False."""
    return values.eq(other=True).fillna(value=False).astype(bool)


def pool(companies: pd.DataFrame) -> pd.DataFrame:
    """Companies that count in the pool's figures: those with a sector."""
    return companies[companies["sector"].notna() & companies["sector"].ne("")]


def as_table(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """A frame with exactly the columns and types of a table (without ``issue``).

    Args:
        frame: Holds at least the table's columns.
        name: Table name.
    """
    return pd.DataFrame(
        {column: _typed(name, column, frame[column].array) for column in tables.columns(name)}
    )


def _typed(name: str, column: str, values: pd.api.extensions.ExtensionArray) -> pd.Series:
    declared = tables.table(name).columns[column]
    series = pd.Series(values)
    if isinstance(declared.type, Double):
        return numbers(series)
    if isinstance(declared.type, Integer):
        return series.astype("Int64" if declared.nullable else "int64")
    if isinstance(declared.type, Boolean):
        return flags(series)
    return series.astype("str")
