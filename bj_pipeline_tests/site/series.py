"""A series of issues with invented companies, written to a warehouse of the test's own.

Figures of sectors, market and rankings are computed by the pipeline's own functions. What does not
belong here: what a page should say.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bj_pipeline.issues import by_number
from bj_pipeline.metrics.market import market_metrics
from bj_pipeline.metrics.rankings import movers
from bj_pipeline.metrics.sector import sector_metrics
from bj_pipeline.report import artifacts
from bj_pipeline.report.artifacts import MANIFEST
from bj_pipeline.report.document import House
from bj_pipeline.settings import Settings
from bj_pipeline.site.build import SiteReport, build_site
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse

HOUSE = House(
    name="示例研究所",
    series="北交所科技成长观察",
    department="研究组",
    accent="#1F3A5F",
    up="#C0392B",
    down="#1E8449",
    palette=("#D08A1D", "#4B9CA8", "#8E5C86", "#7C838D"),
    disclosures=("仅供参考，不构成投资建议。",),
)
SECTORS = ("电子设备", "机械设备")
_INDEX_COLUMNS = list(tables.columns(tables.RAW_INDEX_QUOTES))
_USUAL: Mapping[str, Any] = {
    "name": "甲公司",
    "sector": SECTORS[0],
    "close_base": 10.0,
    "close": 10.1,
    "change": 0.01,
    "market_cap_base": 1.0e9,
    "market_cap": 1.01e9,
    "pe_ttm_base": 20.0,
    "pe_ttm": 20.2,
    "status": "trading",
    "pe_ttm_base_is_loss": False,
    "pe_ttm_is_loss": False,
    "pe_ttm_vendor": "wind",
    "fiscal_year": 2024,
    "revenue": 2.0e8,
    "net_profit": 1.0e7,
}

Company = dict[str, Any]


def company(code: str, **different: Any) -> Company:
    """A row of ``company_metrics``, and with ``segment`` a place in the AI chain."""
    return {"code": code, **_USUAL, "segment": None, **different}


def write(warehouse: Warehouse, number: int, companies: Iterable[Company]) -> None:
    """One issue that covers these companies."""
    issue = by_number(number)
    rows = pd.DataFrame(list(companies))
    metrics = rows[list(tables.columns(tables.COMPANY_METRICS))]
    chain = rows[rows["segment"].notna()].assign(description="业务说明", is_st=False)
    warehouse.replace(
        number,
        {
            tables.COMPANY_METRICS: metrics,
            tables.COMPANY_UNIVERSE: rows.assign(
                is_st=rows["name"].str.contains("ST"), listed=None, basis="published"
            )[list(tables.columns(tables.COMPANY_UNIVERSE))],
            tables.AI_CHAIN_CLASSIFICATION: chain[
                list(tables.columns(tables.AI_CHAIN_CLASSIFICATION))
            ],
            tables.AI_CHAIN_METRICS: chain[list(tables.columns(tables.AI_CHAIN_METRICS))],
            tables.SECTOR_METRICS: sector_metrics(metrics, SECTORS),
            tables.MOVERS: movers(metrics, 10),
            tables.MARKET_METRICS: market_metrics(
                metrics,
                pd.DataFrame(columns=_INDEX_COLUMNS),
                ["899050.BJ"],
                issue.base_date,
                issue.close_date,
            ),
        },
    )


def from_sample(warehouse: Warehouse, number: int) -> None:
    """Record that an issue was read from the sample."""
    row = {"name": "quotes.csv", "vendor": "sample", "interface": "sample", "sha256": "0" * 64}
    columns = [name for name in tables.columns(tables.INPUT_FILES) if name != "table"]
    files = pd.DataFrame([row]).reindex(columns=columns).fillna(0)
    warehouse.replace_input_files(number, tables.RAW_QUOTES, "sample", files)


class Home:
    """A home with a warehouse, a folder of finished files and a place for the site."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(home=folder / "home")
        self.warehouse = Warehouse(self.settings.warehouse_url)
        self.site = folder / "site"

    def finish(self, number: int, forms: Mapping[str, bytes]) -> Path:
        """Let an issue have those finished files, and their record."""
        folder = self.settings.home / "artifacts" / by_number(number).folder
        record = [
            {"name": name, "sha256": artifacts.sha256(form), "bytes": len(form)}
            for name, form in forms.items()
        ]
        artifacts.put(folder, {**forms, MANIFEST: json.dumps({"artifacts": record}).encode()})
        return folder

    def build(self, issues: list[int] | None = None, house: House = HOUSE) -> SiteReport:
        return build_site(self.warehouse, self.settings, house, self.site, issues=issues)

    def page(self, path: str) -> str:
        return (self.site / path).read_text(encoding="utf-8")

    def files(self) -> dict[str, bytes]:
        """Every file of the site by path."""
        return {
            path.relative_to(self.site).as_posix(): path.read_bytes()
            for path in sorted(self.site.rglob("*"))
            if path.is_file()
        }
