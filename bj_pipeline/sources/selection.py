"""Which rows of a raw table an issue needs.

What belongs here: days. What does not: reading, and which companies an issue covers. Frames carry
their day as an ordinal (``date.toordinal``) in ``date``.
"""

from datetime import date, timedelta

import pandas as pd

from bj_pipeline.issues import Issue
from bj_pipeline.warehouse import tables

_SUNDAY = 7


def announcement_window(issue: Issue) -> tuple[date, date]:
    """First and last day of the announcements of an issue.

    It begins on the Monday after the previous issue's Sunday, so that a holiday week without an
    issue loses none, and ends on this issue's Sunday.
    """
    previous_sunday = issue.base_date + timedelta(days=_SUNDAY - issue.base_date.isoweekday())
    return previous_sunday + timedelta(days=1), issue.issue_date


def needed(frame: pd.DataFrame, table: str, issue: Issue) -> pd.Series:
    """Mask of the rows that an issue needs.

    Args:
        frame: Columns ``vendor``, ``code``, ``date`` and ``priced`` (whether the row gives a
            price, where the table is ``raw_quotes``); one row a file's row.
        table: The raw table.
        issue: The issue.
    """
    everything = pd.Series(data=True, index=frame.index)
    if table not in tables.RAW_TABLES or "date" not in frame:
        return everything
    base, close = issue.base_date.toordinal(), issue.close_date.toordinal()
    if table == tables.RAW_ANNOUNCEMENTS:
        first, last = announcement_window(issue)
        return frame["date"].between(first.toordinal(), last.toordinal())
    if table == tables.RAW_INDEX_QUOTES:
        return frame["date"].between(base, close)
    if table == tables.RAW_QUOTES:
        # Only a price says when a company last traded: factors go on while it is suspended.
        at_base = _last_day(frame, frame["priced"] & (frame["date"] <= base))
        return frame["date"].between(base, close) | (frame["date"] == at_base)
    at_base = _last_day(frame, frame["date"] <= base)
    at_close = _last_day(frame, frame["date"] <= close)
    return (frame["date"] == at_base) | (frame["date"] == at_close)


def _last_day(frame: pd.DataFrame, among: pd.Series) -> pd.Series:
    """For every row the last day of its company among some rows (NaN if none)."""
    owner = [frame["vendor"], frame["code"]]
    return frame["date"].where(among).groupby(owner, sort=False).transform("max")
