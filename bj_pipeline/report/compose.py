"""From the metrics of an issue to its document: the one place that says which parts, in what order.

To add a part, write a module in :mod:`bj_pipeline.report.sections` and name it in :func:`sections`.
"""

from bj_pipeline.report.data import ReportData, missing_notes
from bj_pipeline.report.document import (
    Bullets,
    Document,
    FrontPage,
    Line,
    Paragraph,
    Section,
    Words,
    numbered,
    title_of,
)
from bj_pipeline.report.facts import join, say
from bj_pipeline.report.sections.ai_chain import ai_chain_section
from bj_pipeline.report.sections.announcements import announcements_section, announcements_summary
from bj_pipeline.report.sections.market import (
    breadth,
    index_changes,
    listed_changes,
    market_section,
)
from bj_pipeline.report.sections.sector import sector_highlights, sector_section, sectors_overview
from bj_pipeline.report.sections.sector_figures import overview
from bj_pipeline.report.sections.sector_tables import front_table


def sections(data: ReportData) -> tuple[Section, ...]:
    """Every part of the report, in order."""
    return (
        *_topic(data),
        ai_chain_section(data),
        market_section(data),
        sectors_overview(data),
        *(sector_section(data, sector) for sector in data.sector_names),
        announcements_section(data),
        _risks(data),
        _disclosures(data),
    )


def compose(data: ReportData) -> Document:
    """The whole document, with its facts."""
    issue = data.issue
    if data.topic is not None:
        data.ledger.adopt(data.topic.facts)
    parts = numbered(sections(data))
    front_page = _front_page(data)
    return Document(
        issue=issue.number,
        title=title_of(data.house, issue.number),
        subtitle=data.topic.title if data.topic is not None else "",
        week=issue.week,
        first_session=issue.first_session,
        close_date=issue.close_date,
        base_date=issue.base_date,
        issue_date=issue.issue_date,
        publication_date=issue.publication_date,
        is_sample=data.is_sample,
        house=data.house,
        front_page=front_page,
        sections=parts,
        notices=tuple(missing_notes(data)),
        facts=dict(data.ledger.facts),
    )


def _front_page(data: ReportData) -> FrontPage:
    topic = {"topic": data.topic.key_point} if data.topic is not None else {}
    points = topic | {
        "market": _market_point(data),
        "sectors": sector_highlights(data),
        "announcements": announcements_summary(data),
        "risks": (Words(text=data.house.risks[0], name=True),)
        if data.house.risks
        else say("见文末。"),
    }
    return FrontPage(
        key_points=Bullets(
            items=tuple(points.values()),
            labels=tuple(data.labels[f"point.{name}"] for name in points),
        ),
        sectors=front_table(data),
        overview=overview(data),
    )


def _market_point(data: ReportData) -> Line:
    indices = index_changes(data)
    if not indices:
        return say("{breadth}。", breadth=breadth(data))
    return say("{breadth}；{indices}。", breadth=breadth(data), indices=listed_changes(indices))


def _topic(data: ReportData) -> tuple[Section, ...]:
    """The analyst's part, if the issue has one."""
    if data.topic is None:
        return ()
    title = data.labels.fill("section.topic_titled", title=data.topic.title)
    return (Section(id="topic", title=title, level=1, blocks=data.topic.blocks),)


def _risks(data: ReportData) -> Section:
    risks = Bullets(items=tuple((Words(text=risk, name=True),) for risk in data.house.risks))
    return Section(id="risks", title=data.labels["section.risks"], level=1, blocks=(risks,))


def _disclosures(data: ReportData) -> Section:
    sources = data.source(*data.vendors)
    dates = say(
        "本期统计区间：{first} 至 {last}，基准日 {base}。{sources}。",
        first=str(data.issue.first_session),
        last=str(data.issue.close_date),
        base=str(data.issue.base_date),
        sources=join([(Words(text=sources, name=True),)]),
    )
    texts = [(Words(text=text, name=True),) for text in data.house.disclosures]
    blocks = tuple(Paragraph(line=line, style="note") for line in (dates, *texts))
    title = data.labels["section.disclosures"]
    return Section(id="disclosures", title=title, level=1, blocks=blocks)
