"""Recognising what a vendor sent, and reading it into a raw table.

What belongs here: the way from deliveries to one table of an issue. What does not: vendors' column
names (``vendor_layouts``), file formats (``spreadsheets``), ways to write a value (``cells``),
binding of columns (``interfaces``, ``grammars``), meeting of files (``combination``) and the days
that an issue needs (``selection``).
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain, repeat

import numpy as np
import pandas as pd
from sqlalchemy import Boolean, Date, Double, Integer

from bj_pipeline.counted import counted
from bj_pipeline.errors import DataError
from bj_pipeline.issues import Issue
from bj_pipeline.sources import Delivery, cells, combination, grammars, interfaces, selection
from bj_pipeline.sources.mappings import ADJUSTED_CLOSE, SPREADSHEET, vendors
from bj_pipeline.sources.spreadsheets import Cell, Row, Sheet, sheets
from bj_pipeline.sources.views import Field, Layout, Part, View
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.rows import ordered

__all__ = ["Layout", "Reading", "read", "recognise"]

_LONGEST_TEXT = 2000
"""Of a title or an address: more would fill the pages of a report."""
_LOSS = -np.inf
"""A loss of unknown size, while files are merged: it contradicts every number."""

_UNREADABLE = "unreadable"
"""Column that holds, while files are read, what is wrong with a row."""
_WRONG_CELLS = 5000
"""With more of them it is the file that is wrong, and no week's part of it."""
_DATED = (tables.RAW_QUOTES, tables.RAW_VALUATIONS, tables.RAW_INDEX_QUOTES)
_MEASURES = {
    # A row in which all of these are blank is a ghost: a company not listed there (any more, yet).
    tables.RAW_QUOTES: ("close", "adj_factor", ADJUSTED_CLOSE),
    tables.RAW_INDEX_QUOTES: ("close",),
    tables.RAW_VALUATIONS: ("market_cap", "total_shares", "pe_ttm"),
    tables.RAW_FINANCIALS: ("revenue", "net_profit"),
}
_CUT_SHARE = 0.5
_CUT_COMPANIES = 20
_SHOWN = 6
_SAME_COLUMNS = 2
"""A sheet that shares so many headers with another one holds the same table."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One raw table of one issue, and where it came from.

    Attributes:
        frame: The table's columns in its order, one row a key, sorted by key.
        files: ``name``, ``vendor``, ``interface``, ``sha256``, ``bytes`` and ``rows`` (rows of the
            table that the file had a part in), one row a file.
        notes: Remarks for people: what was left out, assumed or missing.
    """

    frame: pd.DataFrame
    files: pd.DataFrame
    notes: tuple[str, ...]


def recognise(delivery: Delivery) -> Layout:
    """How a delivery is read: by its interface if it names one, else by its header.

    Args:
        delivery: Where its vendor is empty, only the content and the file name can tell.

    Raises:
        DataError: It cannot be opened, breaks the layout that it names, or fits none
            (:class:`~bj_pipeline.sources.views.UnknownLayoutError`); the message says what was
            understood and what was not.
    """
    if delivery.vendor and delivery.vendor not in vendors():
        known = ", ".join(vendors())
        rule = f"the vendor is one of {known}"
        remedy = "Describe its files in sources/vendor_layouts."
        raise DataError(delivery.name, rule, remedy, found=delivery.vendor)
    found = sheets(delivery.name, delivery.content)
    layout = _bound(delivery, found)
    _refuse_merged_rows(delivery, found, layout)
    return layout


def _bound(delivery: Delivery, found: Sequence[Sheet]) -> Layout:
    named = interfaces.named(delivery)
    if named is not None:
        return _bound_alone(named, delivery, found)
    by_header = interfaces.by_header(delivery, found[0])
    if by_header is not None:
        return _bound_alone(by_header, delivery, found)
    spreadsheet = grammars.bind(delivery, found)
    if spreadsheet is not None:
        return spreadsheet
    raise interfaces.unknown(delivery, found[0])


