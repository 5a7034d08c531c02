"""The source ``files``: a folder into which somebody put vendors' files.

What belongs here: which files of the folder are looked at. What does not: what they mean
(``layouts``).
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bj_pipeline import given
from bj_pipeline.errors import ConfigurationError, DataError
from bj_pipeline.issues import Issue
from bj_pipeline.sources import Delivery, interfaces, layouts
from bj_pipeline.sources.spreadsheets import BYTES_LIMIT
from bj_pipeline.sources.views import UnknownLayoutError

SUFFIXES = frozenset({".csv", ".xlsx", ".xlsm", ".xls"})
_MEANT_FOR_US = 2
"""A file that shares so many headers with a layout is a vendor's file with something wrong."""


@dataclass(frozen=True)
class FilesSource:
    """Vendors' files in one folder (not in folders below it).

    Attributes:
        folder: The folder.
        name: Name of the source.
        pool_file: None: it speaks of the curated pool.
    """

    folder: Path
    name: str = "files"
    pool_file: Path | None = None

    def deliver(self, issue: Issue, table: str) -> Sequence[Delivery]:  # noqa: ARG002 - any week may be in a file
        """Every file of the folder that feeds the table, by name.

        Args:
            issue: Not looked at: reading keeps the issue's days.
            table: A raw table, such as ``raw_quotes``.

        Raises:
            ConfigurationError: There is no such folder.
            DataError: A file is damaged, or nearly a vendor's. A file that concerns other tables
                only is complained about when these are read.
        """
        return [delivery for delivery in self._deliveries() if self._feeds(delivery, table)]

    def remarks(self) -> tuple[str, ...]:
        """Which entries of the folder are not read, and why."""
        found = []
        for path in self._entries():
            reason = self._ignored(path)
            if reason is not None:
                found.append(f"{path.name}: {reason}")
                continue
            try:
                layouts.recognise(self._delivery(path))
            except DataError as error:
                found.append(str(error))
        return tuple(found)

    def _entries(self) -> list[Path]:
        if not self.folder.is_dir():
            raise ConfigurationError(f"The input folder {self.folder} does not exist.")
        return sorted(self.folder.iterdir())

    def _ignored(self, path: Path) -> str | None:
        """Why an entry is no input at all; None if it may be one."""
        if path.name.startswith((".", "~$")):
            return "hidden or temporary, not read"
        # Unlike Path.resolve, this does not fail on links that lead to each other.
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self.folder)):
            return "a link out of the folder, not read"
        if not path.is_file():
            return "not a file, not read"
        if path.suffix.lower() not in SUFFIXES:
            return f"not one of {', '.join(sorted(SUFFIXES))}, not read"
        return None

    def _deliveries(self) -> Iterator[Delivery]:
        for path in self._entries():
            if self._ignored(path) is None:
                yield self._delivery(path)

    def _delivery(self, path: Path) -> Delivery:
        try:
            size = path.stat().st_size
            if size > BYTES_LIMIT:
                rule = f"a file has at most {BYTES_LIMIT // 1024**2} MB"
                raise DataError(path.name, rule, "Export fewer days.", found=f"{size} bytes")
            return Delivery("", path.name, given.content(path, BYTES_LIMIT))
        except OSError as error:
            remedy = "Look at its permissions, or export it again."
            raise DataError(
                path.name, "the file can be read", remedy, found=error.strerror
            ) from error

    @staticmethod
    def _feeds(delivery: Delivery, table: str) -> bool:
        """Whether a file feeds the table.

        Raises:
            DataError: It is wrong, and meant for that table as far as can be told.
        """
        try:
            return table in layouts.recognise(delivery).tables
        except UnknownLayoutError as error:
            if len(error.understood) < _MEANT_FOR_US:
                return False
            raise
        except DataError:
            named = interfaces.named(delivery)
            if named is not None and table not in named[2].tables:
                return False
            raise
