"""Units: of facts beside their chart or column, and in titles beside what is shown."""

import re
from collections.abc import Iterator
from decimal import Decimal

from bj_pipeline.report.document import Document, FactRef, Figure, FigureRow, Table
from bj_pipeline.report.proofreading.finding import Finding
from bj_pipeline.report.proofreading.quantities import is_same, parts, quantities
from bj_pipeline.report.topic import TOPIC_TABLE

_MEASURES = (
    (
        "share",
        re.compile(
            "占比|比例|比重|份额|占.+的.*%|增速|增长率|涨跌幅|涨幅|跌幅|变动"
            r"|\b[Ss]hare\b|\b[Cc]hange\b|\b[Gg]rowth\b"
        ),
    ),
    ("count", re.compile(r"公司数|家数|分布|数量|\b[Cc]ompanies\b")),
    (
        "money",
        re.compile(r"市值|营收|营业收入|净利润|金额|规模|[Mm]arket cap|[Rr]evenue|[Nn]et profit"),
    ),
    ("multiple", re.compile("PE|市盈率|估值")),
)
_UNIT_IN_TITLE = re.compile(
    r"[（(](?:单位[：:]?)?\s*([^（）()\d]{1,12})[）)]|单位[：:]\s*([^\s，。；）)]{1,12})"
)
_COUNTED = {"家", "只", "个", "条", "款", "项"}


def units(document: Document) -> Iterator[Finding]:
    """A figure's unit is that of its facts, of its measure and of its title."""
    for figure in document.figures():
        yield from _facts_of_figure(document, figure)
        yield from _measures(figure)
        yield from _title(document, figure)
    for table in (document.front_page.sectors, *_tables(document)):
        yield from _facts_of_table(document, table)
        yield from _title(document, table)


def _tables(document: Document) -> Iterator[Table]:
    for block in document.blocks():
        if isinstance(block, Table) and not isinstance(block, FigureRow):
            yield block


def _is_analysts(document: Document, exhibit: Figure | Table) -> bool:
    names = (
        [name for series in exhibit.chart.series for name in series.facts]
        if isinstance(exhibit, Figure)
        else [
            part.fact
            for row in exhibit.rows
            for cell in row
            for part in cell.line
            if isinstance(part, FactRef)
        ]
    )
    return any(
        document.facts[name].table == TOPIC_TABLE for name in names if name in document.facts
    )


def _facts_of_figure(document: Document, figure: Figure) -> Iterator[Finding]:
    chart = figure.chart
    for series in chart.series:
        for name in series.facts:
            fact = document.facts.get(name)
            if fact and fact.unit != chart.unit:
                yield Finding(
                    "unit_differs", "", "", figure.title, f"{fact.text} {chart.unit}", fact.printed
                )
                break
        for label, value in zip(series.labels, series.values, strict=True):
            if value is not None and label[:1].isdigit() and not _prints(label, value):
                yield Finding(
                    "number_differs", "", "", figure.title, label, f"{value:g}{chart.unit}"
                )


def _prints(label: str, value: float) -> bool:
    """Whether a bar's length is the number written at it."""
    half = Decimal(1).scaleb(-len(label.partition(".")[2])) / 2
    return abs(Decimal(label) - Decimal(repr(value))) <= half


def _facts_of_table(document: Document, table: Table) -> Iterator[Finding]:
    for at, column in enumerate(table.columns):
        for row in table.rows:
            wrong = [
                fact
                for part in row[at].line
                if isinstance(part, FactRef)
                and not part.with_unit
                and (fact := document.facts[part.fact]).unit != column.unit
            ]
            if wrong:
                label = document.labels.with_unit(column.label, column.unit)
                yield Finding(
                    "unit_differs",
                    "",
                    "",
                    table.title,
                    label,
                    document.labels.with_unit(column.label, wrong[0].unit),
                )
                break
        family = _families(column.label)
        own = _family(column.unit)
        if column.unit and family and own and own not in family:
            yield Finding(
                "unit_does_not_fit",
                "",
                "",
                table.title,
                document.labels.with_unit(column.label, column.unit),
                _wanted(family),
                _is_analysts(document, table),
            )


def _family(unit: str) -> str:
    noun = parts(unit)[1]
    if noun in {"%", "个百分点", "‰"}:
        return "share"
    if noun in _COUNTED:
        return "count"
    if noun.endswith("元"):
        return "money"
    return "multiple" if noun == "倍" else ""


