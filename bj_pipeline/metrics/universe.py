"""Who an issue covers: the pool's members that were listed by its close date, and the AI chain.

What belongs here: membership at a date. What does not: the curated lists themselves
(``reference``), and prices.
"""

from datetime import date

import pandas as pd

from bj_pipeline.metrics.frames import days, positive
from bj_pipeline.reference import Reference
from bj_pipeline.warehouse import tables


def company_universe(
    reference: Reference, listings: pd.DataFrame, quotes: pd.DataFrame, close_date: date
) -> pd.DataFrame:
    """The companies that an issue covers.

    A company is covered if it was listed by the close date. Where no listing date is known, a
    price in the window proves the listing; without either it counts as not yet listed, and a check
    names it.

    Args:
        reference: Curated data.
        listings: ``raw_listings``; may be empty.
        quotes: ``raw_quotes``.
        close_date: The week's last session.

    Returns:
        ``company_universe`` in the order of the pool, companies of the AI chain alone at the end.
    """
    listed, delisted = _days_by_code(listings, "listed"), _days_by_code(listings, "delisted")
    priced = set(quotes.loc[positive(quotes["close"]).notna(), "code"])

    def was_listed(code: str) -> bool:
        start, end = listed.get(code), delisted.get(code)
        if end is not None and end < close_date:
            return False
        return start <= close_date if start is not None else code in priced

    pool = [row for row in reference.pool(close_date) if was_listed(row.code)]
    members = {row.code for row in pool}
    chain = [
        link
        for link in reference.ai_chain(close_date)
        if link.code not in members and was_listed(link.code)
    ]
    rows: list[tuple[str, str, str | None, str]] = [
        (row.code, row.name, row.sector, row.basis) for row in pool
    ]
    rows += [(link.code, link.name, None, "published") for link in chain]
    frame = pd.DataFrame(rows, columns=["code", "name", "sector", "basis"])
    frame["is_st"] = [is_special_treatment(name) for name in frame["name"]]
    frame["listed"] = [listed.get(code) for code in frame["code"]]
    return frame[list(tables.columns(tables.COMPANY_UNIVERSE))]


def _days_by_code(listings: pd.DataFrame, column: str) -> dict[str, date]:
    """The companies' known days in a column of ``raw_listings``."""
    known = days(listings[column]).dropna()
    codes = listings["code"][known.index]
    return dict(zip(codes, known.dt.date, strict=True))


def is_special_treatment(name: str) -> bool:
    """Whether a curated name says that the company is under special treatment (ST, *ST)."""
    return name.removeprefix("*").startswith("ST")


def ai_chain_classification(
    reference: Reference, universe: pd.DataFrame, close_date: date
) -> pd.DataFrame:
    """The AI chain's companies that the issue covers, with segment and description.

    Returns:
        ``ai_chain_classification`` in the order of the curated file.
    """
    covered = universe.set_index("code")
    rows = [
        (
            link.code,
            covered.loc[link.code, "name"],
            link.segment,
            link.description,
            bool(covered.loc[link.code, "is_st"]),
        )
        for link in reference.ai_chain(close_date)
        if link.code in covered.index
    ]
    return pd.DataFrame(rows, columns=list(tables.columns(tables.AI_CHAIN_CLASSIFICATION)))
