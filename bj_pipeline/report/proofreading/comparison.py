"""A form beside the document: every piece is there, as written, and no number is there besides."""

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bj_pipeline.report.document import Chart, Document, Fact, Figure, Table
from bj_pipeline.report.labels import Labels
from bj_pipeline.report.proofreading.finding import Finding
from bj_pipeline.report.proofreading.form import Form, Span, Tied, merged, squeezed
from bj_pipeline.report.proofreading.printed import Piece, caption, furniture, pieces
from bj_pipeline.report.rounding import MISSING
from bj_pipeline.report.topic import TOPIC_TABLE
from bj_pipeline.report.workbook_frames import header
from bj_pipeline.warehouse import tables

NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_ANY_NUMBER = r"\s*([+-]?(?<![\d.])\d+(?:\.\d+)?(?!\.?\d)|)\s*"
_CLOSE = 0.6
_SHOWN = 160


@dataclass
class Comparison:
    """A form and where each piece of the document stands in it."""

    form: Form
    found: list[tuple[Piece, Span]] = field(default_factory=list)
    missing: list[Piece] = field(default_factory=list)


def compare(document: Document, form: Form) -> Comparison:
    """Look up each piece: after the piece before it, or else anywhere that is not taken."""
    result = Comparison(form)
    taken = bytearray(len(form.text))
    cursor = 0
    for piece in pieces(document, form):
        text = squeezed(piece.text)
        if not text:
            continue
        fits = _place(form, piece)
        span = next(
            (
                found
                for begin, suits in ((cursor, fits), (0, fits), (cursor, _anywhere), (0, _anywhere))
                if (found := _free(form, text, begin, taken, suits))
            ),
            None,
        )
        if span is None:
            result.missing.append(piece)
            continue
        result.found.append((piece, span))
        taken[span.start : span.end] = b"\x01" * (span.end - span.start)
        if piece.kind not in {"source", "frame"}:
            cursor = span.end
    return result


def _place(form: Form, piece: Piece) -> Callable[[Span], bool]:
    """Where a piece is looked for first.

    A heading is a passage of its own: the same words at the end of a chart's line have a number
    behind them. A workbook's source begins its cell: one as short as IDC must not be taken out of a
    longer one.
    """
    if piece.kind == "heading":
        return form.is_passage
    if piece.kind == "source" and form.name.endswith(".xlsx"):
        return form.begins_passage
    return _anywhere


def _anywhere(_: Span) -> bool:
    return True


def _free(
    form: Form, text: str, begin: int, taken: bytearray, suits: Callable[[Span], bool]
) -> Span | None:
    return next(
        (
            span
            for span in form.occurrences(text, begin)
            if 1 not in taken[span.start : span.end] and suits(span)
        ),
        None,
    )


def differences(document: Document, result: Comparison) -> Iterator[Finding]:
    """Pieces that a form prints otherwise or not at all, and numbers that it prints besides."""
    form = result.form
    used = [span for _, span in result.found]
    used += [span for stretch in _drawings(result) for span in (stretch[1],)]
    for piece in result.missing:
        span, changes = _changed(form, piece, used)
        if span is not None:
            used.append(span)
        page = form.page_at(span.start) if span else ""
        if not changes:
            stands = form.text[span.start : span.end] if span else ""
            changes = [("text_differs" if span else "text_is_missing", stands, piece.text)]
        for rule, found, expected in changes:
            yield Finding(rule, form.name, page, _short(piece.text), found, expected)
    yield from _order(result)
    used += _repeated_heads(form, result)
    yield from _unknown_numbers(document, form, used)


def _changed(
    form: Form, piece: Piece, used: list[Span]
) -> tuple[Span | None, list[tuple[str, str, str]]]:
    """Where a piece stands with other numbers or words, and which numbers differ."""
    pattern = _with_any_numbers(piece.text)
    for match in pattern.finditer(form.spaced) if pattern else ():
        span = form.without_blanks(*match.span())
        if not any(one.start < span.end and span.start < one.end for one in used):
            pairs = zip(match.groups(), NUMBER.findall(piece.text), strict=True)
            changes = [
                (_difference(found, expected), found, expected)
                for found, expected in pairs
                if found != expected
            ]
            return span, changes
    return _closest(form, squeezed(piece.text), used), []


