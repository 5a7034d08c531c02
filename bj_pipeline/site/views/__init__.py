"""What each page of the site says.

What belongs here: one module a kind of page, and which label says what. What does not: the labels
(``content/labels/``), how a figure reads (``figures``), reading (``history``), drawing
(``charts``), markup (``templates/``).
"""

from collections.abc import Iterator

from bj_pipeline.report.document import House
from bj_pipeline.site.history import History
from bj_pipeline.site.page import Page
from bj_pipeline.site.views.chain import ai_chain
from bj_pipeline.site.views.company import company_page, whole_company_page
from bj_pipeline.site.views.directory import companies, search_entries
from bj_pipeline.site.views.front import index
from bj_pipeline.site.views.sectors import sector

__all__ = [
    "ai_chain",
    "companies",
    "company_page",
    "index",
    "pages",
    "search_entries",
    "sector",
    "whole_company_page",
]


def pages(history: History, house: House) -> Iterator[Page]:
    """Every page of the site."""
    yield index(history, house)
    yield companies(history, house)
    yield ai_chain(history, house)
    for name in history.sectors:
        yield sector(history, house, name)
    for code in history.companies:
        company = history.company(code)
        yield company_page(company, house)
        if company.goes_back:
            yield whole_company_page(history.whole_company(code), house)
