"""Analysts' spreadsheets: tables whose header cells are read by a vendor's grammar.

What belongs here: finding the header, the rows and the footers of a sheet, and binding what its
header cells say. What does not: the labels and units themselves, which stand in ``vendor_layouts``.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bj_pipeline.errors import DataError
from bj_pipeline.sources import Delivery, cells, headers
from bj_pipeline.sources.codes import Code, normalise
from bj_pipeline.sources.headers import Header
from bj_pipeline.sources.mappings import (
    ADJUSTED_CLOSE,
    SPREADSHEET,
    Grammar,
    Measure,
    vendors,
)
from bj_pipeline.sources.spreadsheets import Cell, Row, Sheet
from bj_pipeline.sources.views import Field, Layout, Part, UnknownLayoutError, View, check_widths
from bj_pipeline.warehouse import tables

_TITLE_ROWS = 30
_SUBHEADER_ROWS = 2
_PROBED_ROWS = 200
_NEEDED: Mapping[str, frozenset[str]] = {
    # Any of these makes a sheet feed the table; the others only come along.
    tables.RAW_QUOTES: frozenset({"close", ADJUSTED_CLOSE, "adj_factor"}),
    tables.RAW_VALUATIONS: frozenset({"market_cap", "total_shares", "pe_ttm"}),
    tables.RAW_FINANCIALS: frozenset({"revenue", "net_profit"}),
    tables.RAW_LISTINGS: frozenset({"listed"}),
    tables.RAW_ANNOUNCEMENTS: frozenset({"title"}),
}
_DATED = frozenset({tables.RAW_QUOTES, tables.RAW_VALUATIONS})
_STATED_ABOVE = frozenset({"money", "shares"})
"""Kinds of figures whose unit may stand above the header; a price is always in yuan."""
_KINDS = {"code": "code", "name": "text", "day": "date", "period": "year"}


@dataclass(frozen=True, slots=True)
class _Table:
    """A sheet taken apart: header cells by position, rows of companies, and what stood around."""

    header: Sequence[Header]
    line: int
    rows: Sequence[Row]
    lines: Sequence[int]
    titles: str
    day: dt.date | None
    units: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Bound:
    """A header cell that names a measure of a table, at a day or in a year if it says one."""

    table: str
    column: str
    measure: Measure
    rank: int
    position: int
    header: Header


def bind(delivery: Delivery, sheets: Sequence[Sheet]) -> Layout | None:
    """Read a workbook's or CSV's header cells; None if no sheet has a column of codes.

    Raises:
        UnknownLayoutError: A sheet has codes but nothing else is understood.
        DataError: Its header contradicts itself, or names no day, or a unit of the wrong kind.
    """
    vendor, vendor_note = _vendor(delivery, sheets)
    grammar = vendors()[vendor].spreadsheet
    if grammar is None:
        return None
    parts: list[Part] = []
    notes: list[str] = [vendor_note] if vendor_note else []
    for sheet in sheets:
        place = delivery.name if len(sheets) == 1 else f"{delivery.name} [{sheet.name}]"
        table = _table(place, sheet, grammar)
        if table is None:
            notes.append(f"{place}: no column of codes, left out")
            continue
        found, left = _parts(vendor, grammar, place, table)
        parts += found
        notes += [*table.notes, *left]
    if not parts:
        return None
    fed = frozenset(part.view.table for part in parts)
    return Layout(vendor, SPREADSHEET, fed, tuple(parts), notes=tuple(notes))


def _vendor(delivery: Delivery, sheets: Sequence[Sheet]) -> tuple[str, str | None]:
    """Whose spreadsheet it is: as the delivery, the file, its name or its labels say."""
    grammars = {name: it.spreadsheet for name, it in vendors().items() if it.spreadsheet}
    if delivery.vendor:
        return delivery.vendor, None
    words = [
        text for sheet in sheets for row in sheet.rows for text in row if isinstance(text, str)
    ]
    text = "\n".join([delivery.name, *words]).lower()
    for name, grammar in grammars.items():
        if any(mark.lower() in text for mark in grammar.marks):
            return name, None
    keys = {headers.key(word.split("\n")[0]) for word in words}
    own = {
        name: len(keys & {headers.key(label) for label in grammar.own_labels})
        for name, grammar in grammars.items()
    }
    most = [name for name in own if own[name] == max(own.values())]
    if len(most) == 1:
        return most[0], None
    chosen = next(name for name, grammar in grammars.items() if grammar.fallback)
    return chosen, f"{delivery.name}: names no vendor; read as {chosen}"


def _table(place: str, sheet: Sheet, grammar: Grammar) -> _Table | None:
    """Take a sheet apart; None if no row holds a header of codes."""
    labels = {headers.key(label) for label in grammar.identity.code}
    for top, row in enumerate(sheet.rows[:_TITLE_ROWS]):
        found = [headers.parse(headers.written(cell), grammar).label for cell in row]
        if labels & set(found):
            code = next(at for at, label in enumerate(found) if label in labels)
            return _below(place, sheet, grammar, top, code)
    return None


def _below(place: str, sheet: Sheet, grammar: Grammar, top: int, code: int) -> _Table:
    """Take apart a sheet whose header begins in row ``top`` with codes at position ``code``."""
    first = top + 1
    while (
        first - top <= _SUBHEADER_ROWS
        and first < len(sheet.rows)
        and not headers.written(_cell(sheet.rows[first], code))
    ):
        first += 1
    header = [
        headers.parse(text, grammar) for text in _header_texts(sheet.rows, top, first, grammar)
    ]
    titles = [headers.written(cell) for row in sheet.rows[:top] for cell in row if cell != ""]
    stated = {headers.title_day(title, grammar) for title in titles} - {None}
    rows, lines, notes = _companies(place, sheet, grammar, first, code)
    line = sheet.lines[top]
    units = tuple(unit for title in titles for unit in headers.title_units(title, grammar))
    if not rows:
        rule = "there are rows below the header"
        remedy = "Fetch or export it again."
        raise DataError(place, rule, remedy, line, "the header only")
    check_widths(place, rows, lines, len(sheet.rows[top]))
    day = stated.pop() if len(stated) == 1 else None
    return _Table(header, line, rows, lines, "\n".join(titles), day, units, notes)


def _cell(row: Row, position: int) -> Cell:
    return row[position] if position < len(row) else ""


def _header_texts(rows: Sequence[Row], top: int, first: int, grammar: Grammar) -> list[str]:
    """Text of each header cell, with what merged cells above and rows below add to it."""
    own = [headers.written(cell) for cell in rows[top]]
    below = [
        "\n".join(filter(None, (headers.written(_cell(row, at)) for row in rows[top + 1 : first])))
        for at in range(len(own))
    ]
    above = [headers.written(_cell(rows[top - 1], at)) for at in range(len(own))] if top else []
    labels = {headers.key(label) for label in (*grammar.identity.code, *grammar.identity.name)}
    texts = []
    for at, text in enumerate(own):
        # A merged cell holds its text in its first column only.
        if not text and below[at]:
            text = next((own[left] for left in range(at, -1, -1) if own[left]), "")  # noqa: PLW2901
        full = f"{text}\n{below[at]}"
        parsed = headers.parse(full, grammar)
        is_dated = bool(parsed.day or parsed.year)
        if above and not parsed.unclear and is_dated != bool(parsed.label):
            at_left = next((left for left in range(at, -1, -1) if above[left]), at)
            merged = headers.parse(above[at_left], grammar)
            is_day = not merged.label and bool(merged.day or merged.year)
            # A lone day above the codes is the title's, perhaps that of the export.
            if is_dated or (is_day and headers.key(own[at_left]) not in labels):
                full = f"{above[at_left]}\n{full}"
        texts.append(full)
    return texts


def _companies(
    place: str, sheet: Sheet, grammar: Grammar, first: int, code: int
) -> tuple[list[Row], list[int], tuple[str, ...]]:
    """Rows of companies; what ends or interrupts the table is left out and noted."""
    rows: list[Row] = []
    lines: list[int] = []
    aside: list[str] = []
    from_the_end = zip(reversed(sheet.rows), reversed(sheet.lines), strict=True)
    last = next((line for row, line in from_the_end if _is_code(_cell(row, code))), 0)
    for row, line in zip(sheet.rows[first:], sheet.lines[first:], strict=True):
        filled = [headers.written(cell) for cell in row if headers.written(cell)]
        begins = cells.tidy(filled[0]).lower()
        is_alone = len(filled) == 1 and len(row) > 1
        if not _is_code(_cell(row, code)):
            is_footer = _begins_with(begins, grammar.footers)
            if is_footer and line > last:
                break
            if is_alone or is_footer or _begins_with(begins, grammar.summaries):
                aside.append(f"{place}, line {line}: no company, left out ({filled[0][:40]})")
                continue
        rows.append(row)
        lines.append(line)
    return rows, lines, tuple(aside)


def _begins_with(text: str, words: Sequence[str]) -> bool:
    """Whether a text is one of the words, or begins with one and a colon or figure."""
    stripped = text.strip("【】[]()（）*※ ")
    return any(
        stripped.startswith(word.lower()) and not stripped[len(word) : len(word) + 1].isalpha()
        for word in words
    )


def _is_code(cell: Cell) -> bool:
    return _code(cell) is not None


def _code(cell: Cell) -> Code | None:
    try:
        return normalise(cells.words(cell) if isinstance(cell, str) else cell)
    except ValueError:
        return None


def _parts(
    vendor: str, grammar: Grammar, place: str, table: _Table
) -> tuple[list[Part], list[str]]:
    """Views of a sheet: one a table and a day or year."""
    identity = _identity(place, table, grammar)
    bound, left = _measures(grammar, table.header, identity)
    notes = [f"{place}: columns left out: {', '.join(left)}"] if left else []
    feeds = {item.table for item in bound if item.column in _NEEDED[item.table]}
    if not feeds:
        rule = "beside the codes, some header is understood"
        remedy = "Correct the header, or add its label to sources/vendor_layouts."
        names = tuple(table.header[at].text for at in identity.values())
        found = f"understood: {', '.join(names)}; not understood: {', '.join(left) or 'nothing'}"
        raise UnknownLayoutError(place, rule, remedy, table.line, found, names)
    parts: list[Part] = []
    for name in sorted(feeds):
        mine = [item for item in bound if item.table == name]
        timed, more = _by_time(place, table, identity, mine)
        notes += more
        for when, items in timed:
            chosen, doubled = _once(place, table.line, items)
            notes += [f"{place}: {text}" for text in doubled]
            if not {item.column for item in chosen} & _NEEDED[name]:
                continue
            fields = [*_identity_fields(name, table.header, identity, when)]
            for item in chosen:
                measure, note = _field(place, table, grammar, item)
                fields.append(measure)
                notes += [f"{place}: {note}"] if note else []
            _check_key(place, table.line, name, fields)
            parts += _split_by_code(
                View(
                    vendor,
                    SPREADSHEET,
                    name,
                    tuple(fields),
                    frozenset({"", *grammar.blanks}),
                    frozenset(grammar.losses),
                ),
                place,
                table,
                identity["code"],
                when,
            )
    return parts, list(dict.fromkeys(notes))


def _check_key(place: str, line: int, table: str, fields: Sequence[Field]) -> None:
    """Refuse a sheet that lacks what tells rows apart, such as an announcement's day."""
    given = {field.column for field in fields} | {"vendor"}
    missing = [column for column in tables.key(table) if column not in given]
    if missing:
        rule = f"a sheet for {table} has a column for {', '.join(missing)}"
        remedy = "Correct the header, or add its label to sources/vendor_layouts."
        understood = ", ".join(field.header for field in fields)
        raise DataError(place, rule, remedy, line, f"understood: {understood}")