def _bound_alone(known: interfaces.Known, delivery: Delivery, found: Sequence[Sheet]) -> Layout:
    """Bind the first sheet; another one with the same columns may say something else."""
    first, *others = found
    titles = {cells.words(cell) for cell in first.rows[0]} - {""}
    for other in others:
        for row, line in zip(other.rows, other.lines, strict=True):
            if len(titles & {cells.words(cell) for cell in row}) >= _SAME_COLUMNS:
                place = f"{delivery.name} [{other.name}]"
                rule = f"one visible sheet holds the table ({first.name} holds it too)"
                remedy = "Delete or hide the sheet that does not count."
                raise DataError(place, rule, remedy, line, "the same columns")
    return interfaces.bind(known, delivery, first)


def _refuse_merged_rows(delivery: Delivery, found: Sequence[Sheet], layout: Layout) -> None:
    """Refuse rows that share a cell: what it says of any but the first cannot be known."""
    for sheet in found:
        places = {delivery.name, f"{delivery.name} [{sheet.name}]"}
        lines = sorted(line for part in layout.parts if part.place in places for line in part.lines)
        for first, last in sheet.merged:
            at = bisect_left(lines, first)
            if at < len(lines) and lines[at] <= last:
                rule = "no cell is merged over rows of companies"
                remedy = "Unmerge the cells, and fill each of them."
                found_ = f"one cell in lines {first} to {last}"
                raise DataError(delivery.name, rule, remedy, first, found_)


def read(
    deliveries: Sequence[Delivery], table: str, issue: Issue, *, every_row: bool = False
) -> Reading:
    """Read one raw table of one issue from everything that may feed it.

    Files of one vendor are merged by the table's key; where several vendors feed a table whose key
    does not tell vendors apart, a company is taken from the first one that has it.

    Args:
        deliveries: In order of preference of their vendors.
        table: Such as ``raw_quotes``.
        issue: Only its days are kept.
        every_row: Whether a cell that cannot be read is refused on other days too, instead of in
            the issues alone that need it.

    Raises:
        DataError: A file breaks its layout, contradicts another one, was cut, or holds another
            week's days.
    """
    names = [delivery.name for delivery in deliveries]
    layouts = [recognise(delivery) for delivery in deliveries]
    notes = [note for layout in layouts for note in layout.notes]
    useful = [table in layout.tables for layout in layouts]
    for name, layout, is_useful in zip(names, layouts, useful, strict=True):
        if is_useful:
            _refuse_unusable(name, layout, table)
    useless = [name for name, is_useful in zip(names, useful, strict=True) if not is_useful]
    if useless:
        notes.append(f"{_named(useless)}: nothing for {table}")
    stacked, remarks = _values_of_issue(layouts, table, issue, every_row=every_row)
    notes += remarks
    merged = stacked
    if stacked.empty:
        notes.append(
            f"no file gives {table}" + (f" of issue {issue.number}" if any(useful) else "")
        )
    else:
        merged, remarks = combination.combine(stacked, table)
        notes += remarks
        merged, remarks = _completed(merged, table, names)
        notes += remarks
    rows = {} if merged.empty else _contributions(stacked, merged, table)
    files = _files(deliveries, layouts, rows)
    return Reading(_finished(merged, table), files, tuple(dict.fromkeys(notes)))


def _refuse_unusable(name: str, layout: Layout, table: str) -> None:
    """Refuse layouts that are never used, and results that the vendor cut."""
    if layout.refused:
        rule = f"a file can be used for {table}"
        remedy = "Remove it, and fetch figures that say of which day they are."
        raise DataError(name, rule, remedy, found=layout.refused)
    if layout.row_cap and any(len(part.rows) == layout.row_cap for part in layout.parts):
        rule = f"a result has fewer rows than the vendor's cap of {layout.row_cap}"
        remedy = "It was cut: fetch fewer days a call."
        raise DataError(name, rule, remedy, found=f"{layout.row_cap} rows")


def _values_of_issue(
    layouts: Sequence[Layout], table: str, issue: Issue, *, every_row: bool
) -> tuple[pd.DataFrame, list[str]]:
    """All files' rows for the table that lie in the issue's days, one row a file's row."""
    frames, notes = _frames(layouts, table)
    if not frames:
        return pd.DataFrame(), notes
    stacked = pd.concat(frames, ignore_index=True)
    if every_row:
        _refuse_unreadable(stacked)
    stacked, remarks = _of_issue(stacked, table, issue, layouts)
    _refuse_unreadable(stacked)
    return stacked.drop(columns=_UNREADABLE, errors="ignore"), [*notes, *remarks]


