"""Several files into one table: their columns meet on the key.

What belongs here: what happens when two files, or two lines, speak of the same company and day.
What does not: reading cells (``layouts``) and choosing days (``selection``).

Frames here have one row a file's row: ``vendor``, ``interface``, ``file`` (position of its
delivery), ``place``, ``line``, the key's columns, and the table's other columns, empty where that
file says nothing.
"""

from collections.abc import Sequence

import pandas as pd

from bj_pipeline.counted import counted
from bj_pipeline.errors import DataError
from bj_pipeline.sources.mappings import ADJUSTED_CLOSE
from bj_pipeline.warehouse import tables

ORIGIN = ("vendor", "interface", "file", "place", "line")
_WORDS = frozenset({"vendor_code", "name", "category", "url"})
"""Not compared: vendors prefix names, and the code switch changed codes within a week."""


def combine(stacked: pd.DataFrame, table: str) -> tuple[pd.DataFrame, list[str]]:
    """One row a key: each vendor's files merged, then each company taken from one vendor.

    Args:
        stacked: Rows of all files; vendors come in order of preference.
        table: The raw table.

    Returns:
        The merged rows (with ``file`` of the row that gave the first column), and remarks.

    Raises:
        DataError: Two rows of one vendor give different values.
    """
    merged: list[pd.DataFrame] = []
    notes: list[str] = []
    for vendor, rows in stacked.groupby("vendor", sort=False):
        frame, remarks = _of_one_vendor(rows, table)
        notes += remarks
        if merged and "vendor" not in tables.key(table):
            taken = pd.concat([other["code"] for other in merged])
            lacking = ~frame["code"].isin(taken)
            left = counted(frame.loc[lacking, "code"].nunique(), "company", "companies")
            notes.append(
                f"{merged[0]['vendor'].iloc[0]} comes first; {vendor} is used only for {left} that "
                "it lacks"
            )
            frame = frame[lacking]
        merged.append(frame)
    return pd.concat(merged, ignore_index=True), notes


def _of_one_vendor(rows: pd.DataFrame, table: str) -> tuple[pd.DataFrame, list[str]]:
    """Merge the files of one vendor, column by column."""
    key = [column for column in tables.key(table) if column != "vendor"]
    ids = rows.groupby(key, sort=False).ngroup()
    # The file that gives the price names the row: its code and name are shown with it.
    lead = rows["close"].isna() if "close" in rows else pd.Series(data=False, index=rows.index)
    leading = lead.argsort(kind="stable")
    first = rows.iloc[leading].groupby(ids.iloc[leading].to_numpy(), sort=True).head(1)
    merged = first[[*ORIGIN, *key]].set_index(ids.loc[first.index].to_numpy())
    repeated = 0
    for column in rows.columns.difference([*ORIGIN, *key], sort=False):
        given = rows[column].notna().to_numpy()
        values = rows.loc[given, column].set_axis(ids.to_numpy()[given])
        twice = values.index.duplicated()
        if twice.any():
            if column not in _WORDS and table != tables.RAW_ANNOUNCEMENTS:
                _refuse_contradiction(rows[given], ids[given], column)
                repeated = max(repeated, int(twice.sum()))
            values = values[~twice]
        merged[column] = values.reindex(merged.index)
    if table == tables.RAW_ANNOUNCEMENTS:
        repeated = len(rows) - len(merged)
    notes = [f"{repeated} repeated rows were taken once"] if repeated else []
    return merged.sort_index(), notes


def _refuse_contradiction(rows: pd.DataFrame, ids: pd.Series, column: str) -> None:
    """Refuse a value that contradicts an earlier one of the same key."""
    values = rows[column].to_numpy()
    firsts = rows[column].groupby(ids.to_numpy()).transform("first").to_numpy()
    differs = values != firsts
    if not differs.any():
        return
    second = rows[differs].iloc[0]
    first = rows[(ids == ids[differs].iloc[0]).to_numpy()].iloc[0]
    raise DataError(
        str(second["place"]),
        f"files of one vendor agree: {column} of {first['code']} is {_shown(first[column])} "
        f"in {first['place']}, line {first['line']}",
        "Remove the wrong row or file.",
        int(second["line"]),
        _shown(second[column]),
    )


def _shown(value: object) -> str:
    return "a loss" if value == float("-inf") else str(value)


def with_factors(frame: pd.DataFrame, places: Sequence[str]) -> pd.DataFrame:
    """Fill ``adj_factor`` from adjusted closes: adjusted ÷ unadjusted.

    Args:
        frame: Merged quotes, perhaps with a column ``adjusted_close``.
        places: File names by position.

    Raises:
        DataError: An adjusted close is not positive, so that changes mean nothing.
    """
    if ADJUSTED_CLOSE not in frame:
        return frame
    adjusted = frame[ADJUSTED_CLOSE]
    bad = frame[adjusted <= 0]
    if not bad.empty:
        row = bad.iloc[0]
        raise DataError(
            places[int(row["file"])],
            "adjusted closes are greater than zero",
            "Export closes adjusted backwards (后复权).",
            found=f"{row[ADJUSTED_CLOSE]} for {row['code']}",
        )
    factor = adjusted / frame["close"]
    known = frame["adj_factor"] if "adj_factor" in frame else pd.Series(index=frame.index)
    return frame.assign(adj_factor=known.astype("float64").fillna(factor))