def _identity(place: str, table: _Table, grammar: Grammar) -> dict[str, int]:
    """Positions of the columns that say whose row it is, and of when.

    Raises:
        DataError: One of them stands twice, and the two do not say the same.
    """
    found: dict[str, int] = {}
    header = table.header
    for what in _KINDS:
        labels = [headers.key(label) for label in getattr(grammar.identity, what)]
        at = [position for position, cell in enumerate(header) if cell.label in labels]
        if not at:
            continue
        chosen = min(at, key=lambda position: labels.index(header[position].label))
        found[what] = chosen
        for twin in at:
            if header[twin].label == header[chosen].label:
                _refuse_differing(place, table, chosen, twin)
    return found


def _refuse_differing(place: str, table: _Table, first: int, second: int) -> None:
    for row, line in zip(table.rows, table.lines, strict=True):
        if cells.words(_cell(row, first)) != cells.words(_cell(row, second)):
            rule, remedy = "a column stands once", "Remove the repeated one."
            found = f"twice {table.header[first].text}, with different cells"
            raise DataError(place, rule, remedy, line, found)


def _measures(
    grammar: Grammar, header: Sequence[Header], identity: Mapping[str, int]
) -> tuple[list[_Bound], list[str]]:
    """Header cells that name measures, and the texts of those that do not."""
    bound: list[_Bound] = []
    left: list[str] = []
    known = _labels(grammar)
    for position, cell in enumerate(header):
        if position in identity.values() or not cell.text:
            continue
        found = _looked_up(known, cell, grammar)
        bound += [_Bound(*meaning, position, cell) for meaning in found]
        if not found:
            left.append(cell.text)
    return bound, left


