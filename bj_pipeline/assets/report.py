"""The report: the document, its charts, the finished files and the record of their making."""

from collections.abc import Mapping

import dagster as dg
import pandas as pd

from bj_pipeline.assets.declare import stage_asset
from bj_pipeline.assets.metadata import literal, picture
from bj_pipeline.assets.resources import PipelineResource
from bj_pipeline.issues import by_number
from bj_pipeline.report import artifacts, compose, erratum, revisions
from bj_pipeline.report.analyst_file import folder_of
from bj_pipeline.report.data import ReportData
from bj_pipeline.report.document import Document
from bj_pipeline.report.house import load_house
from bj_pipeline.report.manifest import manifest
from bj_pipeline.report.picks import load_picks
from bj_pipeline.report.sections.announcements import selected
from bj_pipeline.report.topic import load_topic
from bj_pipeline.warehouse import approved, tables


@stage_asset(
    tables.REPORT_DOCUMENT,
    "The whole report as data: text built from facts, tables and charts. Every form is rendered "
    "from it.",
    group="report",
    kinds={"json"},
)
def report_document(
    context: dg.AssetExecutionContext,
    pipeline: PipelineResource,
    company_metrics: pd.DataFrame,
    ai_chain_metrics: pd.DataFrame,
    sector_metrics: pd.DataFrame,
    bucket_counts: pd.DataFrame,
    movers: pd.DataFrame,
    market_metrics: pd.DataFrame,
    sector_trends: pd.DataFrame,
    raw_announcements: pd.DataFrame,
) -> Document:
    """The document of the issue."""
    issue = by_number(context.partition_key)
    settings = pipeline.settings
    files = pipeline.warehouse.read(tables.INPUT_FILES, issue.number)
    vendors = by_table(files, "vendor")
    folder = folder_of(issue, settings.content / "issues")
    document = compose.compose(
        ReportData(
            issue=issue,
            house=load_house(settings.content / "house.yaml"),
            topic=load_topic(folder),
            companies=company_metrics,
            ai_chain=ai_chain_metrics,
            sectors=sector_metrics,
            buckets=bucket_counts,
            movers=movers,
            market=market_metrics,
            trends=sector_trends,
            announcements=selected(
                raw_announcements,
                load_picks(folder, issue),
                company_metrics,
                are_known=tables.RAW_ANNOUNCEMENTS in vendors,
            ),
            reference=pipeline.reference,
            vendors=vendors,
            files=by_table(files, "name"),
            is_sample=bool((files["vendor"] == "sample").any()),
        )
    )
    document = erratum.revised(
        document,
        revisions.history(*approved.read(pipeline.warehouse, issue.number)),
        revisions.names_of(company_metrics),
        pipeline.warehouse.versions(issue.number),
    )
    context.add_output_metadata(
        {
            "revision": document.revision,
            "facts": len(document.facts),
            "exhibits": len(list(document.exhibits())),
            "key points": dg.MetadataValue.md(
                "\n".join(
                    f"- {literal(document.text(point))}"
                    for point in document.front_page.key_points.items
                )
            ),
            "missing": "\n".join(document.text(line) for line in document.notices) or "nothing",
        }
    )
    return document


def by_table(files: pd.DataFrame, column: str) -> dict[str, tuple[str, ...]]:
    """Vendors, or names, of the files that fed each raw table of an issue."""
    filled = files[files["rows"] > 0]
    return {
        str(table): tuple(dict.fromkeys(group[column])) for table, group in filled.groupby("table")
    }


@stage_asset(
    tables.REPORT_FIGURES,
    "The report's charts, drawn once for every form.",
    group="report",
    kinds={"matplotlib"},
)
def report_figures(context: dg.AssetExecutionContext, report_document: Document) -> pd.DataFrame:
    """One drawing a figure."""
    from bj_pipeline.report.charts import pictures  # noqa: PLC0415 - imports matplotlib

    drawn = pictures(report_document)
    overview = report_document.front_page.overview.figures[0]
    context.add_output_metadata({"overview": picture(drawn[overview.id])})
    return pd.DataFrame(
        {"figure": list(drawn), "svg": [drawing.decode() for drawing in drawn.values()]}
    )


@stage_asset(
    "report_html",
    "The report as one self-contained web page.",
    group="report",
    kinds={"html"},
)
def report_html(
    context: dg.AssetExecutionContext,
    pipeline: PipelineResource,
    report_document: Document,
    report_figures: pd.DataFrame,
) -> None:
    """``report.html`` of the issue."""
    from bj_pipeline.report import html  # noqa: PLC0415 - imports Jinja and fontTools

    _finish(context, pipeline, "report.html", html.render(report_document, _drawn(report_figures)))