def _with_any_numbers(text: str) -> re.Pattern[str] | None:
    """A pattern for the text with other numbers in it and blanks elsewhere."""
    words = NUMBER.split(text)
    if not any(word.strip() for word in words):
        return None
    loose = (r"\s*".join(map(re.escape, squeezed(word))) for word in words)
    return re.compile(_ANY_NUMBER.join(loose))


def _difference(found: str, expected: str) -> str:
    is_unsigned = found != "" and found == expected.lstrip("+-") and found != expected
    return "sign_is_lost" if is_unsigned else "number_differs"


def _closest(form: Form, text: str, used: list[Span]) -> Span | None:
    """The stretch between found pieces that is most like the text."""
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(text)
    best, score = None, _CLOSE
    for gap in _gaps(form, used):
        matcher.set_seq1(form.text[gap.start : gap.end])
        if matcher.real_quick_ratio() > score and matcher.ratio() > score:
            best, score = gap, matcher.ratio()
    return best


def _gaps(form: Form, used: list[Span]) -> Iterator[Span]:
    position = 0
    for span in [*merged(used), Span(len(form.text), len(form.text))]:
        if span.start > position:
            yield Span(position, span.start)
        position = max(position, span.end)


def _order(result: Comparison) -> Iterator[Finding]:
    """Rows stand in the document's order: what leads a table leads it in every form."""
    exhibits: dict[str, list[tuple[Piece, Span]]] = {}
    for piece, span in result.found:
        if piece.kind in {"row", "values"}:
            exhibits.setdefault(piece.exhibit, []).append((piece, span))
    form = result.form
    for rows in exhibits.values():
        for (piece, span), (below, next_span) in pairwise(rows):
            if next_span.start < span.start and piece.text != below.text:
                yield Finding(
                    "rows_are_out_of_order",
                    form.name,
                    form.page_at(next_span.start),
                    _short(below.text),
                    f"above {_short(piece.text)}",
                    f"below {_short(piece.text)}",
                )
                break


def _repeated_heads(form: Form, result: Comparison) -> list[Span]:
    """Headers of tables that stand again on the next page."""
    heads = {squeezed(piece.text) for piece, _ in result.found if piece.kind == "head"}
    return [span for head in heads for span in form.occurrences(head)]


def _unknown_numbers(document: Document, form: Form, used: list[Span]) -> Iterator[Finding]:
    allowed = sorted({squeezed(one) for one in furniture(document) if one}, key=len, reverse=True)
    counted = _counted(document.labels)
    for gap in _gaps(form, used):
        text = form.text[gap.start : gap.end]
        rest = text
        for one in allowed:
            rest = rest.replace(one, "")
        rest = counted.sub("", rest)
        for number in NUMBER.findall(rest):
            at = gap.start + max(text.find(number), 0)
            sentence = _short(form.passage_at(at).strip() or text)
            expected = "a number of the document: a fact, or a figure of the topic"
            yield Finding(
                "number_without_origin", form.name, form.page_at(at), sentence, number, expected
            )


def _counted(labels: Labels) -> re.Pattern[str]:
    """Labels that count pages or numbers, without blanks."""
    texts = (
        labels.fill("page", page=0, pages=0),
        labels.fill("origins.all", count=0),
        labels.fill("facts.remark", count=0),
    )
    patterns = (re.escape(squeezed(text)).replace("0", r"\d+") for text in texts)
    return re.compile("|".join(patterns))


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


# --- charts, ties, columns


def _drawings(result: Comparison) -> Iterator[tuple[list[str], Span]]:
    """Charts whose words stand in the running text: their exhibits, and the stretch they take."""
    if not result.form.draws:
        return
    order = sorted(result.found, key=lambda one: one[1].start)
    captions: list[str] = []
    start = 0
    for piece, span in order:
        if piece.kind == "caption":
            captions.append(piece.exhibit)
            start = span.end
        elif captions:
            yield captions, Span(start, max(start, span.start))
            captions = []


def titles(document: Document, form: Form) -> Iterator[Finding]:
    """The title that the file itself bears, as windows and lists of files show it."""
    if form.title and not squeezed(form.title).startswith(squeezed(document.title)):
        yield Finding("title_differs", form.name, "", form.title, form.title, document.title)


