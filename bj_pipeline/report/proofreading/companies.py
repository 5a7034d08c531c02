"""Companies: names match codes and titles; ST companies stand only where a table says so."""

import re
from collections.abc import Collection, Iterator, Sequence

from bj_pipeline.report.document import Document, FactRef, Figure, Table
from bj_pipeline.report.proofreading.finding import Finding
from bj_pipeline.report.proofreading.known import Known
from bj_pipeline.report.topic import TOPIC_TABLE
from bj_pipeline.warehouse import tables

_CODE = re.compile(r"\d{6}\.[A-Z]{2}")
_MARKS = re.compile(r"^(?:XD|XR|DR|N|C)?(?:\*?ST)?")
_ST = re.compile(r"^(?:XD|XR|DR)?\*?ST")
_CODE_IN_TEXT = re.compile(r"[（(](\d{6})(?:\.BJ)?[）)]")
_CHAIN = "ai_chain"
_SAYS_NAME = ("公司", "名称", "简称")
_SAYS_CODE = "代码"
"""Words by which an analyst may head a column of companies, whatever the labels' language."""


def names(document: Document, known: Known) -> Iterator[Finding]:
    """A code stands beside its company's name; a title that names a value names whose it is."""
    for table in (document.front_page.sectors, *_tables(document)):
        heads = [column.label for column in table.columns]
        code_at = _first(heads, {_SAYS_CODE, document.labels["code"]})
        name_at = _first(heads, {*_SAYS_NAME, document.labels["company"]})
        if code_at is not None and name_at is not None:
            yield from _rows(document, table, code_at, name_at, known)
    for _, line, is_analysts in document.lines():
        yield from _codes_in_text(document.text(line), known, is_analysts=is_analysts)
    for figure in document.figures():
        yield from _charts(figure)


def _codes_in_text(text: str, known: Known, *, is_analysts: bool) -> Iterator[Finding]:
    """``并行科技（920493）`` names the company of that code."""
    for match in _CODE_IN_TEXT.finditer(text):
        code = f"{match[1]}.BJ"
        wanted, before = known.names.get(code), text[: match.start()]
        plain = _MARKS.sub("", wanted) if wanted else ""
        if wanted and not before.endswith(plain):
            found = f"{before[-len(wanted) :]}{match[0]}"
            yield Finding(
                "name_does_not_match", "", "", text, found, f"{wanted}{match[0]}", is_analysts
            )
        elif wanted is None:
            own = next((one for one, name in known.names.items() if before.endswith(name)), None)
            if own:
                yield Finding("name_does_not_match", "", "", text, match[0], own, is_analysts)


def _first(heads: Sequence[str], wanted: Collection[str]) -> int | None:
    return next((at for at, head in enumerate(heads) if head in wanted), None)


def _tables(document: Document) -> Iterator[Table]:
    return (one for one in document.exhibits() if isinstance(one, Table))


def _code(fact: str) -> str:
    table, _, rest = fact.partition("/")
    code = rest.partition("/")[0]
    return (
        code
        if table in {tables.COMPANY_METRICS, tables.AI_CHAIN_METRICS} and _CODE.fullmatch(code)
        else ""
    )


def _rows(
    document: Document, table: Table, code_at: int, name_at: int, known: Known
) -> Iterator[Finding]:
    for row in table.rows:
        code, name = document.text(row[code_at].line), document.text(row[name_at].line)
        wanted = known.names.get(code)
        sentence = " ".join(document.text(cell.line) for cell in row)
        if wanted is None:
            yield Finding(
                "name_does_not_match", "", "", sentence, f"{code} {name}", "a code of the universe"
            )
        elif _MARKS.sub("", name) != _MARKS.sub("", wanted):
            yield Finding(
                "name_does_not_match", "", "", sentence, f"{code} {name}", f"{code} {wanted}"
            )
        for cell in row:
            for part in cell.line:
                other = _code(part.fact) if isinstance(part, FactRef) else ""
                if other and other != code:
                    yield Finding(
                        "name_does_not_match",
                        "",
                        "",
                        sentence,
                        f"{document.text(cell.line)}: {other}",
                        code,
                    )


def _charts(figure: Figure) -> Iterator[Finding]:
    chart = figure.chart
    is_analysts = figure.id.startswith(f"{TOPIC_TABLE}-")
    if is_analysts or (chart.kind != "hbars" and not chart.signed):
        return
    # A title that names a value names whose value it is.
    finding = figure.title.partition("：")[2]
    for series in chart.series:
        holders = [
            category
            for category, label in zip(chart.categories, series.labels, strict=True)
            if any(character.isdigit() for character in label)
            and f"{label}{chart.unit}" in "".join(finding.split())
        ]
        squeezed_finding = "".join(finding.split())
        if (
            holders
            and not any("".join(one.split()) in squeezed_finding for one in holders)
            and figure.title.count("：") == 1
            and _names_someone(finding)
        ):
            yield Finding("name_does_not_match", "", "", figure.title, finding, " / ".join(holders))


def _names_someone(finding: str) -> bool:
    """Whether the finding names anything besides the number."""
    return bool(re.sub(r"[\d.+\-%X\s，。居前为]|亿元|家|万元", "", finding))


def special_treatment(document: Document, known: Known) -> Iterator[Finding]:
    """ST companies are not in the AI-chain table; where one table has them, notes say which has."""
    chain = next((one for one in _tables(document) if one.id == _CHAIN), None)
    for row in _marked(document, chain, known) if chain else ():
        expected = "no company under special treatment"
        yield Finding("st_company_is_listed", "", "", row, _CHAIN, expected)
    listings = [one for one in _tables(document) if one.id not in {_CHAIN, "announcements"}]
    holding = {
        one.title: (one, rows) for one in listings if (rows := _marked(document, one, known))
    }
    for title, (table, rows) in holding.items():
        if chain is not None and "ST" not in table.note:
            expected = "a note that the table includes ST companies"
            yield Finding("st_companies_without_a_word", "", "", title, rows[0], expected)
    if chain is not None and holding and "ST" not in chain.note:
        expected = "a note that the table excludes ST companies"
        yield Finding("st_companies_without_a_word", "", "", chain.title, chain.note, expected)


def _marked(document: Document, table: Table, known: Known) -> list[str]:
    """Rows of companies under special treatment."""
    names = {known.names[code] for code in known.st if code in known.names}
    rows = ([document.text(cell.line) for cell in row] for row in table.rows)
    return [
        " ".join(row)
        for row in rows
        if any(cell in known.st or cell in names or _ST.match(cell) for cell in row)
    ]