def _labels(grammar: Grammar) -> dict[str, list[tuple[str, str, Measure, int]]]:
    """Label → table, column, measure and rank among the column's labels."""
    known: dict[str, list[tuple[str, str, Measure, int]]] = {}
    for table, columns in grammar.tables.items():
        for column, measure in columns.items():
            # Labels that differ in punctuation only are one label.
            for rank, label in enumerate(dict.fromkeys(map(headers.key, measure.labels))):
                known.setdefault(label, []).append((table, column, measure, rank))
    return known


def _looked_up(
    known: Mapping[str, list[tuple[str, str, Measure, int]]], cell: Header, grammar: Grammar
) -> list[tuple[str, str, Measure, int]]:
    """Meanings of a label; a unit that is glued to it (``总市值亿元``) is taken off."""
    if cell.label in known:
        return known[cell.label]
    units = {unit for family in grammar.units.values() for unit in family if headers.key(unit)}
    for unit in sorted(units, key=len, reverse=True):
        bare = cell.label.removesuffix(headers.key(unit))
        if cell.unit is None and bare != cell.label and bare in known:
            cell.unit = unit
            return known[bare]
    return []


def _by_time(
    place: str, table: _Table, identity: Mapping[str, int], items: Sequence[_Bound]
) -> tuple[list[tuple[dt.date | int | None, list[_Bound]]], list[str]]:
    """Measures of one table by the day or year that they speak of (None: a column says it)."""
    groups: dict[dt.date | int | None, list[_Bound]] = {}
    notes: list[str] = []
    remedy = "Export with days written out in the header, or with a column 日期."
    for item in items:
        when: dt.date | int | None = None
        cell = item.header
        if item.table in _DATED:
            when = cell.day or (None if "day" in identity else table.day)
            if cell.unclear or cell.year or (when is None and "day" not in identity):
                rule = "a price, market cap or PE says of which day it is"
                raise DataError(place, rule, remedy, table.line, cell.text)
        elif item.table == tables.RAW_FINANCIALS and item.column != "published":
            when = cell.year or (cells.year(cell.day) if cell.day else None)
            if cell.unclear or (cell.day and when is None):
                notes.append(f"{place}: no full year, left out: {cell.text}")
                continue
            if when is None and "period" not in identity:
                rule = "a yearly figure says of which year it is"
                raise DataError(place, rule, remedy, table.line, cell.text)
        groups.setdefault(when, []).append(item)
    return _shared(groups, items), notes


