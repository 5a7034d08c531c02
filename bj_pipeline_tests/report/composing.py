"""The document of a built issue composed again, for another house than the one it was built for.

What does not belong here: building an issue, which the command line does.
"""

from pathlib import Path

from bj_pipeline.assets.report import by_table
from bj_pipeline.issues import by_number
from bj_pipeline.reference import load_reference
from bj_pipeline.report import compose
from bj_pipeline.report.analyst_file import folder_of
from bj_pipeline.report.data import ReportData
from bj_pipeline.report.document import Document, House
from bj_pipeline.report.picks import load_picks
from bj_pipeline.report.sections.announcements import selected
from bj_pipeline.report.topic import load_topic
from bj_pipeline.settings import Settings
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse


def composed(home: Path, number: int, house: House) -> Document:
    """The issue as that house would print it, from the figures that the home holds."""
    return compose.compose(report_data(home, number, house))


def report_data(home: Path, number: int, house: House) -> ReportData:
    """What the sections of that issue read."""
    settings = Settings(home=home)
    warehouse, issue = Warehouse(settings.warehouse_url), by_number(number)
    files = warehouse.read(tables.INPUT_FILES, number)
    companies = warehouse.read(tables.COMPANY_METRICS, number)
    folder = folder_of(issue)
    return ReportData(
        issue=issue,
        house=house,
        topic=load_topic(folder),
        companies=companies,
        ai_chain=warehouse.read(tables.AI_CHAIN_METRICS, number),
        sectors=warehouse.read(tables.SECTOR_METRICS, number),
        buckets=warehouse.read(tables.BUCKET_COUNTS, number),
        movers=warehouse.read(tables.MOVERS, number),
        market=warehouse.read(tables.MARKET_METRICS, number),
        trends=warehouse.read(tables.SECTOR_TRENDS, number),
        announcements=selected(
            warehouse.read(tables.RAW_ANNOUNCEMENTS, number),
            load_picks(folder, issue),
            companies,
            are_known=True,
        ),
        reference=load_reference(settings.reference),
        vendors=by_table(files, "vendor"),
        files=by_table(files, "name"),
        is_sample=True,
    )


def workbook_frames(home: Path, number: int) -> dict[str, object]:
    """The tables that the issue's workbook is made from."""
    warehouse = Warehouse(Settings(home=home).warehouse_url)
    names = (
        tables.COMPANY_METRICS,
        tables.AI_CHAIN_METRICS,
        tables.SECTOR_METRICS,
        tables.BUCKET_COUNTS,
        tables.MARKET_METRICS,
        tables.SECTOR_TRENDS,
    )
    return {name: warehouse.read(name, number) for name in names}