def _refuse_unreadable(rows: pd.DataFrame) -> None:
    """Refuse the first row in which a cell cannot be read."""
    for wrong in rows[_UNREADABLE].dropna() if _UNREADABLE in rows else ():
        raise wrong


def _frames(layouts: Sequence[Layout], table: str) -> tuple[list[pd.DataFrame], list[str]]:
    """Values of all parts that feed the table; parts of one view are converted together."""
    by_view: dict[View, list[tuple[int, Part]]] = {}
    for position, layout in enumerate(layouts):
        for part in layout.parts:
            if part.view.table == table:
                by_view.setdefault(part.view, []).append((position, part))
    frames = []
    notes: list[str] = []
    for view, members in by_view.items():
        frame, remarks = _values(view, members)
        notes += remarks
        if not frame.empty:
            frames.append(frame)
    return frames, notes


def _values(view: View, members: Sequence[tuple[int, Part]]) -> tuple[pd.DataFrame, list[str]]:
    """One row a file's row: origin, key and measures."""
    kept = [(position, part, _kept(view, part)) for position, part in members]
    rows: list[Row] = [row for _, _, pairs in kept for row, _ in pairs]
    sizes = [len(pairs) for _, _, pairs in kept]
    frame = pd.DataFrame(
        {
            "vendor": view.vendor,
            "interface": view.interface,
            "file": np.repeat([position for position, _, _ in kept], sizes),
            "place": np.repeat(np.array([part.place for _, part, _ in kept], dtype=object), sizes),
            "line": [line for _, _, pairs in kept for _, line in pairs],
        }
    )
    for field in view.fields:
        column: list[Cell]
        if field.position is None:
            of_parts = (repeat(part.constants[field.column], len(pairs)) for _, part, pairs in kept)
            column = list(chain.from_iterable(of_parts))
        else:
            column = [row[field.position] for row in rows]
        try:
            _add(frame, view, field, column, rows)
        except cells.CellError as error:
            if "date" not in tables.key(view.table) or field.column in tables.key(view.table):
                raise _unreadable(frame, field, error, error.position) from error
            _add_what_is_readable(frame, view, field, column, rows)
    if view.latest is not None:
        frame = _latest(frame, view, [row[view.latest] for row in rows])
    return _companies(frame, view)


def _unreadable(
    frame: pd.DataFrame, field: Field, error: cells.CellError, position: int
) -> DataError:
    origin = frame.iloc[position]
    rule = f"{field.header.splitlines()[0]}: {error.rule}"
    remedy = "Correct the cell, or fetch or export the file again."
    return DataError(origin["place"], rule, remedy, int(origin["line"]), error.found)


def _add_what_is_readable(
    frame: pd.DataFrame, view: View, field: Field, column: Sequence[Cell], rows: Sequence[Row]
) -> None:
    """Convert a column; a cell that cannot be read becomes blank, and its row is marked.

    A folder holds the files of many weeks. A wrong cell stops the issues that need its row.
    """
    marks: dict[int, DataError] = {}
    parts: list[pd.Series] = []
    todo = [(0, len(column))]
    while todo:
        start, end = todo.pop()
        part = pd.DataFrame(index=range(start, end))
        try:
            _add(part, view, field, column[start:end], rows[start:end])
            parts.append(part[field.column])
        except cells.CellError as error:
            if end - start == 1:
                marks[start] = _unreadable(frame, field, error, start)
                if len(marks) > _WRONG_CELLS:
                    raise marks[start] from error
            else:
                half = (start + end) // 2
                todo += [(half, end), (start, half)]
    frame[field.column] = pd.concat(parts) if parts else None
    marked = pd.Series(marks, dtype=object).reindex(frame.index)
    frame[_UNREADABLE] = frame[_UNREADABLE].fillna(marked) if _UNREADABLE in frame else marked


def _kept(view: View, part: Part) -> list[tuple[Row, int]]:
    """The rows that the layout keeps, with their lines."""
    pairs = zip(part.rows, part.lines, strict=True)
    if not view.keep:
        return list(pairs)
    return [
        (row, line)
        for row, line in pairs
        if all(cells.words(row[position]) in values for position, values in view.keep)
    ]


