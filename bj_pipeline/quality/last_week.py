"""What the issue before knows of this issue's base date, which was its close date.

What belongs here: the other issue's closes. What does not: what a check expects of them.

Two dates that are swapped in every file of a folder, or a file of another week under this week's
dates, contradict nothing inside the folder.
"""

import pandas as pd

from bj_pipeline.issues import all_issues
from bj_pipeline.quality.check import Evidence
from bj_pipeline.sources.sample import VENDOR
from bj_pipeline.warehouse import tables


def closes(evidence: Evidence, table: str, check: str) -> pd.Series:
    """Closes of the base date as the issue before has them, by code; empty if it tells nothing.

    It tells nothing if it was not built, if ``check`` refused its table, or if one of the two
    issues is of the sample, whose companies' closes are made up, and the other is not.

    Args:
        evidence: Of this issue.
        table: ``raw_quotes`` or ``raw_index_quotes``.
        check: The one that asks.
    """
    warehouse, issue = evidence.warehouse, evidence.issue
    before = max((one.number for one in all_issues() if one.number < issue.number), default=0)
    result = warehouse.check_results(before, [check]).get(check)
    files = warehouse.read_issues(tables.INPUT_FILES, [before, issue.number], table=table)
    of_sample = files["vendor"].eq(VENDOR).groupby(files["issue"]).any()
    rows = warehouse.read_issues(table, [before], date=issue.base_date)
    if result is None or not result.passed or len(set(of_sample)) > 1:
        rows = rows.head(0)
    return rows.set_index("code")["close"]