def sample_marks(document: Document, form: Form) -> Iterator[Finding]:
    """Sample data say so on every page or sheet, real data nowhere."""
    labels = document.labels
    marks = {squeezed(labels["sample_mark"]), squeezed(labels["sample"] + labels["sample_bar"])}
    places = {passage.page for passage in form.passages}
    marked = {
        passage.page
        for passage in form.passages
        if any(mark in squeezed(passage.text) for mark in marks)
    }
    everywhere = form.has_pages or not form.prints
    if document.is_sample and (places - marked if everywhere else not marked):
        place = min(places - marked, default="")
        expected = labels["sample_mark"]
        yield Finding("sample_mark_is_missing", form.name, place, "", "", expected)
    elif marked and not document.is_sample:
        yield Finding("sample_mark_is_wrong", form.name, min(marked), "", labels["sample_mark"], "")


def drawn_names(document: Document, form: Form) -> Iterator[Finding]:
    """Words in charts that are no name, legend or unit of theirs, and names in another order."""
    for figure, words in zip(document.figures(), form.drawings, strict=False):
        names = [squeezed(one) for one in figure.chart.categories]
        known = {*names, *_frame_of(document.labels, figure)}
        strange = [
            word
            for word in words
            if word not in known
            and not NUMBER.fullmatch(word)
            # A long name may be broken into lines, or cut.
            and not any(word.removesuffix("…") in name for name in names)
        ]
        strange += _unnamed(document.labels, figure, words)
        drawn = [word for word in words if word in names]
        # A drawing may leave out names for want of room, a chart over cells has them all.
        wanted = [name for name in names if name in drawn or form.name.endswith(".xlsx")]
        if not strange and len(set(names)) == len(names) and drawn != wanted:
            strange, known = drawn, set(wanted)
        if strange:
            name = caption(document.labels, figure)
            yield Finding(
                "chart_word_differs",
                form.name,
                form.page_of(name),
                name,
                "、".join(strange),
                _short("、".join(one for one in names if one in known) or figure.chart.unit),
            )


def _unnamed(labels: Labels, figure: Figure, words: Sequence[str]) -> list[str]:
    """Series of grouped bars that the legend does not name."""
    chart = figure.chart
    several = chart.series if len(chart.series) > 1 and chart.kind != "lines" else ()
    return [
        one.name
        for one in several
        if not {squeezed(one.name), squeezed(labels.with_unit(one.name, chart.unit))} & {*words}
    ]


def _frame_of(labels: Labels, figure: Figure) -> set[str]:
    """What a chart says besides its categories and values."""
    chart = figure.chart
    said = {"■", figure.title, caption(labels, figure), labels.fill("unit", unit=chart.unit)}
    said |= {one.name for one in chart.series}
    said |= {labels.with_unit(one.name, chart.unit) for one in chart.series}
    said |= {label for one in chart.series for label in one.labels}
    if all(value is None for one in chart.series for value in one.values):
        said.add(labels["no_data"])
    if chart.kind == "lines":  # several lines bear their name at their end
        said |= {f"{one.name}{label}" for one in chart.series for label in one.labels}
    return {squeezed(one) for one in said}


def drawn_labels(document: Document, result: Comparison) -> Iterator[Finding]:
    """Values that a chart draws otherwise than the document has them."""
    form = result.form
    figures = {figure.id: figure for figure in document.figures()}
    drawn: list[tuple[list[Figure], list[str], str]] = [
        (
            [figures[name] for name in names if name in figures],
            form.words(span),
            form.page_at(span.start),
        )
        for names, span in _drawings(result)
    ]
    if form.drawings:
        pages = {piece.exhibit: form.page_at(span.start) for piece, span in result.found}
        drawn += [
            ([figure], list(words), pages.get(figure.id, ""))
            for figure, words in zip(figures.values(), form.drawings, strict=False)
        ]
    for group, words, page in drawn:
        there = Counter(words)
        needed = [Counter(_labels(figure)) for figure in group]
        for figure, labels in zip(group, needed, strict=True):
            # Upright bars without room have no labels at all.
            if figure.chart.kind == "bars" and not any(there[label] for label in labels):
                continue
            before = _before(figure.chart)
            for label in labels:
                if not there[label] and not _is_behind(label, before, words):
                    yield Finding(
                        "chart_label_differs",
                        form.name,
                        page,
                        caption(document.labels, figure),
                        "、".join(word for word in words if NUMBER.fullmatch(word)),
                        f"{label}{figure.chart.unit}",
                    )


