"""Tables whose headers are fixed: results of vendors' interfaces.

What belongs here: telling which interface a delivery came from, and binding its columns. What does
not: analysts' spreadsheets (``grammars``).
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import PurePath

from bj_pipeline.errors import DataError
from bj_pipeline.sources import Delivery, cells
from bj_pipeline.sources.codes import normalise
from bj_pipeline.sources.mappings import ColumnMapping, Interface, vendors
from bj_pipeline.sources.spreadsheets import Sheet
from bj_pipeline.sources.views import Field, Layout, Part, UnknownLayoutError, View, check_widths
from bj_pipeline.warehouse import tables

_TOKENS = (
    ("date", re.compile(r"\d{8}|\d{4}-\d{2}-\d{2}")),
    ("symbol", re.compile(r"(?:bj|sh|sz|csi)?\.?\d{6}(?:\.(?:bj|sh|sz|csi))?", re.IGNORECASE)),
    ("adjust", re.compile(r"qfq|hfq")),
)
_PROBED_ROWS = 20

Known = tuple[str, str, Interface]
"""Vendor, name of the interface, its mapping."""


def named(delivery: Delivery) -> Known | None:
    """The interface that a delivery or its file name names, if it names one."""
    if delivery.interface:
        alike = [known for known in _all() if known[1] == delivery.interface]
        own = [known for known in alike if delivery.vendor in {"", known[0]}]
        # The sample speaks for made-up vendors in its own layout.
        lent = [
            (delivery.vendor, name, interface)
            for vendor, name, interface in alike
            if vendors()[vendor].named_only
        ]
        return next(iter([*own, *lent]), None)
    found = from_file_name(delivery.name)
    if found is None or delivery.vendor not in {"", found[0][0]}:
        return None
    return found[0]


def parameters(delivery: Delivery) -> Mapping[str, str]:
    """Parameters of the call: the delivery's own, else what its file name says."""
    found = None if delivery.interface else from_file_name(delivery.name)
    return {**(found[1] if found else {}), **delivery.parameters}


def from_file_name(name: str) -> tuple[Known, Mapping[str, str]] | None:
    """Interface and parameters from a name such as ``stock_value_em_920493.csv``.

    What follows the interface's name is a code, days or the kind of adjustment, nothing else:
    ``daily_report.csv`` is not taken for Tushare's ``daily``.
    """
    stem = PurePath(name).stem
    for known in sorted(_all(), key=lambda known: -len(known[1])):
        if stem != known[1] and not re.match(re.escape(known[1]) + r"[_.\- ]", stem):
            continue
        if vendors()[known[0]].named_only:
            continue
        rest = re.split(r"[_ ]", stem[len(known[1]) + 1 :]) if stem != known[1] else []
        meant = [_parameter(token) for token in rest]
        if all(meant):
            return known, dict(pair for pair in meant if pair)
    return None


def bind(known: Known, delivery: Delivery, sheet: Sheet) -> Layout:
    """Bind a sheet's columns to what an interface says of them.

    Raises:
        DataError: The header or a row breaks the layout.
    """
    vendor, name, interface = known
    fed = frozenset(interface.tables)
    if interface.refused:
        return Layout(vendor, name, fed, refused=interface.refused)
    header = [cells.words(cell) for cell in sheet.rows[0]]
    given = parameters(delivery)
    unknown = _check_header(known, delivery.name, header, given, sheet.lines[0])
    rows, lines = sheet.rows[1:], sheet.lines[1:]
    if not rows:
        rule = "there are rows below the header"
        raise DataError(delivery.name, rule, "Fetch or export it again.", found="the header only")
    check_widths(delivery.name, rows, lines, len(header))
    parts = []
    for table, columns in interface.tables.items():
        fields, constants = _fields(columns, header, given)
        keep = ((header.index(at), values) for at, values in interface.keep.items() if at in header)
        latest = header.index(interface.latest_by) if interface.latest_by in header else None
        is_index = table == tables.RAW_INDEX_QUOTES
        view = View(vendor, name, table, fields, keep=tuple(keep), latest=latest, indices=is_index)
        parts.append(Part(view, delivery.name, rows, lines, constants))
    notes: tuple[str, ...] = ()
    if unknown:
        notes = (f"{delivery.name}: columns that are not known were left out: {_some(unknown)}",)
    return Layout(vendor, name, fed, tuple(parts), interface.row_cap, notes=notes)


def by_header(delivery: Delivery, sheet: Sheet) -> Known | None:
    """The interface whose result has this header; every filled header must be known to it."""
    header = _header(sheet)
    candidates = [
        known
        for known in _open_to(delivery)
        if header <= known[2].known and all(_has(header, column) for column in _columns(known[2]))
    ]
    if len({known[:2] for known in candidates}) > 1:
        # Tushare's quotes of companies and of indices have the same columns.
        wants = _names_indices(sheet, candidates[0][2])
        is_index = [tables.RAW_INDEX_QUOTES in known[2].tables for known in candidates]
        pairs = zip(candidates, is_index, strict=True)
        candidates = [known for known, index in pairs if index == wants]
    return candidates[0] if len(candidates) == 1 else None