def _shared(
    groups: dict[dt.date | int | None, list[_Bound]], items: Sequence[_Bound]
) -> list[tuple[dt.date | int | None, list[_Bound]]]:
    """Let a day of publication that names no year go with the only year there is."""
    if items and items[0].table == tables.RAW_FINANCIALS and len(groups) == 2:  # noqa: PLR2004
        undated = groups.get(None, [])
        if undated and all(item.column == "published" for item in undated):
            del groups[None]
            next(iter(groups.values())).extend(undated)
    return list(groups.items())


def _once(place: str, line: int, items: Sequence[_Bound]) -> tuple[list[_Bound], list[str]]:
    """One header for each column: of different labels the preferred one.

    Raises:
        DataError: The same label stands twice for the same day.
    """
    chosen: dict[str, _Bound] = {}
    notes: list[str] = []
    for item in sorted(items, key=lambda item: item.rank):
        other = chosen.setdefault(item.column, item)
        if other is item:
            continue
        if other.rank == item.rank:
            rule, remedy = "a column stands once", "Remove the repeated one."
            raise DataError(place, rule, remedy, line, f"twice {item.header.text}")
        notes.append(f"{other.header.text} is used, {item.header.text} left out")
    return list(chosen.values()), notes


def _identity_fields(
    table: str, header: Sequence[Header], identity: Mapping[str, int], when: dt.date | int | None
) -> Iterator[Field]:
    """Fields of code, name, and day or year."""
    columns = tables.columns(table)
    yield Field("code", "code", header[identity["code"]].text, identity["code"])
    if "name" in identity and "name" in columns:
        yield Field("name", "text", header[identity["name"]].text, identity["name"])
    if table in _DATED:
        at = identity.get("day") if when is None else None
        yield Field("date", "date", "date" if at is None else header[at].text, at)
    if table == tables.RAW_FINANCIALS:
        at = identity.get("period") if when is None else None
        yield Field("fiscal_year", "year", "year" if at is None else header[at].text, at)