def _families(text: str) -> set[str]:
    return {name for name, pattern in _MEASURES if pattern.search(text)}


def _wanted(families: set[str]) -> str:
    names = {"share": "%", "count": "家", "money": "元", "multiple": "X"}
    return " / ".join(f"a unit such as {names[one]}" for one in sorted(families))


def _measures(figure: Figure) -> Iterator[Finding]:
    """A share is in percent, companies are counted, market caps are money."""
    unit = figure.chart.unit
    own = _family(unit)
    for text in (*(series.name for series in figure.chart.series), figure.title.partition("：")[0]):
        families = _families(text)
        is_money_or_count = families == {"money"} and own == ""
        wrong = families and own not in families and unit and not is_money_or_count
        # "规模" and the like are measured in units that we do not know, a share never is.
        if wrong and (own or "share" in families):
            is_analysts = figure.id.startswith(f"{TOPIC_TABLE}-")
            yield Finding(
                "unit_does_not_fit",
                "",
                "",
                figure.title,
                f"{text}（{unit}）",
                _wanted(families),
                is_analysts,
            )
            return


def _title(document: Document, exhibit: Figure | Table) -> Iterator[Finding]:
    is_analysts = _is_analysts(document, exhibit)
    own = (
        [exhibit.chart.unit]
        if isinstance(exhibit, Figure)
        else [one.unit for one in exhibit.columns if one.unit]
    )
    for match in _UNIT_IN_TITLE.finditer(exhibit.title):
        named = (match[1] or match[2]).strip()
        is_unit = bool(_family(named)) or named in {"元", "美元"}
        if is_unit and not any(_same_unit(named, one) for one in own):
            yield Finding(
                "unit_differs", "", "", exhibit.title, named, " / ".join(own), is_analysts
            )
    if isinstance(exhibit, Table):
        families, shown = _families(exhibit.title), {_family(one) for one in own}
        if len(families) == 1 and shown - {""} and not families & shown:
            yield Finding(
                "unit_does_not_fit",
                "",
                "",
                exhibit.title,
                " / ".join(own),
                _wanted(families),
                is_analysts,
            )
        return
    yield from _title_numbers(document, exhibit, is_analysts=is_analysts)


def _title_numbers(document: Document, figure: Figure, *, is_analysts: bool) -> Iterator[Finding]:
    """A number in a chart's title is drawn in it, in its unit."""
    chart = figure.chart
    labels = {label for series in chart.series for label in series.labels}
    printed = {"".join(fact.printed.split()) for fact in document.facts.values()}
    for quantity in quantities(_without_categories(figure)):
        if not quantity.unit:
            continue
        drawn = [label for label in labels if label.lstrip("+-") == quantity.number.lstrip("+-")]
        fits = _same_unit(quantity.unit, chart.unit)
        if drawn and not fits:
            yield Finding(
                "unit_differs",
                "",
                "",
                figure.title,
                quantity.printed,
                f"{drawn[0]} {chart.unit}",
                is_analysts,
            )
        elif not drawn and (is_analysts or fits or quantity.printed not in printed):
            if _is_drawn(figure, quantity.value, quantity.unit):
                continue
            known = quantity.printed in printed and not is_analysts
            if not known:
                shown = "、".join(sorted(labels)[:12])
                yield Finding(
                    "title_is_not_drawn",
                    "",
                    "",
                    figure.title,
                    quantity.printed,
                    f"{shown}（{chart.unit}）",
                    is_analysts,
                )


def _without_categories(figure: Figure) -> str:
    """The title without names of categories that hold digits, such as the bucket ``10~20``."""
    title = figure.title
    for category in sorted(figure.chart.categories, key=len, reverse=True):
        if any(character.isdigit() for character in category):
            title = title.replace(category, "_" * len(category))
    return title


def _is_drawn(figure: Figure, value: Decimal, unit: str) -> bool:
    """Whether the chart draws the value in another magnitude of its unit."""
    return any(
        one is not None and is_same(value, unit, Decimal(repr(one)), figure.chart.unit)
        for series in figure.chart.series
        for one in series.values
    )


def _same_unit(one: str, other: str) -> bool:
    return parts(one) == parts(other)
