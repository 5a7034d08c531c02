"""What a report is made of: the metrics of one issue, as the sections read them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from bj_pipeline.issues import Issue
from bj_pipeline.reference import Reference
from bj_pipeline.report.document import House, Line
from bj_pipeline.report.facts import Ledger, Origin
from bj_pipeline.report.labels import Labels
from bj_pipeline.report.topic import Topic
from bj_pipeline.warehouse import tables

_PRICES = (tables.RAW_QUOTES,)
_VALUES = (tables.RAW_QUOTES, tables.RAW_VALUATIONS)
_RESTS_ON = {
    "change": _PRICES,
    "market_cap": _VALUES,
    "total_market_cap": _VALUES,
    "market_cap_median": _VALUES,
    "companies": _VALUES,
    "pe_ttm": (tables.RAW_VALUATIONS,),
    "pe_ttm_median": (tables.RAW_VALUATIONS,),
    "revenue": (tables.RAW_FINANCIALS,),
    "net_profit": (tables.RAW_FINANCIALS,),
    "value": (tables.RAW_QUOTES, tables.RAW_INDEX_QUOTES),
}
"""Raw tables that a column of the metrics rests on."""

_SAMPLE = "sample"


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


@dataclass(frozen=True)
class Announcements:
    """The announcements that an issue prints.

    Attributes:
        rows: ``date``, ``code``, ``name``, ``category`` and ``title``.
        are_known: Whether anybody gave a list, be it empty.
        are_picked: Whether an analyst chose them.
        has_more: Whether others were left out for want of room.
    """

    rows: pd.DataFrame
    are_known: bool
    are_picked: bool = False
    has_more: bool = False


@dataclass(frozen=True)
class ReportData:
    """Everything that the sections of one issue read; frames as in the warehouse's tables.

    Attributes:
        vendors: Vendors whose files fed each raw table.
        files: Names of the files that fed each raw table.
        is_sample: Whether the figures are the embedded sample's.
    """

    issue: Issue
    house: House
    topic: Topic | None
    companies: pd.DataFrame
    ai_chain: pd.DataFrame
    sectors: pd.DataFrame
    buckets: pd.DataFrame
    movers: pd.DataFrame
    market: pd.DataFrame
    trends: pd.DataFrame
    announcements: Announcements
    reference: Reference
    vendors: dict[str, tuple[str, ...]]
    files: dict[str, tuple[str, ...]]
    is_sample: bool

    @property
    def labels(self) -> Labels:
        """The words that frame what the sections say."""
        return self.house.labels

    @cached_property
    def ledger(self) -> Ledger:
        """The facts, filled while the sections are written."""
        return Ledger(self.issue.number)

    @cached_property
    def sector_names(self) -> list[str]:
        """Sectors that the issue has companies in, in the order of the report."""
        filled = self.sectors.loc[self.sectors["companies"] > 0, "sector"]
        return [name for name in self.reference.sectors if name in set(filled)]

    @cached_property
    def ai_chain_rows(self) -> pd.DataFrame:
        """The AI-chain table in the order of the report: by segment, the largest first."""
        order = {segment: number for number, segment in enumerate(self.reference.segments)}
        ranked = self.ai_chain.assign(order=self.ai_chain["segment"].map(order))
        ranked = ranked.sort_values(["order", "market_cap", "code"], ascending=[True, False, True])
        return ranked.drop(columns="order")

    def bucket_rows(self, sector: str, measure: str) -> list[dict[str, object]]:
        """A sector's bucket counts in the order of the buckets."""
        labels = [one.label for one in self.reference.buckets(measure, self.issue.close_date)]
        return [self._bucket[sector, measure, label] for label in labels]

    @cached_property
    def _bucket(self) -> dict[tuple[object, object, object], dict[str, object]]:
        return {
            (row["sector"], row["measure"], row["bucket"]): row for row in _records(self.buckets)
        }

    @cached_property
    def sector(self) -> dict[str, dict[str, Any]]:
        """Every sector's metrics, by name."""
        return {str(row["sector"]): row for row in _records(self.sectors)}

    @cached_property
    def trend(self) -> dict[str, list[dict[str, Any]]]:
        """Every sector's rows of the trailing issues, oldest first, by name.

        They begin with the first issue of which anything is known: an axis of weeks before that
        would be empty.
        """
        known = self.trends.dropna(subset=["pe_ttm_median", "total_market_cap"], how="all")
        first = known["trend_issue"].min() if len(known) else self.issue.number
        rows: dict[str, list[dict[str, Any]]] = {}
        for row in _records(self.trends[self.trends["trend_issue"] >= first]):
            rows.setdefault(str(row["sector"]), []).append(row)
        return rows

    @cached_property
    def pool(self) -> pd.DataFrame:
        """Companies of the pool, by code."""
        return self.companies[self.companies["sector"].notna()].set_index("code", drop=False)

    @cached_property
    def company(self) -> dict[str, dict[str, object]]:
        """Every covered company's metrics, by code."""
        return {str(row["code"]): row for row in _records(self.companies)}

    @cached_property
    def metric(self) -> dict[str, float]:
        """Figures of the whole pool, by name."""
        return dict(zip(self.market["metric"], self.market["value"], strict=True))

    @cached_property
    def has_pe_ttm(self) -> bool:
        """Whether any company has a PE, or a documented loss."""
        known = self.companies["pe_ttm"].notna() | self.companies["pe_ttm_is_loss"]
        return bool(known.any())

    @cached_property
    def has_market_cap(self) -> bool:
        """Whether any company has a market cap."""
        return bool(self.companies["market_cap"].notna().any())

    def has_base(self, measure: str, sector: str | None = None) -> bool:
        """Whether both dates of ``pe_ttm`` or ``market_cap`` are known of any company.

        Args:
            measure: ``pe_ttm`` or ``market_cap``.
            sector: Of this sector only; of the whole pool if None.
        """
        return all((sector, name) in self._known for name in (f"{measure}_base", measure))

    @cached_property
    def _known(self) -> set[tuple[str | None, str]]:
        """Sectors, and None for the whole pool, with the valuations of which something is known."""
        names = [f"{measure}{end}" for measure in ("pe_ttm", "market_cap") for end in ("_base", "")]
        found: set[tuple[str | None, str]] = set()
        for name in names:
            known = self.pool[name].notna() | self.pool.get(f"{name}_is_loss", default=False)
            sectors = set(self.pool.loc[known, "sector"])
            found |= {(sector, name) for sector in sectors}
            found |= {(None, name)} if sectors else set()
        return found

    @cached_property
    def has_financials(self) -> bool:
        """Whether any company has a full year's result."""
        return bool(self.companies["fiscal_year"].notna().any())

    @cached_property
    def fiscal_year(self) -> str:
        """The full year that most companies show; empty if none does."""
        years = self.companies["fiscal_year"].dropna()
        return "" if years.empty else str(int(years.mode().iloc[0]))

    def of_year(self, measure: str) -> str:
        """A column's name with the full year that it shows, such as ``2024营业收入``."""
        return self.labels.fill(
            "of_year", label=self.labels[measure], year=self.fiscal_year
        ).strip()

    def source(self, *raw_tables: str, valuations_of: pd.DataFrame | None = None) -> str:
        """The source line of an exhibit that rests on these raw tables.

        Args:
            raw_tables: Tables that it rests on.
            valuations_of: Rows whose ``pe_ttm_vendor`` tells whose valuations were really taken;
                the companies' unless the exhibit has a choice of its own.
        """
        rows = self.companies if valuations_of is None else valuations_of
        vendors: dict[str, None] = {}
        for name in raw_tables:
            taken = rows["pe_ttm_vendor"].dropna() if name == tables.RAW_VALUATIONS else ()
            vendors |= dict.fromkeys([*taken] or self.vendors.get(name, ()))
        labels = self.labels
        names = [labels.word("vendor", vendor) for vendor in vendors if vendor != _SAMPLE]
        listed = labels.listed(names)
        if self.is_sample:
            listed = (
                labels.fill("source_sample", vendors=listed)
                if names
                else labels.word("vendor", _SAMPLE)
            )
        return self.source_of(listed or labels["source_unknown"])

    def source_of(self, vendors: str) -> str:
        """A source line that names these vendors."""
        return self.labels.fill("source", vendors=vendors, house=self.house.name)

    @property
    def own_source(self) -> str:
        """The source line of what the house itself put together."""
        return self.labels.fill("source_house", house=self.house.name)

    def origin(self, table: str, row: str, column: str, formula: str) -> Origin:
        """Where a fact of this issue comes from."""
        key = f"issue={self.issue.number}, {row}" if row else f"issue={self.issue.number}"
        rests_on = _RESTS_ON.get(column.removesuffix("_base").split(",")[0], (table,))
        return Origin(table, key, column, formula, self._files_behind.get(rests_on, ()))

    @cached_property
    def _files_behind(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        """Files that fed raw tables, by all of the tables that a column rests on."""
        return {
            fed: tuple(dict.fromkeys(file for raw in fed for file in self.files.get(raw, ())))
            for fed in {*_RESTS_ON.values(), *((raw,) for raw in self.files)}
        }


def missing_notes(data: ReportData) -> list[Line]:
    """What this issue lacks, and which parts are left out or marked for it; empty if nothing."""
    from bj_pipeline.report.facts import say  # noqa: PLC0415

    notes = []
    if not data.has_market_cap:
        notes.append(say("本期输入不含总股本或总市值：市值合计、市值分布与相关图表从略。"))
    if not data.has_pe_ttm:
        notes.append(say("本期输入不含 PE TTM：估值中值、估值分布与相关图表从略。"))
    lacking = [
        name
        for name, measure, known in (
            (" PE TTM ", "pe_ttm", data.has_pe_ttm),
            ("总市值", "market_cap", data.has_market_cap),
        )
        if known and not data.has_base(measure)
    ]
    if lacking:
        named = "与".join(lacking).rstrip()
        notes.append(say("本期输入不含基准日的{named}：与上周的比较从略。", named=named))
    if not data.has_financials:
        notes.append(say("本期输入不含年度财务数据：表中营业收入与归母净利润从略。"))
    if not data.announcements.are_known:
        notes.append(say("本期输入不含公告清单：公告部分从略。"))
    if not data.vendors.get(tables.RAW_INDEX_QUOTES):
        notes.append(say("本期输入不含指数行情：指数对比从略。"))
    return notes