def unknown(delivery: Delivery, sheet: Sheet) -> UnknownLayoutError:
    """The refusal of a header that fits nothing: what was understood, and what was not."""
    header = _header(sheet)
    closest = max(_open_to(delivery), key=lambda known: len(header & known[2].known), default=None)
    understood = header & closest[2].known if closest else frozenset()
    missing = [
        column.headers[0]
        for column in (_columns(closest[2]) if closest else ())
        if not _has(header, column)
    ]
    found = f"not understood: {_some(sorted(header - understood))}"
    if closest and understood:
        found = (
            f"something close to {closest[0]} {closest[1]}; "
            f"understood: {_some(sorted(understood))}; {found}; missing: {_some(missing)}"
        )
    return UnknownLayoutError(
        delivery.name,
        "the header is that of a known layout",
        "Correct the header, or describe the layout in sources/vendor_layouts.",
        row=sheet.lines[0],
        found=found,
        understood=tuple(sorted(understood)),
    )


@cache
def _all() -> tuple[Known, ...]:
    return tuple(
        (vendor.vendor, name, interface)
        for vendor in vendors().values()
        for name, interface in vendor.interfaces.items()
    )


def _open_to(delivery: Delivery) -> list[Known]:
    """Interfaces that a delivery without an interface's name may come from."""
    return [
        known
        for known in _all()
        if delivery.vendor == known[0]
        or (not delivery.vendor and not vendors()[known[0]].named_only)
    ]


def _parameter(token: str) -> tuple[str, str] | None:
    return next(((name, token) for name, form in _TOKENS if form.fullmatch(token)), None)


def _header(sheet: Sheet) -> frozenset[str]:
    return frozenset(cells.words(cell) for cell in sheet.rows[0]) - {""}


def _columns(interface: Interface) -> list[ColumnMapping]:
    """Columns that a result cannot lack."""
    all_columns = [column for columns in interface.tables.values() for column in columns.values()]
    return [column for column in all_columns if column.headers and not column.optional]


def _has(header: frozenset[str] | Sequence[str], column: ColumnMapping) -> bool:
    return column.parameter is not None or any(name in header for name in column.headers)


def _names_indices(sheet: Sheet, interface: Interface) -> bool:
    """Whether the first rows speak of indices."""
    header = [cells.words(cell) for cell in sheet.rows[0]]
    columns = next(iter(interface.tables.values()))
    position = next(
        (header.index(name) for name in columns["code"].headers if name in header), None
    )
    if position is None:
        return False
    for row in sheet.rows[1:_PROBED_ROWS]:
        try:
            if normalise(cells.words(row[position])).is_index:
                return True
        except (ValueError, IndexError):
            continue
    return False


def _check_header(
    known: Known, place: str, header: Sequence[str], given: Mapping[str, str], line: int
) -> list[str]:
    """Refuse a header with missing, renamed or repeated columns; return the unknown ones."""
    vendor, name, interface = known
    layout = f"{vendor} {name}"
    repeated = sorted(title for title, times in Counter(header).items() if title and times > 1)
    if repeated:
        rule, remedy = "a column stands once", "Remove the repeated one."
        raise DataError(place, rule, remedy, line, _some(repeated))
    unknown = [title for title in header if title and title not in interface.known]
    columns = [column for of_table in interface.tables.values() for column in of_table.values()]
    meant = [column for column in columns if _is_meant_by(column, given)]
    absent = [
        column
        for column in meant
        if column.headers and not _present(column, header) and column.parameter not in given
    ]
    # A column that may be absent, beside one that nobody knows, has probably been renamed.
    lacking = [column for column in absent if unknown or not column.optional]
    if lacking:
        titles = sorted({column.headers[0] for column in lacking})
        found = f"no {_some(titles)}; not understood: {_some(unknown) if unknown else 'nothing'}"
        rule = f"a file of {layout} has its columns"
        raise DataError(place, rule, "Restore the vendor's column names.", line, found)
    for column in meant:
        if column.parameter and not column.headers and column.parameter not in given:
            rule = f"{layout} is called for one {column.parameter}, which its result does not name"
            remedy = f"Name the file {name}_920493.csv (code) or {name}_20241231.csv (date)."
            raise DataError(place, rule, remedy, found="a file name without it")
    return unknown


def _is_meant_by(column: ColumnMapping, given: Mapping[str, str]) -> bool:
    return all(given.get(name, "") in values for name, values in column.where.items())


def _present(column: ColumnMapping, header: Sequence[str]) -> str | None:
    return next((name for name in column.headers if name in header), None)


def _fields(
    columns: Mapping[str, ColumnMapping], header: Sequence[str], given: Mapping[str, str]
) -> tuple[tuple[Field, ...], dict[str, str]]:
    """Fields of a table, and the values of those that the call's parameters give."""
    fields = []
    constants = {}
    for name, column in columns.items():
        title = _present(column, header)
        if not _is_meant_by(column, given) or (title is None and column.parameter not in given):
            continue
        position = None if title is None else header.index(title)
        if position is None:
            constants[name] = given[str(column.parameter)]
        flag = header.index(column.loss_flag) if column.loss_flag in header else None
        where = title or str(column.parameter)
        fields.append(Field(name, column.kind, where, position, column.times, column.blank, flag))
    return tuple(fields), constants


def _some(names: Sequence[str]) -> str:
    """Some names of a list, and how many more there are."""
    shown = ", ".join(names[:8])
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"  # noqa: PLR2004
