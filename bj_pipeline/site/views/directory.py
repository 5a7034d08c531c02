"""The directory of companies, and what a reader may search for."""

from bj_pipeline.report.document import House
from bj_pipeline.site.history import History
from bj_pipeline.site.page import COMPANIES, Cell, Page, Section
from bj_pipeline.site.views.shared import companies_table, titled


def companies(history: History, house: House) -> Page:
    """Every company that an issue of the site covers, as of the last one that does."""
    labels = history.labels
    latest = [weeks[max(weeks)] for weeks in history.companies.values()]
    return Page(
        series=history.series,
        path=COMPANIES,
        title=titled(labels, labels["site.companies"], house),
        kicker=house.series,
        heading=labels["site.companies"],
        tag="",
        details=(
            (
                labels["company"],
                Cell(labels.fill("site.companies_count", count=len(latest))),
            ),
            (labels["site.as_of"], Cell(labels.day(history.newest.issue.close_date))),
        ),
        sections=(
            Section(
                "companies",
                labels["site.directory"],
                (
                    companies_table(
                        history, "list", labels["site.directory_table"], latest, with_sector=True
                    ),
                ),
            ),
        ),
    )


def search_entries(history: History) -> list[list[str]]:
    """What a reader may look for: code, name, old code, earlier names, where it stands.

    The newest name is what is shown; a reader may still type an old one.
    """
    labels = history.labels
    entries = []
    for code, weeks in history.companies.items():
        now = weeks[max(weeks)]
        names = dict.fromkeys(weeks[number]["name"] for number in sorted(weeks, reverse=True))
        earlier = [name for name in names if name != now["name"]]
        sector = now["sector"] or labels["site.outside"]
        place = labels.listed(filter(None, (sector, now["segment"])))
        old = history.series.old_codes.get(code, "")
        entries.append([code, now["name"], old, labels.listed(earlier), place])
    return entries
