"""Announcements of the week."""

from bj_pipeline.report.data import ReportData
from bj_pipeline.report.document import Block, Column, Fact, Line, Paragraph, Section, Table
from bj_pipeline.report.facts import COUNT, ITEMS, Style, join, say
from bj_pipeline.report.sections.company_facts import name_cell
from bj_pipeline.warehouse import tables


def announcements_section(data: ReportData) -> Section:
    """Text and table; a plain sentence where there is nothing."""
    blocks: list[Block] = [Paragraph(line=announcements_summary(data))]
    if not data.announcements.empty:
        blocks.append(_table(data))
    return Section(id="announcements", title="公司公告", level=1, blocks=tuple(blocks))


def announcements_summary(data: ReportData) -> Line:
    """One sentence: how many announcements, of how many companies, of which kinds."""
    if not data.vendors.get(tables.RAW_ANNOUNCEMENTS):
        return say("本期输入不含公告清单，本节从略。")
    if data.announcements.empty:
        return say("样本公司在本期窗口内没有入选的公告。")
    kinds = data.announcements["category"].fillna("其他").value_counts()
    return say(
        "本周收录公告{items}，涉及{companies}公司，其中{kinds}。",
        items=_count(data, "items", float(len(data.announcements)), "title", ITEMS),
        companies=_count(
            data, "companies", float(data.announcements["code"].nunique()), "code", COUNT
        ),
        kinds=join(
            [
                say(
                    "{kind}{number}",
                    kind=f"{kind}类",
                    number=_count(data, f"kind/{kind}", float(number), "category", ITEMS),
                )
                for kind, number in kinds.items()
            ]
        ),
    )


def _count(data: ReportData, name: str, value: float, column: str, style: Style) -> Fact:
    formula = "公告条数" if style is ITEMS else "发布公告的公司数"
    origin = data.origin(tables.RAW_ANNOUNCEMENTS, name, column, formula)
    return data.ledger.number(f"{tables.RAW_ANNOUNCEMENTS}/{name}", value, style, origin)


def _table(data: ReportData) -> Table:
    rows = tuple(
        (
            name_cell(f"{row.date:%m-%d}"),
            name_cell(str(row.code)),
            name_cell(str(row.name)),
            name_cell(str(row.category)),
            name_cell(str(row.title)),
        )
        for row in data.announcements.itertuples()
    )
    return Table(
        id="announcements",
        title="本周公告",
        columns=(
            Column(label="日期", weight=0.7),
            Column(label="代码", weight=1.1),
            Column(label="公司", weight=1.1),
            Column(label="类别", weight=0.7),
            Column(label="内容", weight=5),
        ),
        rows=rows,
        source=data.source(tables.RAW_ANNOUNCEMENTS),
    )