def drawn_places(document: Document, result: Comparison) -> Iterator[Finding]:
    """Charts in the running text that stand at another's caption.

    The words of neighbours come one chart after the other, as their captions do.
    """
    figures = {figure.id: figure for figure in document.figures()}
    for names, span in _drawings(result):
        group = [figures[name] for name in names if name in figures]
        known = [{*map(squeezed, one.chart.categories), *_labels(one)} for one in group]
        words = result.form.words(span)
        places = [
            [at for at, word in enumerate(words) if word in one and _is_only(word, one, known)]
            for one in known
        ]
        for (left, right), (before, after) in zip(pairwise(group), pairwise(places), strict=True):
            if before and after and min(before) > max(after):
                yield Finding(
                    "chart_is_anothers",
                    result.form.name,
                    result.form.page_at(span.start),
                    caption(document.labels, left),
                    right.title,
                    left.title,
                )


def _is_only(word: str, of: set[str], all_words: Sequence[set[str]]) -> bool:
    return not any(word in other for other in all_words if other is not of)


def _before(chart: Chart) -> list[str]:
    """What a value may stand so close to that a reader makes them one: a line's name, the unit."""
    names = [one.name for one in chart.series] if chart.kind == "lines" else []
    return [squeezed(one) for one in (*names, chart.unit) if one]


def _is_behind(label: str, before: Sequence[str], words: Sequence[str]) -> bool:
    """Whether a word ends with the value, and begins with one of these (a long name may be cut)."""
    begins = [word.removesuffix(label) for word in words if word.endswith(label)]
    return any(
        one.endswith(text) or (one.endswith("…") and text.startswith(one.removesuffix("…")))
        for one in begins
        for text in before
    )


def _labels(figure: Figure) -> list[str]:
    """Values that a chart draws: all of bars, the last of a line."""
    chart = figure.chart
    if not chart.show_labels:
        return []
    first = -1 if chart.kind == "lines" else 0
    return [
        squeezed(label)
        for one in chart.series
        for label, value in zip(one.labels[first:], one.values[first:], strict=True)
        if value is not None and label != MISSING
    ]


def tied_numbers(document: Document, form: Form) -> Iterator[Finding]:
    """Numbers that name their fact and print another one, and values of data sheets."""
    drawn = _drawn(document)
    for tied in form.tied:
        yield from _told(tied, document.facts.get(tied.fact), drawn.get(tied.fact, set()), form)
        fact = document.facts.get(tied.fact)
        shown = squeezed(tied.shown)
        texts = (
            {squeezed(fact.text), squeezed(fact.printed), squeezed(fact.text + fact.unit)}
            if fact
            else set()
        )
        if shown not in texts:
            expected = fact.printed if fact else "a fact of the document"
            rule = (
                "sign_is_lost"
                if fact and shown.rstrip(squeezed(fact.unit)) == fact.text.lstrip("+-")
                else "number_differs"
            )
            yield Finding(rule, form.name, tied.page, tied.fact, tied.shown, expected)
    yield from _columns(document, form)


def tones(document: Document, form: Form) -> Iterator[Finding]:
    """Cells that a form colours, by name and not by colour, otherwise than the document does."""
    wanted = Counter(
        (squeezed(document.text(cell.line)), str(cell.tone))
        for table in (document.front_page.sectors, *document.exhibits())
        if isinstance(table, Table)
        for row in table.rows
        for cell in row
        if cell.tone
    )
    there = Counter(form.tones)
    lost, gained = dict((wanted - there).keys()), dict((there - wanted).keys())
    # A text that stands there in no colour at all is a plain cell, or another number.
    is_plain = there.total() < wanted.total()
    for text, tone in lost.items() if there else ():
        if text in gained or is_plain:
            page, found = form.page_of(text), f"{text} {gained.get(text, '')}".strip()
            yield Finding("tone_differs", form.name, page, text, found, f"{text} {tone}")
    for text in gained if there.total() > wanted.total() else ():
        if text not in lost:
            page, found = form.page_of(text), f"{text} {gained[text]}"
            yield Finding("tone_differs", form.name, page, text, found, text)


