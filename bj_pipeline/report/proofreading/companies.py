"""Companies: names match codes, charts and titles; ST companies are left out where they are said to be."""

import re
from collections.abc import Iterator

from bj_pipeline.report.document import Document, FactRef, Figure, Table, Words
from bj_pipeline.report.proofreading.finding import Finding
from bj_pipeline.report.proofreading.known import Known
from bj_pipeline.report.topic import TOPIC_TABLE
from bj_pipeline.warehouse import tables

_CODE = re.compile(r"\d{6}\.[A-Z]{2}")
_MARKS = re.compile(r"^(?:XD|XR|DR|N|C)?(?:\*?ST)?")
_ST = re.compile(r"^(?:XD|XR|DR)?\*?ST")
_SAYS_NAME = ("公司", "名称", "简称")


def names(document: Document, known: Known) -> Iterator[Finding]:
    """A code stands beside its company's name, a figure of a company behind it."""
    for table in (document.front_page.sectors, *_tables(document)):
        labels = [column.label for column in table.columns]
        name_at = next((at for at, label in enumerate(labels) if label in _SAYS_NAME), None)
        if "代码" in labels and name_at is not None:
            yield from _rows(document, table, labels.index("代码"), name_at, known)
    for _, line, is_analysts in document.lines():
        last = ""
        for part in line:
            if isinstance(part, Words) and part.name:
                last = part.text
            elif isinstance(part, FactRef) and not is_analysts:
                wanted = known.names.get(_code(part.fact))
                if wanted and last and last != wanted and part.with_unit:
                    yield Finding("name_does_not_match", "", "", document.text(line), last, wanted)
                last = ""
    for figure in document.figures():
        yield from _charts(document, figure, known)


def _tables(document: Document) -> Iterator[Table]:
    return (one for one in document.exhibits() if isinstance(one, Table))


def _code(fact: str) -> str:
    table, _, rest = fact.partition("/")
    code = rest.partition("/")[0]
    return code if table in {tables.COMPANY_METRICS, tables.AI_CHAIN_METRICS} and _CODE.fullmatch(code) else ""


def _rows(
    document: Document, table: Table, code_at: int, name_at: int, known: Known
) -> Iterator[Finding]:
    for row in table.rows:
        code, name = document.text(row[code_at].line), document.text(row[name_at].line)
        wanted = known.names.get(code)
        sentence = " ".join(document.text(cell.line) for cell in row)
        if wanted is None:
            yield Finding("name_does_not_match", "", "", sentence, f"{code} {name}", "a code of the universe")
        elif _MARKS.sub("", name) != _MARKS.sub("", wanted):
            yield Finding("name_does_not_match", "", "", sentence, f"{code} {name}", f"{code} {wanted}")
        for cell in row:
            for part in cell.line:
                other = _code(part.fact) if isinstance(part, FactRef) else ""
                if other and other != code:
                    yield Finding("name_does_not_match", "", "", sentence, f"{document.text(cell.line)}: {other}", code)


def _charts(document: Document, figure: Figure, known: Known) -> Iterator[Finding]:
    chart = figure.chart
    for series in chart.series:
        for category, name in zip(chart.categories, series.facts, strict=False):
            wanted = known.names.get(_code(name))
            if wanted and category != wanted:
                yield Finding("name_does_not_match", "", "", figure.title, category, wanted)
    is_analysts = figure.id.startswith(f"{TOPIC_TABLE}-")
    if is_analysts or (chart.kind != "hbars" and not chart.signed):
        return
    # A title that names a value names whose value it is.
    finding = figure.title.partition("：")[2]
    for series in chart.series:
        holders = [
            category
            for category, label in zip(chart.categories, series.labels, strict=True)
            if any(character.isdigit() for character in label) and f"{label}{chart.unit}" in "".join(finding.split())
        ]
        squeezed_finding = "".join(finding.split())
        if holders and not any("".join(one.split()) in squeezed_finding for one in holders) and figure.title.count("：") == 1 and _names_someone(finding):
            yield Finding("name_does_not_match", "", "", figure.title, finding, " / ".join(holders))


def _names_someone(finding: str) -> bool:
    """Whether the finding names anything besides the number."""
    return bool(re.sub(r"[\d.+\-%X\s，。居前为]|亿元|家|万元", "", finding))


def special_treatment(document: Document, known: Known) -> Iterator[Finding]:
    """ST companies stand in no table that leaves them out, and in others only with a word."""
    names_of_st = {known.names[code] for code in known.st if code in known.names}
    holding: list[tuple[Table, str]] = []
    leaving_out = False
    for table in _tables(document):
        texts = [[document.text(cell.line) for cell in row] for row in table.rows]
        marked = [row for row in texts if any(cell in known.st or cell in names_of_st or _ST.match(cell) for cell in row)]
        excludes = "不含" in table.note and "ST" in table.note.partition("不含")[2] and "；" not in table.note.partition("不含")[0]
        is_chain = table.id == "ai_chain"
        leaving_out = leaving_out or is_chain or excludes
        if marked and is_chain:
            for row in marked:
                yield Finding("st_company_is_listed", "", "", " ".join(row), table.title, "no company under special treatment")
        elif marked:
            holding.append((table, " ".join(marked[0])))
    for table, row in holding:
        is_listing = any(column.label == "代码" for column in table.columns) and table.id != "announcements"
        if leaving_out and is_listing and "ST" not in table.note:
            yield Finding("st_companies_without_a_word", "", "", table.title, row, "a note that the table includes ST companies")
    chain = next((one for one in _tables(document) if one.id == "ai_chain"), None)
    if chain is not None and holding and "ST" not in chain.note:
        yield Finding("st_companies_without_a_word", "", "", chain.title, chain.note, "a note that the table excludes ST companies")
