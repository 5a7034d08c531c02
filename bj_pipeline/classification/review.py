"""What an analyst is shown: the open proposals, how to accept one, and how far to trust them.

What belongs here: the functions behind ``bj-pipeline ai-chain``; they read the curated files and
return frames and texts. What does not: writing to any file. Accepting is the analyst's own edit.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bj_pipeline.classification.counting import (
    Example,
    accuracy,
    in_sample,
    leave_one_out,
    recount,
)
from bj_pipeline.classification.curated import (
    DESCRIPTIONS_FILE,
    RULES_FILE,
    BusinessDescription,
    as_frame,
    load_descriptions,
    load_rules,
)
from bj_pipeline.classification.rules import Rules, proposals
from bj_pipeline.reference import Reference, load_reference


def open_proposals(folder: Path) -> pd.DataFrame:
    """Proposals for the described companies that are neither in the AI chain nor declined.

    Args:
        folder: The curated files.

    Returns:
        ``code``, ``name``, ``segment``, ``score`` and ``reasons``, the strongest first.
    """
    reference, rules, descriptions = _load(folder)
    declined = {row.code for row in descriptions if row.declined is not None}
    settled = {link.code for link in reference.chain} | declined
    return proposals(as_frame(descriptions), settled, rules)


def how_to_accept(folder: Path, proposed: pd.DataFrame) -> str:
    """Say how a proposal is accepted or declined, with the line to be moved for each.

    Args:
        folder: The curated files.
        proposed: As :func:`open_proposals` returns them.
    """
    if proposed.empty:
        return "Nothing is proposed."
    described = {row.code: row for row in load_descriptions(folder / DESCRIPTIONS_FILE)}
    lines = [
        _csv_line(code, name, segment, "YYYY-MM-DD", "", described[code].description)
        for code, name, segment in proposed[["code", "name", "segment"]].itertuples(index=False)
    ]
    return "\n".join(
        [
            "These are proposals. None of them is in any report.",
            f"To accept one, move its row from {DESCRIPTIONS_FILE} to ai_chain.csv, as the line",
            "below, with the day from which it counts for YYYY-MM-DD:",
            "",
            *lines,
            "",
            f"To decline one, write today's date into `declined` in {DESCRIPTIONS_FILE}.",
            f"To change what is proposed, edit {RULES_FILE}.",
        ]
    )


def recounted_rules(folder: Path) -> str:
    """The text of ``ai_chain_rules.csv`` with its counted weights counted over today's files."""
    reference, rules, descriptions = _load(folder)
    lines = [
        _csv_line(rule.segment, rule.keyword, f"{rule.weight:g}", rule.basis)
        for rule in recount(rules, examples(reference, descriptions))
    ]
    return "\n".join(["segment,keyword,weight,basis", *lines, ""])


def measurement(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """How well proposals meet what is known.

    Returns:
        The accuracy by leave-one-out, the (flattering) accuracy of the rules as they stand on the
        companies they were counted over, and each company's outcome by leave-one-out.
    """
    reference, rules, descriptions = _load(folder)
    known = examples(reference, descriptions)
    outcomes = leave_one_out(rules, known)
    segments = reference.segments
    return accuracy(outcomes, segments), accuracy(in_sample(rules, known), segments), outcomes


def examples(reference: Reference, descriptions: Sequence[BusinessDescription]) -> list[Example]:
    """Companies of the AI chain by their latest row, then the described ones outside it."""
    latest = {link.code: link for link in sorted(reference.chain, key=lambda link: link.joined)}
    inside = [
        Example(link.code, link.name, link.segment, link.description) for link in latest.values()
    ]
    outside = [
        Example(row.code, row.name, None, row.description)
        for row in descriptions
        if row.code not in latest
    ]
    return inside + outside


def _load(folder: Path) -> tuple[Reference, Rules, tuple[BusinessDescription, ...]]:
    reference = load_reference(folder)
    rules = load_rules(folder, reference.segments)
    return reference, rules, load_descriptions(folder / DESCRIPTIONS_FILE)


def _csv_line(*cells: str) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
