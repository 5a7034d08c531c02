"""The announcements that an analyst picked for an issue.

What belongs here: reading ``announcements.csv``, refusing whatever is not of the issue's week. What
does not: how they are printed (``sections.announcements``).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from bj_pipeline.issues import Issue
from bj_pipeline.report.analyst_file import AnalystFile

PICKS_FILE = "announcements.csv"
PICK_COLUMNS = ("date", "code", "name", "category", "text")
_CODE = re.compile(r"92[0-9]{4}\.BJ")


@dataclass(frozen=True, slots=True)
class Pick:
    """One announcement that the analyst picked.

    Attributes:
        day: Day of the announcement.
        code: Present code with exchange.
        name: The company's name.
        category: Kind of announcement, in the analyst's words.
        text: What it says, in the analyst's words.
    """

    day: date
    code: str
    name: str
    category: str
    text: str


def load_picks(folder: Path, issue: Issue) -> tuple[Pick, ...] | None:
    """The announcements that the analyst picked; None if there is no ``announcements.csv``.

    Args:
        folder: The issue's folder.
        issue: Picks are dated from the Monday to the Sunday of its week.

    Raises:
        DataError: A row that is incomplete, repeated, or not of this issue's week.
    """
    path = folder / PICKS_FILE
    if not path.exists() and not path.is_symlink():
        return None
    file = AnalystFile.open(path)
    rows = file.rows(file.text.split("\n"), first_line=1)
    _, columns = next(rows, (1, []))
    if tuple(columns) != PICK_COLUMNS:
        rule = f"the columns are {', '.join(PICK_COLUMNS)}"
        file.refuse(1, rule, "Correct the first line.", ", ".join(columns))
    picks: dict[Pick, int] = {}
    for line, cells in rows:
        pick = _pick(file, line, cells, issue)
        if pick in picks:
            found = f"the same as line {picks[pick]}"
            file.refuse(line, "a pick stands once", "Remove one.", found)
        picks[pick] = line
    return tuple(picks)


def _pick(file: AnalystFile, line: int, cells: Sequence[str], issue: Issue) -> Pick:
    if len(cells) != len(PICK_COLUMNS) or not all(cells):
        rule = f"each row fills {', '.join(PICK_COLUMNS)}"
        file.refuse(
            line, rule, "Fill it; put a text that holds a comma in quotes.", ",".join(cells)
        )
    day, code, name, category, text = cells
    if not _CODE.fullmatch(code):
        rule = "code is the company's present code, such as 920493.BJ"
        remedy = "Look old codes up in reference/bse_code_mapping.csv."
        file.refuse(line, rule, remedy, code)
    monday = issue.first_session - timedelta(days=issue.first_session.weekday())
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", day):
        file.refuse(line, "date is YYYY-MM-DD", "Correct it.", day)
    try:
        parsed = date.fromisoformat(day)
    except ValueError:
        file.refuse(line, "date is a day of the calendar", "Correct it.", day)
    if not monday <= parsed <= issue.issue_date:
        rule = f"date lies in the week of issue {issue.number}, {monday} to {issue.issue_date}"
        file.refuse(line, rule, "Correct the date, or move the row to its issue.", day)
    return Pick(parsed, code, name, category, text)
