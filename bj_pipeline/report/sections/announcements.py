"""Announcements of the week."""

from collections.abc import Sequence

import pandas as pd

from bj_pipeline.report.data import Announcements, ReportData
from bj_pipeline.report.document import Block, Column, Fact, Line, Paragraph, Section, Table
from bj_pipeline.report.facts import COUNT, ITEMS, Style, join, say
from bj_pipeline.report.fonts import printable
from bj_pipeline.report.picks import Pick
from bj_pipeline.report.sections.company_facts import name_cell
from bj_pipeline.warehouse import tables

LISTED = 20
"""Rows at most where nobody has picked: a week brings hundreds."""
_COLUMNS = ["date", "code", "name", "category", "title"]


def selected(
    raw: pd.DataFrame, picks: Sequence[Pick] | None, companies: pd.DataFrame, *, are_known: bool
) -> Announcements:
    """The analyst's picks; without any, the first announcements of covered companies.

    Args:
        raw: ``raw_announcements``.
        picks: The analyst's, of ``announcements.csv``; None if there is no such file.
        companies: ``company_metrics``; names are the curated ones, not the vendor's.
        are_known: Whether a source gave a list of announcements.
    """
    if picks is not None:
        rows = [(one.day, one.code, one.name, one.category, one.text) for one in picks]
        return Announcements(pd.DataFrame(rows, columns=_COLUMNS), are_known=True, are_picked=True)
    names = companies.set_index("code")["name"]
    covered = raw[raw["code"].isin(names.index)].sort_values(["date", "code", "title"])
    covered = covered.assign(
        name=covered["code"].map(names),
        category=covered["category"].fillna("其他").map(printable),
        title=covered["title"].map(printable),
    )
    shown = covered[_COLUMNS].head(LISTED)
    return Announcements(shown, are_known=are_known, has_more=len(covered) > LISTED)


def announcements_section(data: ReportData) -> Section:
    """Text and table; a plain sentence where there is nothing."""
    blocks: list[Block] = [Paragraph(line=announcements_summary(data))]
    if data.announcements.has_more:
        left_out = say("本期公告尚未经过挑选，按日期先后列出一部分，其余未列。")
        blocks.append(Paragraph(line=left_out, style="note"))
    if not data.announcements.rows.empty:
        blocks.append(_table(data))
    title = data.labels["section.announcements"]
    return Section(id="announcements", title=title, level=1, blocks=tuple(blocks))


def announcements_summary(data: ReportData) -> Line:
    """One sentence: how many announcements, of how many companies, of which kinds."""
    rows = data.announcements.rows
    if not data.announcements.are_known:
        return say("本期输入不含公告清单，本节从略。")
    if rows.empty:
        return say("样本公司在本期窗口内没有入选的公告。")
    kinds = rows["category"].value_counts()
    return say(
        "本周收录公告{items}，涉及{companies}公司，其中{kinds}。",
        items=_count(data, "items", float(len(rows)), "title", ITEMS),
        companies=_count(data, "companies", float(rows["code"].nunique()), "code", COUNT),
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
        for row in data.announcements.rows.itertuples()
    )
    labels = data.labels
    return Table(
        id="announcements",
        title=labels["table.announcements"],
        columns=(
            Column(label=labels["date"], weight=0.7),
            Column(label=labels["code"], weight=1.1),
            Column(label=labels["company"], weight=1.1),
            Column(label=labels["category"], weight=0.7),
            Column(label=labels["text"], weight=5),
        ),
        rows=rows,
        source=data.source_of(labels["company_announcements"])
        if data.announcements.are_picked
        else data.source(tables.RAW_ANNOUNCEMENTS),
    )