@stage_asset(
    "report_pdf",
    "The report as PDF, A4.",
    group="report",
    kinds={"pdf", "typst"},
)
def report_pdf(
    context: dg.AssetExecutionContext,
    pipeline: PipelineResource,
    report_document: Document,
    report_figures: pd.DataFrame,
) -> None:
    """``report.pdf`` of the issue."""
    from bj_pipeline.report import pdf  # noqa: PLC0415 - imports Typst

    _finish(context, pipeline, "report.pdf", pdf.render(report_document, _drawn(report_figures)))


@stage_asset(
    "report_docx",
    "The report as a Word file that analysts can edit.",
    group="report",
    kinds={"word"},
)
def report_docx(
    context: dg.AssetExecutionContext,
    pipeline: PipelineResource,
    report_document: Document,
    report_figures: pd.DataFrame,
) -> None:
    """``report.docx`` of the issue."""
    from bj_pipeline.report import docx  # noqa: PLC0415 - imports python-docx

    _finish(context, pipeline, "report.docx", docx.render(report_document, _drawn(report_figures)))


@stage_asset(
    "report_xlsx",
    "The report as a workbook: every figure with its data and an editable chart, every company, "
    "every fact.",
    group="report",
    kinds={"excel"},
)
def report_xlsx(
    context: dg.AssetExecutionContext,
    pipeline: PipelineResource,
    report_document: Document,
    company_metrics: pd.DataFrame,
    ai_chain_metrics: pd.DataFrame,
    sector_metrics: pd.DataFrame,
    bucket_counts: pd.DataFrame,
    market_metrics: pd.DataFrame,
    sector_trends: pd.DataFrame,
) -> None:
    """``report.xlsx`` of the issue."""
    from bj_pipeline.report import xlsx  # noqa: PLC0415 - imports XlsxWriter

    frames = {
        tables.COMPANY_METRICS: company_metrics,
        tables.AI_CHAIN_METRICS: ai_chain_metrics,
        tables.SECTOR_METRICS: sector_metrics,
        tables.BUCKET_COUNTS: bucket_counts,
        tables.MARKET_METRICS: market_metrics,
        tables.SECTOR_TRENDS: sector_trends,
    }
    _finish(context, pipeline, "report.xlsx", xlsx.render(report_document, frames))


@stage_asset(
    "issue_manifest",
    "The record of the issue: inputs with SHA-256, settings, code version, checks, artifacts.",
    group="report",
    kinds={"json"},
    deps=["report_html", "report_pdf", "report_docx", "report_xlsx"],
)
def issue_manifest(
    context: dg.AssetExecutionContext, pipeline: PipelineResource, report_document: Document
) -> None:
    """``manifest.json`` of the issue, with which readers meet the files that it vouches for."""
    issue = by_number(context.partition_key)
    for name in ("report_html", "report_pdf", "report_docx", "report_xlsx"):
        pipeline.require_passed(issue.number, name)
    text = manifest(
        report_document,
        pipeline.warehouse,
        pipeline.settings,
        pipeline.settings.artifacts / issue.folder,
    )
    _finish(context, pipeline, "manifest.json", text.encode())


def _drawn(figures: pd.DataFrame) -> Mapping[str, bytes]:
    return {
        str(figure): str(svg).encode()
        for figure, svg in zip(figures["figure"], figures["svg"], strict=True)
    }


def _finish(
    context: dg.AssetExecutionContext, pipeline: PipelineResource, name: str, content: bytes
) -> None:
    issue = by_number(context.partition_key)
    version = artifacts.sha256(content)
    folder = pipeline.settings.artifacts / issue.folder
    place = artifacts.place_of(folder, name, version)
    if name == artifacts.MANIFEST:
        artifacts.finish(folder, content)
    else:
        artifacts.write(artifacts.draft(folder, name, version), content)
    pipeline.warehouse.record_file(issue.number, context.asset_key.path[-1], version)
    context.add_output_metadata(
        {"file": dg.MetadataValue.path(str(place)), "bytes": len(content), "sha256": version}
    )


REPORT_ASSETS = [
    report_document,
    report_figures,
    report_html,
    report_pdf,
    report_docx,
    report_xlsx,
    issue_manifest,
]