def _field(place: str, table: _Table, grammar: Grammar, item: _Bound) -> tuple[Field, str | None]:
    """The field of a measure, and a remark where its unit had to be assumed.

    Raises:
        DataError: Its unit is of another kind, or the sheet states several that may be meant.
    """
    measure, cell, line = item.measure, item.header, table.line
    if measure.unit is None:
        return Field(item.column, measure.kind, cell.text, item.position), None
    family = grammar.units[measure.unit]
    if cell.unit is None and measure.unit in _STATED_ABOVE:
        known = {unit for units in grammar.units.values() for unit in units}
        stated = {
            unit: family.get(unit) for unit in table.units if unit in family or unit not in known
        }
        if len(set(stated.values())) > 1 or None in stated.values():
            rule = "a sheet states one known unit above its header for each kind of figure"
            remedy = "Write the unit into the header, such as 总市值(亿元)."
            raise DataError(place, rule, remedy, line, f"{', '.join(stated)} for {cell.text}")
        cell.unit = next(iter(stated), None)
    if cell.unit is not None and cell.unit not in family:
        rule = f"the unit is one of {', '.join(family)}"
        remedy = "Correct the unit, or add it to sources/vendor_layouts."
        raise DataError(place, rule, remedy, line, f"{cell.unit} in {cell.text}")
    base = next(iter(family))
    unit = cell.unit or base
    times = family[unit] if cell.unit else 1.0
    inside = {unit: 1.0} if cell.unit else family
    note = None
    if cell.unit is None and measure.unit in {"money", "shares"}:
        note = f"no unit given, read as {base}: {cell.text}"
    units = tuple(inside.items())
    return Field(item.column, measure.kind, cell.text, item.position, times, units=units), note


def _split_by_code(
    view: View, place: str, table: _Table, code: int, when: dt.date | int | None
) -> list[Part]:
    """Rows of companies under the view; closes of indices under that of the index table."""
    constants: dict[str, Cell] = {}
    if when is not None:
        constants["fiscal_year" if view.table == tables.RAW_FINANCIALS else "date"] = when
    part = Part(view, place, table.rows, table.lines, constants)
    if view.table != tables.RAW_QUOTES or "close" not in view.columns:
        return [part]
    probed = [found for row in table.rows[:_PROBED_ROWS] if (found := _code(row[code]))]
    names_company = any(found.is_company for found in probed)
    wanted = {"code", "date", "close"}
    indices = View(
        view.vendor,
        view.interface,
        tables.RAW_INDEX_QUOTES,
        tuple(item for item in view.fields if item.column in wanted),
        view.blanks,
        indices=not names_company,
    )
    of_indices = Part(indices, place, table.rows, table.lines, constants)
    if not any(found.is_index for found in probed):
        return [part]
    return [part, of_indices] if names_company else [of_indices]
