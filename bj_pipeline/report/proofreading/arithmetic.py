"""The house's figures: counts add up, percentages follow, signs and directions are right.

What belongs here: what can be judged from the document's facts as printed. What does not: units and
titles (:mod:`.units`), names (:mod:`.companies`), and the analyst's text (:mod:`.analyst`).
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from bj_pipeline.report.document import Document, Fact, FactRef, Line, Table, Words
from bj_pipeline.report.facts import ARROWS, direction
from bj_pipeline.report.proofreading.comparison import NUMBER
from bj_pipeline.report.proofreading.directions import directions
from bj_pipeline.report.proofreading.finding import Finding
from bj_pipeline.report.proofreading.form import sentences
from bj_pipeline.report.proofreading.known import Known
from bj_pipeline.report.rounding import YUAN_PER_WAN, YUAN_PER_YI, display
from bj_pipeline.report.topic import TOPIC_TABLE
from bj_pipeline.warehouse import tables

_VERBS = {
    "up": ("升至", "增至"),
    "down": ("降至", "减至"),
    "flat": ("持平，为", "持平于"),
}
_WORDS = {"up": "升至", "down": "降至", "flat": "持平"}
_SCALES = {"亿元": YUAN_PER_YI, "万元": YUAN_PER_WAN, "%": 0.01}
_CHANGE = "_change"


def _number(fact: Fact | None) -> Decimal | None:
    """A fact as printed."""
    return Decimal(fact.text) if fact and NUMBER.fullmatch(fact.text) else None


def _place(document: Document, *facts: str) -> str:
    """The first line that prints one of the facts, or the caption of a chart that draws it."""
    wanted = set(facts)
    for _, line, _ in document.lines():
        if any(isinstance(part, FactRef) and part.fact in wanted for part in line):
            return next(
                (
                    sentence
                    for sentence in sentences(document.text(line))
                    if any(
                        document.facts[one].text in sentence
                        for one in wanted
                        if one in document.facts
                    )
                ),
                document.text(line),
            )
    for figure in document.figures():
        if any(wanted & set(series.facts) for series in figure.chart.series):
            return figure.title
    return facts[0]


def _finding(rule: str, sentence: str, found: str, expected: str) -> Finding:
    return Finding(rule, "", "", sentence, found, expected)


# --- counts


def counts(document: Document, known: Known) -> Iterator[Finding]:
    """Sectors, buckets, segments and announcements add up as printed."""
    facts = document.facts
    pool = f"{tables.MARKET_METRICS}/pool_size"
    sectors = [
        one
        for one in facts
        if one.startswith(f"{tables.SECTOR_METRICS}/") and one.endswith("/companies")
    ]
    yield from _sum(document, sectors, pool)
    unmoved = known.uncounted.get(("", "change", "companies"), 0)
    moved = [
        f"{tables.MARKET_METRICS}/{one}_companies" for one in ("rising", "falling", "unchanged")
    ]
    yield from _sum(document, moved, pool, unmoved)
    yield from _sum(
        document, [one for one in facts if one.startswith("distribution/")], pool, unmoved
    )
    yield from _share(document, moved[0], pool)
    yield from _buckets(document, known)
    yield from _segments(document)
    yield from _announcements(document)


def _sum(
    document: Document, parts: Sequence[str], total: str, left_out: int = 0
) -> Iterator[Finding]:
    numbers = [_number(document.facts.get(one)) for one in parts]
    whole = _number(document.facts.get(total))
    if whole is None or not numbers or None in numbers:
        return
    added = sum((one for one in numbers if one is not None), Decimal(0))
    if added + left_out != whole:
        listed = " + ".join(f"{one}" for one in numbers)
        besides = f" + {left_out} 家无数据" if left_out else ""
        yield _finding(
            "counts_do_not_add_up",
            _place(document, parts[0], total),
            f"{listed}{besides} = {added + left_out}",
            f"{whole}",
        )


def _share(document: Document, part: str, whole: str) -> Iterator[Finding]:
    share = document.facts.get(f"{tables.MARKET_METRICS}/rising_share")
    counted, total = _number(document.facts.get(part)), _number(document.facts.get(whole))
    if share is None or counted is None or not total:
        return
    expected = display(float(counted / total), 0, 0.01)
    if share.text != expected:
        yield _finding(
            "percentage_does_not_follow",
            _place(document, share.id),
            share.printed,
            f"{expected}%（{counted} ÷ {total}）",
        )


def _buckets(document: Document, known: Known) -> Iterator[Finding]:
    groups: dict[tuple[str, str, str], list[str]] = {}
    for name in document.facts:
        table, *rest = name.split("/")
        if table == tables.BUCKET_COUNTS and len(rest) == 4:  # noqa: PLR2004 - sector, measure, bucket, column
            sector, measure, _, column = rest
            groups.setdefault((sector, measure, column), []).append(name)
    for (sector, measure, column), names in groups.items():
        total = f"{tables.SECTOR_METRICS}/{sector}/companies"
        yield from _sum(document, names, total, known.uncounted.get((sector, measure, column), 0))


def _segments(document: Document) -> Iterator[Finding]:
    table = _table(document, "ai_chain")
    prefix = f"{tables.AI_CHAIN_METRICS}/"
    total = f"{prefix}companies"
    counted = [
        one for one in document.facts if one.startswith(prefix) and one.endswith("/companies")
    ]
    yield from _sum(document, [one for one in counted if one != total], total)
    if table is None or not table.columns:
        return
    whole = _number(document.facts.get(total))
    if whole is not None and whole != len(table.rows):
        yield _finding("counts_do_not_add_up", table.title, f"{len(table.rows)} 行", f"{whole} 家")
    rows: dict[str, list[Fact]] = {}
    for row in table.rows:
        caps = [
            document.facts[part.fact]
            for cell in row
            for part in cell.line
            if isinstance(part, FactRef) and part.fact.endswith("/market_cap")
        ]
        rows.setdefault(document.text(row[0].line), []).extend(caps)
    listed = {
        segment: sum(document.text(row[0].line) == segment for row in table.rows)
        for segment in rows
    }
    for segment, caps in rows.items():
        stated = _number(document.facts.get(f"{prefix}{segment}/companies"))
        if stated is not None and stated != listed[segment]:
            yield _finding(
                "counts_do_not_add_up",
                f"{segment}{stated}家",
                f"{stated}",
                f"{listed[segment]} 家（{table.title}）",
            )
        cap = _number(document.facts.get(f"{prefix}{segment}/market_cap"))
        known_caps = [number for one in caps if (number := _number(one)) is not None]
        added = sum(known_caps, Decimal(0))
        room = Decimal("0.005") * len(known_caps) + Decimal("0.05")
        if cap is not None and known_caps and abs(cap - added) > room:
            yield _finding(
                "sum_does_not_follow",
                _place(document, f"{prefix}{segment}/market_cap"),
                f"{segment} {cap}",
                f"{added}（{table.title}各行之和）",
            )


def _announcements(document: Document) -> Iterator[Finding]:
    prefix = f"{tables.RAW_ANNOUNCEMENTS}/"
    items = f"{prefix}items"
    kinds = [one for one in document.facts if one.startswith(f"{prefix}kind/")]
    yield from _sum(document, kinds, items)
    table = _table(document, "announcements")
    heads = [column.label for column in table.columns] if table else []
    code = document.labels["code"]
    if table is None or code not in heads:
        return
    codes = {document.text(row[heads.index(code)].line) for row in table.rows}
    for name, counted in ((items, len(table.rows)), (f"{prefix}companies", len(codes))):
        stated = _number(document.facts.get(name))
        if stated is not None and stated != counted:
            yield _finding(
                "counts_do_not_add_up",
                _place(document, name),
                f"{stated}",
                f"{counted}（{table.title}）",
            )


def _table(document: Document, name: str) -> Table | None:
    return next(
        (one for one in document.exhibits() if isinstance(one, Table) and one.id == name), None
    )


# --- percentages, signs, directions


def percentages(document: Document) -> Iterator[Finding]:
    """A change follows from the two printed values, as far as their rounding lets it."""
    for name, fact in document.facts.items():
        if not name.endswith(_CHANGE):
            continue
        after = document.facts.get(name.removesuffix(_CHANGE))
        before = document.facts.get(f"{name.removesuffix(_CHANGE)}_base")
        first, second, stated = _number(before), _number(after), _number(fact)
        if before is None or after is None or first is None or second is None or stated is None:
            continue
        low = _ratio(second - _half(after), first + _half(before))
        high = _ratio(second + _half(after), first - _half(before))
        if not low - _half(fact) <= stated <= high + _half(fact):
            computed = f"{_ratio(second, first):+.2f}%（{after.printed} ÷ {before.printed} − 1）"
            yield _finding(
                "percentage_does_not_follow", _place(document, name), fact.printed, computed
            )


def _half(fact: Fact) -> Decimal:
    """Half of the last printed digit."""
    return Decimal(1).scaleb(-len(fact.text.partition(".")[2])) / 2


def _ratio(second: Decimal, first: Decimal) -> Decimal:
    return (second / first - 1) * 100 if first else Decimal(0)


def signs(document: Document) -> Iterator[Finding]:
    """Every number prints as its value gives it, changes with their sign."""
    for name, fact in document.facts.items():
        number = _number(fact)
        if fact.table == TOPIC_TABLE or fact.value is None or number is None:
            continue
        is_change = fact.unit == "%" and ("change" in name.rpartition("/")[2])
        digits = len(fact.text.partition(".")[2])
        expected = display(fact.value, digits, _SCALES.get(fact.unit, 1), signed=is_change)
        if fact.text != expected:
            rule = (
                "sign_is_lost"
                if fact.text.lstrip("+-") == expected.lstrip("+-")
                else "number_differs"
            )
            yield _finding(rule, _place(document, name), fact.printed, f"{expected}{fact.unit}")
    yield from _signs_of_titles(document)


def _signs_of_titles(document: Document) -> Iterator[Finding]:
    """A title or text alternative prints a change with its sign."""
    texts = {f"{fact.text}{fact.unit}" for fact in document.facts.values()}
    signed: dict[str, list[str]] = {}
    for text in sorted(texts):
        if text[:1] in {"+", "-"} and text[1:] not in texts:
            signed.setdefault(text[1:], []).append(text)
    for figure in document.figures():
        for text in (figure.title, figure.alt):
            for match in NUMBER.finditer(text):
                unit = re.match(r"\s*(%|X|亿元|万元)", text[match.end() :])
                shown = match[0] + (unit[1] if unit else "")
                if shown in signed:
                    yield _finding("sign_is_lost", text, shown, " / ".join(signed[shown]))


def movements(document: Document) -> Iterator[Finding]:
    """Verbs, arrows and colours say which way the printed figures went."""
    for _, line, is_analysts in document.lines():
        if is_analysts:
            continue
        yield from _verbs(document, line)
        for sentence in sentences(document.text(line)):
            yield from directions(sentence, is_analysts=False)
    for figure in document.figures():
        yield from _title(
            document, figure.title, [one for series in figure.chart.series for one in series.facts]
        )
    yield from _tones(document)


def _verbs(document: Document, line: Line) -> Iterator[Finding]:
    for position, part in enumerate(line):
        if not isinstance(part, FactRef):
            continue
        after = document.facts[part.fact]
        before = document.facts.get(f"{part.fact}_base")
        words = "".join(
            one.text for one in line[max(position - 1, 0) : position] if isinstance(one, Words)
        )
        behind = "".join(
            one.text for one in line[position + 1 : position + 2] if isinstance(one, Words)
        )
        if before is None:
            continue
        way = direction(before, after)
        for claimed, verbs in _VERBS.items():
            says = words.endswith(verbs) or behind.strip().startswith(ARROWS[claimed])
            if says and claimed != way:
                clause = next(
                    (
                        one
                        for one in sentences(document.text(line))
                        if after.printed in one or after.text in one
                    ),
                    document.text(line),
                )
                yield _finding(
                    "direction_is_wrong",
                    clause,
                    f"{_WORDS[claimed]} {after.printed}",
                    f"{_WORDS[way]} {after.printed}（上周 {before.printed}）",
                )


def _title(document: Document, title: str, names: Sequence[str]) -> Iterator[Finding]:
    """A title that says ``升至 50.0X`` speaks of a fact that rose to it."""
    for claimed, verbs in _VERBS.items():
        for verb in verbs:
            _, found, rest = title.partition(verb)
            shown = rest.strip()
            facts = [document.facts[one] for one in names if one in document.facts]
            pairs = [
                (document.facts[f"{one.id}_base"], one)
                for one in facts
                if shown.startswith(one.printed) and f"{one.id}_base" in document.facts
            ]
            ways = {direction(*pair) for pair in pairs}
            if found and ways and claimed not in ways:
                before, after = pairs[0]
                way = direction(before, after)
                yield _finding(
                    "direction_is_wrong",
                    title,
                    f"{verb} {after.printed}",
                    f"{_WORDS[way]} {after.printed}（上周 {before.printed}）",
                )


def _tones(document: Document) -> Iterator[Finding]:
    """The colour of a change is that of its sign."""
    for table in (document.front_page.sectors, *document.exhibits()):
        for row in table.rows if isinstance(table, Table) else ():
            for cell in row:
                text = document.text(cell.line)
                number = NUMBER.match(text)
                if cell.tone is None or number is None or text.strip("▲▼－ ") != text:
                    continue
                value = Decimal(number[0])
                way = "up" if value > 0 else "down" if value < 0 else "flat"
                if cell.tone != way:
                    first = document.text(row[0].line)
                    yield _finding("direction_is_wrong", f"{first} {text}", cell.tone, way)


def buckets_in_titles(document: Document) -> Iterator[Finding]:
    """``20~30X 增加`` in a title is what the chart's two series say."""
    for figure in document.figures():
        chart = figure.chart
        if [one.role for one in chart.series] != ["previous", "current"]:
            continue
        before, after = chart.series
        finding = figure.title.partition("：")[2].removesuffix("等")
        for clause in finding.split("、"):
            for way, word in (("up", "增加"), ("down", "减少")):
                label = clause.partition(word)[0].strip()
                at = next(
                    (at for at, one in enumerate(chart.categories) if label.startswith(one)), None
                )
                if word not in clause or at is None:
                    continue
                first, second = before.values[at] or 0, after.values[at] or 0
                really = "up" if second > first else "down" if second < first else "flat"
                if really != way:
                    words = {"up": "增加", "down": "减少", "flat": "不变"}
                    yield _finding(
                        "direction_is_wrong",
                        figure.title,
                        clause,
                        f"{label} {words[really]}（{before.labels[at]} → {after.labels[at]}）",
                    )
