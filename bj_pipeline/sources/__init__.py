"""Where data comes from: one module a vendor, one small protocol.

A source only fetches. What it fetched is a :class:`Delivery`, kept as it came; reading a delivery
into tables is the same for every vendor and lives in :mod:`bj_pipeline.sources.layouts`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from bj_pipeline.issues import Issue


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing that a vendor sent, as it came.

    Attributes:
        vendor: Who sent it, in the words of the layouts: ``tushare``, ``wind``, ``sample``, …;
            empty where only the content can tell (a file in a folder).
        name: File name by which an operator knows it.
        content: The bytes, never rewritten.
        interface: The vendor's interface, where one was called.
        parameters: What it was called with.
        fetched_at: When it arrived (UTC); None where the source is a file or made up.
    """

    vendor: str
    name: str
    content: bytes
    interface: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    fetched_at: datetime | None = None

    @property
    def sha256(self) -> str:
        """Content address."""
        return hashlib.sha256(self.content).hexdigest()


class Source(Protocol):
    """What every vendor module offers."""

    @property
    def name(self) -> str:
        """The name by which a run chooses it."""
        ...

    @property
    def pool_file(self) -> Path | None:
        """A pool of its own, where the source does not speak of the curated one (the sample)."""
        ...

    def remarks(self) -> Sequence[str]:
        """What the user should know of the source itself, such as files that are not used."""
        ...

    def deliver(self, issue: Issue, table: str) -> Sequence[Delivery]:
        """Everything that may feed one raw table for one issue.

        Args:
            issue: The issue asked for.
            table: A raw table of :mod:`bj_pipeline.warehouse.tables`, such as ``raw_quotes``.
        """
        ...
