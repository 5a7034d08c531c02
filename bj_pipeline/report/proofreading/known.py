"""What proofreading knows besides the document: the issue, the companies, and what was counted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from bj_pipeline.issues import Issue
from bj_pipeline.reference import Index


@dataclass(frozen=True)
class Known:
    """Truths to compare with.

    Attributes:
        issue: The issue as its calendar has it.
        names: Curated name of each covered company and index, by code.
        st: Codes of companies under special treatment.
        uncounted: Companies of the pool that a count leaves out for want of a figure, by
            (sector, measure, ``companies`` or ``companies_base``); sector ``""`` and measure
            ``change`` for the whole pool.
        sectors: Sector of each company of the pool, by code.
        changes: Change of each company of the pool that has one, by code.
        years: Full year whose result a company shows, by code.
    """

    issue: Issue
    names: Mapping[str, str]
    st: frozenset[str]
    uncounted: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    sectors: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, float] = field(default_factory=dict)
    years: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        issue: Issue,
        universe: pd.DataFrame,
        companies: pd.DataFrame,
        indices: Iterable[Index] = (),
    ) -> "Known":
        """From the tables ``company_universe`` and ``company_metrics``, and the curated indices."""
        pool = companies[companies["sector"].notna()]
        uncounted = {("", "change", "companies"): int(pool["change"].isna().sum())}
        for sector, rows in pool.groupby("sector"):
            for measure in ("pe_ttm", "market_cap"):
                for column, ending in (("companies", ""), ("companies_base", "_base")):
                    unknown = rows[f"{measure}{ending}"].isna()
                    flag = f"{measure}{ending}_is_loss"
                    if flag in rows:
                        unknown &= ~rows[flag].astype(bool)
                    uncounted[str(sector), measure, column] = int(unknown.sum())
        changed = pool.dropna(subset="change")
        reported = companies.dropna(subset="fiscal_year")
        return cls(
            issue=issue,
            names=dict(zip(universe["code"], universe["name"], strict=True))
            | {index.code: index.name for index in indices},
            st=frozenset(universe.loc[universe["is_st"].astype(bool), "code"]),
            uncounted=uncounted,
            sectors=dict(zip(pool["code"], pool["sector"], strict=True)),
            changes=dict(zip(changed["code"], changed["change"], strict=True)),
            years=dict(zip(reported["code"], reported["fiscal_year"].astype(int), strict=True)),
        )
