"""Measure the proposals for the AI chain on companies whose place is known.

Run it with ``python bj_pipeline_tests/benchmarks/ai_chain_leave_one_out.py``; it takes a second and
needs no data but the curated files. ``docs/ai_chain.md`` states what it prints.
"""

import sys

from tabulate import tabulate

from bj_pipeline.classification.review import measurement
from bj_pipeline.settings import PACKAGE


def main() -> None:
    """Print both tables, and every company that leave-one-out got wrong."""
    unseen, seen, outcomes = measurement(PACKAGE / "reference")
    missed = outcomes[outcomes["segment"].fillna("") != outcomes["proposed"].fillna("")].fillna("")
    for title, frame in (
        ("Leave-one-out: weights counted without the company", unseen),
        ("The rules as they stand, on the companies they were counted over (flattering)", seen),
        ("Wrong in leave-one-out", missed),
    ):
        table = tabulate(frame, headers="keys", tablefmt="github", showindex=False, floatfmt=".2f")
        sys.stdout.write(f"{title}\n\n{table}\n\n")


if __name__ == "__main__":
    main()