def _add(
    frame: pd.DataFrame, view: View, field: Field, column: Sequence[Cell], rows: Sequence[Row]
) -> None:
    """Convert one column into the frame."""
    is_key = field.column in tables.key(view.table)
    if field.kind == "code":
        found = cells.codes(column, index=view.indices)
        frame["code"] = [code.text for code in found]
        frame["vendor_code"] = [code.vendor for code in found]
        frame["is_wanted"] = [
            code.is_index if view.table == tables.RAW_INDEX_QUOTES else code.is_company
            for code in found
        ]
    elif field.kind == "date":
        days = cells.days(column, view.blanks)
        if is_key:
            _refuse_blank(days, "a day is given")
            frame[field.column] = [day.toordinal() for day in days if day is not None]
        else:
            frame[field.column] = pd.Series(days, dtype=object)
    elif field.kind == "revision":
        days = cells.days(column, view.blanks)
        published = [
            day if day is None or pd.isna(year) else min(day, _last_day_to_publish(int(year)))
            for day, year in zip(days, frame["fiscal_year"], strict=True)
        ]
        frame[field.column] = pd.Series(published, dtype=object)
    elif field.kind == "year":
        frame[field.column] = pd.array(cells.years(column), dtype="Int64")
    elif field.kind == "text":
        texts = cells.texts(column, view.blanks)
        if is_key:
            _refuse_blank(texts, "the cell is filled")
        _refuse_endless(texts)
        frame[field.column] = pd.Series(texts, dtype="str")
    else:
        frame[field.column] = _numbers(view, field, column, rows)


def _last_day_to_publish(year: int) -> date:
    """The last day that the exchange allows for a year's accounts.

    A vendor that gives the day of the last revision would otherwise hide a year that has long been
    public.
    """
    return date(year + 1, 4, 30)


def _refuse_blank(values: Sequence[object], rule: str) -> None:
    if None in values:
        raise cells.CellError(values.index(None), rule, "a blank")


def _refuse_endless(texts: Sequence[str | None]) -> None:
    for at, text in enumerate(texts):
        if text is not None and len(text) > _LONGEST_TEXT:
            rule = f"a text has at most {_LONGEST_TEXT} characters"
            raise cells.CellError(at, rule, f"{len(text)} characters")


