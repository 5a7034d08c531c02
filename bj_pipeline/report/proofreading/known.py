"""What proofreading knows besides the document: the issue, the companies, and what was counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from bj_pipeline.issues import Issue


@dataclass(frozen=True)
class Known:
    """Truths to compare with.

    Attributes:
        issue: The issue as its calendar has it.
        names: Curated name of each covered company, by code.
        st: Codes of companies under special treatment.
        uncounted: Companies of the pool that a count leaves out for want of a figure, by
            (sector, measure, ``companies`` or ``companies_base``); sector ``""`` and measure
            ``change`` for the whole pool.
    """

    issue: Issue
    names: Mapping[str, str]
    st: frozenset[str]
    uncounted: Mapping[tuple[str, str, str], int] = field(default_factory=dict)

    @classmethod
    def of(cls, issue: Issue, universe: pd.DataFrame, companies: pd.DataFrame) -> "Known":
        """From the tables ``company_universe`` and ``company_metrics``."""
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
        return cls(
            issue=issue,
            names=dict(zip(universe["code"], universe["name"], strict=True)),
            st=frozenset(universe.loc[universe["is_st"].astype(bool), "code"]),
            uncounted=uncounted,
        )