def _drawn(document: Document) -> dict[str, set[str]]:
    """Categories at which charts draw each fact."""
    drawn: dict[str, set[str]] = {}
    for figure in document.figures():
        chart = figure.chart
        for series in chart.series:
            for category, fact in zip(chart.categories, series.facts, strict=False):
                drawn.setdefault(fact, set()).add(squeezed(category))
    return drawn


def _told(tied: Tied, fact: Fact | None, categories: set[str], form: Form) -> Iterator[Finding]:
    """What a form tells of a number beside its value: whose it is, and where it came from."""
    name = squeezed(tied.name)
    if name and categories and not any(one in name for one in categories):
        expected = " / ".join(sorted(categories))
        yield Finding("name_does_not_match", form.name, tied.page, tied.fact, tied.name, expected)
    there = {squeezed(one) for one in tied.origin}
    for part in (fact.table, fact.row, fact.column, fact.formula) if fact and there else ():
        if part and squeezed(part) not in there:
            yield Finding(
                "origin_differs", form.name, tied.page, tied.fact, " | ".join(tied.origin), part
            )


def _columns(document: Document, form: Form) -> Iterator[Finding]:
    """Companies' figures in data sheets, where the report prints them too."""
    columns = {
        tables.COMPANY_METRICS: ("change", "market_cap", "pe_ttm", "revenue", "net_profit"),
        tables.AI_CHAIN_METRICS: ("market_cap", "pe_ttm", "revenue", "net_profit"),
    }
    for fact in document.facts.values():
        table, _, rest = fact.id.partition("/")
        code, _, column = rest.partition("/")
        if column in columns.get(table, ()) and form.columns:
            head = header(document.labels, column)
            shown = form.columns.get((table, code, head))
            if shown is not None and shown != fact.text:
                yield Finding(
                    _difference(shown, fact.text),
                    form.name,
                    table,
                    f"{code} {head}",
                    shown,
                    fact.text,
                )


def alternatives(document: Document, form: Form) -> Iterator[Finding]:
    """Text alternatives that are not the charts' own, or stand for another chart."""
    figures = [(squeezed(figure.alt or figure.title), figure) for figure in document.figures()]
    wanted = {text for text, _ in figures}
    there = [text for text in map(squeezed, form.alternatives) if text in wanted]
    for at, (text, figure) in enumerate(figures if form.alternatives else ()):
        if text in there and (len(there) != len(figures) or there[at] == text):
            continue
        others = [one for one in map(squeezed, form.alternatives) if one not in wanted]
        closest = difflib.get_close_matches(text, others or there, 1, 0.0)
        name = caption(document.labels, figure)
        yield Finding(
            "text_alternative_differs",
            form.name,
            form.page_of(name),
            name,
            there[at] if text in there else closest[0] if closest else "",
            figure.alt or figure.title,
        )


def alternatives_of_charts(document: Document) -> Iterator[Finding]:
    """The house's text alternatives tell each category's or line's own values."""
    for figure in document.figures():
        if figure.id.startswith(f"{TOPIC_TABLE}-"):
            continue
        chart = figure.chart
        own = {
            squeezed(name): labels
            for name, labels in (
                [(one.name, one.labels) for one in chart.series]
                if chart.kind == "lines"
                else zip(
                    chart.categories,
                    zip(*(one.labels for one in chart.series), strict=True),
                    strict=True,
                )
            )
        }
        drawn = {label for one in chart.series for label in one.labels}
        titled = set(NUMBER.findall(figure.title))
        for clause in re.split("[，。：]", squeezed(figure.alt.replace("本期", "，"))):
            name = max((one for one in own if clause.startswith(one)), key=len, default="")
            given = set(own.get(name, drawn)) | (set() if name else titled)
            for number in NUMBER.findall(clause.removeprefix(name)):
                if number not in given:
                    expected = "、".join(sorted(given)[:12])
                    yield Finding(
                        "text_alternative_differs", "", "", figure.title, clause, expected
                    )