def _numbers(
    view: View, field: Field, column: Sequence[Cell], rows: Sequence[Row]
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Numbers in our units; a loss of unknown size is minus infinity."""
    positive = field.kind == "positive"
    losses = np.array([False])
    if view.losses and field.column == "pe_ttm":
        losses = np.array([cells.words(cell) in view.losses for cell in column])
        column = ["" if loss else cell for cell, loss in zip(column, losses, strict=True)]
    units = dict(field.units)
    values = cells.numbers(
        column, blanks=view.blanks, units=units, times=field.times, positive=positive
    )
    if field.blank == "loss":
        losses = np.isnan(values)
    elif field.flag is not None:
        losses = np.array(cells.flags([row[field.flag] for row in rows])) & np.isnan(values)
    return np.where(losses, _LOSS, values)


def _latest(frame: pd.DataFrame, view: View, column: Sequence[Cell]) -> pd.DataFrame:
    """Of the rows of one key, those with the largest figure."""
    figure = pd.Series(cells.numbers(column)).fillna(_LOSS)
    key = [frame[name] for name in tables.key(view.table)]
    return frame[figure == figure.groupby(key, dropna=False).transform("max")]


def _companies(frame: pd.DataFrame, view: View) -> tuple[pd.DataFrame, list[str]]:
    """Leave out other exchanges, ghosts and quarters, and say so."""
    notes: list[str] = []
    wanted = frame.pop("is_wanted")
    others = frame[~wanted]
    if view.table == tables.RAW_INDEX_QUOTES and view.interface != SPREADSHEET:
        for _, row in others.head(1).iterrows():
            rule, remedy = "the code is an index's", "Name the index with its own exchange."
            raise DataError(row["place"], rule, remedy, int(row["line"]), row["code"])
    if not others.empty and view.table != tables.RAW_INDEX_QUOTES:
        notes.append(f"{_left_out(others)} of indices or other exchanges")
    frame = frame[wanted]
    measures = [name for name in _MEASURES.get(view.table, ()) if name in frame]
    if measures:
        # A blank that means a loss counts only beside a figure.
        values = frame[measures].where(frame[measures] != _LOSS)
        only_loss = (frame[measures] == _LOSS).any(axis=1) & (len(measures) == 1)
        ghosts = values.isna().all(axis=1) & ~only_loss
        if _UNREADABLE in frame:
            ghosts &= frame[_UNREADABLE].isna()
        if ghosts.any():
            notes.append(f"{_left_out(frame[ghosts])} without a figure")
            frame = frame[~ghosts]
    if "fiscal_year" in frame and frame["fiscal_year"].isna().any():
        quarters = frame["fiscal_year"].isna()
        notes.append(f"{_left_out(frame[quarters])} of quarters")
        frame = frame[~quarters]
    return frame, notes


def _left_out(rows: pd.DataFrame) -> str:
    """``daily.csv: 3 rows left out (600000.SH, …)``."""
    left = counted(len(rows), "row")
    return f"{_named(rows['place'])}: {left} left out ({_named(rows['vendor_code'])})"


def _named(values: Iterable[object]) -> str:
    """Different values in order, the first few of them."""
    different = [str(value) for value in dict.fromkeys(values)]
    more = len(different) - _SHOWN
    return ", ".join(different[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _refuse_cut(rows: pd.DataFrame, days: Sequence[date]) -> None:
    """Refuse results in which one of the issue's days holds far fewer companies than the others.

    Vendors cut silently in the middle of a day, and a file may hold only a part of the result.
    """
    wanted = rows[rows["date"].isin([day.toordinal() for day in days])]
    sizes = wanted.groupby("date")["code"].nunique()
    fewest, most = sizes.min(), sizes.max()
    if most >= _CUT_COMPANIES and fewest < _CUT_SHARE * most:
        cut = int(sizes.index.tolist()[int(sizes.argmin())])
        place = _named(wanted.loc[wanted["date"] == cut, "place"])
        rule = "each day of a result holds about as many companies"
        remedy = "The result was cut: fetch fewer days a call."
        found = f"{fewest} on {date.fromordinal(cut)}, {most} on another day"
        raise DataError(place, rule, remedy, found=found)


def _of_issue(
    stacked: pd.DataFrame, table: str, issue: Issue, layouts: Sequence[Layout]
) -> tuple[pd.DataFrame, list[str]]:
    """The rows of the issue's days.

    Raises:
        DataError: The files of an interface hold another week.
    """
    if "date" not in stacked:
        return stacked, []
    notes: list[str] = []
    if table in _DATED:
        capped = {(layout.vendor, layout.interface) for layout in layouts if layout.row_cap}
        for owner, rows in stacked.groupby(["vendor", "interface"], sort=False):
            notes += _check_days(" ".join(map(str, owner)), rows, table, issue)
            if owner in capped:
                _refuse_cut(rows, [issue.base_date, *issue.sessions])
        base_is_known = _has_base(stacked, issue)
        stacked = stacked[base_is_known | (stacked["date"] > issue.base_date.toordinal())]
    stacked = stacked.reset_index(drop=True)
    priced = stacked["close"].notna() if "close" in stacked else True
    if _UNREADABLE in stacked:
        # A price that cannot be read may be the last one before a suspension.
        priced |= stacked[_UNREADABLE].notna()
    mask = selection.needed(stacked.assign(priced=priced), table, issue)
    left = stacked.loc[~mask, "place"]
    if not left.empty:
        notes.append(f"{_named(left)}: {counted(len(left), 'row')} of other days left out")
    return stacked[mask], notes


def _has_base(stacked: pd.DataFrame, issue: Issue) -> pd.Series:
    """Whether a row's interface holds the base date at all.

    Without it the last figures before would be stale for every company, not for a suspended one.
    """
    owner = [stacked["vendor"], stacked["interface"]]
    return (stacked["date"] == issue.base_date.toordinal()).groupby(owner).transform("any")


def _check_days(layout: str, rows: pd.DataFrame, table: str, issue: Issue) -> list[str]:
    """Refuse files without the issue's days; remark on days between that are missing."""
    held = set(rows["date"].unique().tolist())
    wanted = [issue.base_date, *issue.sessions]
    missing = [day for day in wanted if day.toordinal() not in held]
    needed = {issue.close_date}
    if table != tables.RAW_VALUATIONS:
        needed.add(issue.base_date)
    if needed & set(missing):
        days = [date.fromordinal(day).isoformat() for day in sorted(held)]
        shown = ", ".join(days) if len(days) <= _SHOWN else f"{days[0]} to {days[-1]}"
        raise DataError(
            _named(rows["place"]),
            f"files of {layout} hold the base date {issue.base_date} and the close date "
            f"{issue.close_date} of issue {issue.number}",
            "Add the missing days, or choose the issue that the file belongs to.",
            found=f"days {shown}",
        )
    if not missing or (table == tables.RAW_VALUATIONS and issue.base_date not in missing):
        return []
    text = ", ".join(day.isoformat() for day in missing)
    return [f"{_named(rows['place'])}: no rows of {text}"]


def _completed(
    merged: pd.DataFrame, table: str, places: Sequence[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Derive what follows from the merged columns, and say which columns no file gives."""
    notes: list[str] = []
    if table == tables.RAW_QUOTES:
        unpriced = (
            merged["close"].isna()
            if "close" in merged
            else pd.Series(data=True, index=merged.index)
        )
        if unpriced.any():
            notes.append(f"{int(unpriced.sum())} adjustment factors without a close were left out")
        merged = combination.with_factors(merged[~unpriced], places)
        if "adj_factor" in merged and merged["adj_factor"].isna().any():
            bare = merged[merged["adj_factor"].isna()]
            notes.append(
                f"{len(bare)} closes without an adjustment factor ({_named(bare['code'])})"
            )
    if "pe_ttm" in merged:
        losses = merged["pe_ttm"] == _LOSS
        merged = merged.assign(pe_ttm=merged["pe_ttm"].mask(losses), pe_ttm_is_loss=losses)
    if table == tables.RAW_LISTINGS and "delisted" in merged:
        # The switch of codes ended the old codes, not the companies that bore them.
        kept = merged["vendor_code"].str[:6] == merged["code"].str[:6]
        merged = merged.assign(delisted=merged["delisted"].where(kept))
    merged = merged.assign(source_file=[places[position] for position in merged["file"]])
    wanted = set(tables.columns(table)) - {"pe_ttm_is_loss"}
    absent = [name for name in tables.columns(table) if name in wanted and name not in merged]
    if absent:
        notes.append(f"no file gives {', '.join(absent)} for {table}")
    return merged, notes


def _finished(frame: pd.DataFrame, table: str) -> pd.DataFrame:
    """The table's columns with the table's types, sorted by key."""
    columns: dict[str, pd.Series] = {}
    for column in tables.table(table).columns:
        if column.name == "issue":
            continue
        given = frame[column.name] if column.name in frame else pd.Series(None, frame.index, object)
        if isinstance(column.type, Double):
            columns[column.name] = given.astype("float64")
        elif isinstance(column.type, Boolean):
            columns[column.name] = given.eq(other=True)
        elif isinstance(column.type, Integer):
            columns[column.name] = given.astype("int64")
        elif isinstance(column.type, Date):
            columns[column.name] = pd.Series(list(_days(given)), frame.index, dtype=object)
        else:
            columns[column.name] = given.astype("str")
    return ordered(pd.DataFrame(columns), tables.key(table))


def _days(values: pd.Series) -> Iterator[date | None]:
    for value in values:
        if isinstance(value, date):
            yield value
        else:
            yield None if pd.isna(value) else date.fromordinal(int(value))


def _contributions(stacked: pd.DataFrame, merged: pd.DataFrame, table: str) -> dict[int, int]:
    """Delivery's position → rows of the table that it had a part in."""
    key = list(tables.key(table))
    parts = stacked[["file", *key]].drop_duplicates().merge(merged[key], on=key)
    counts = parts["file"].value_counts()
    return dict(zip(counts.index.tolist(), counts.tolist(), strict=True))


def _files(
    deliveries: Sequence[Delivery], layouts: Sequence[Layout], rows: dict[int, int]
) -> pd.DataFrame:
    """One row a file, as the warehouse's list of inputs has them."""
    given = {"table", "source"}
    names = [name for name in tables.columns(tables.INPUT_FILES) if name not in given]
    found = [
        {
            "name": delivery.name,
            "vendor": layout.vendor,
            "interface": layout.interface,
            "sha256": delivery.sha256,
            "position": position,
            "bytes": len(delivery.content),
            "rows": rows.get(position, 0),
        }
        for position, (delivery, layout) in enumerate(zip(deliveries, layouts, strict=True))
    ]
    return pd.DataFrame(found, columns=names)
