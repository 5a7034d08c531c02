"""Several sources as one: a profile says which of them serves which table, in what order.

A profile is a YAML file such as::

    raw_quotes: [tushare, akshare]
    raw_valuations: [files, tushare]
    raw_announcements: [akshare]

A table that is not named has no source, and the report says what it leaves out for it. Where
several sources serve a table, a company is taken from the first one that has it; valuations keep
every vendor, so that a check can compare them. A source that cannot be reached is passed over as
long as another one serves the table.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from bj_pipeline import given, safe_yaml
from bj_pipeline.characters import shown
from bj_pipeline.errors import ConfigurationError, NotYetAvailableError, SourceError
from bj_pipeline.issues import Issue
from bj_pipeline.sources import Delivery, Source
from bj_pipeline.warehouse import tables

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class CombinedSource:
    """A source made of others.

    Attributes:
        name: The profile's name.
        by_table: Sources of each raw table, in order of preference.
    """

    name: str
    by_table: Mapping[str, Sequence[Source]]

    @property
    def pool_file(self) -> Path | None:
        """None: a combination speaks of the curated pool."""
        return None

    def remarks(self) -> tuple[str, ...]:
        """Remarks of every source."""
        sources = dict.fromkeys(source for row in self.by_table.values() for source in row)
        return tuple(remark for source in sources for remark in source.remarks())

    def deliver(self, issue: Issue, table: str) -> Sequence[Delivery]:
        """What the table's sources deliver, the preferred one first.

        Raises:
            SourceError: None of them could be reached.
            NotYetAvailableError: None of them has the data yet.
        """
        deliveries: list[Delivery] = []
        failures: list[SourceError | NotYetAvailableError] = []
        for source in self.by_table.get(table, ()):
            try:
                deliveries += source.deliver(issue, table)
            except (SourceError, NotYetAvailableError) as error:
                _LOG.warning("%s: %s is passed over: %s", table, source.name, error)
                failures.append(error)
        if failures and not deliveries:
            raise failures[0]
        return deliveries


def read_profile(path: Path) -> dict[str, list[str]]:
    """Names of the sources of each raw table.

    Raises:
        ConfigurationError: The file is missing, no mapping, or names an unknown table.
    """
    try:
        profile = safe_yaml.load(given.content(path).decode())
    except FileNotFoundError:
        raise ConfigurationError(f"There is no profile {path}.") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise ConfigurationError(f"{path.name}: not a YAML file: {shown(str(error))}") from error
    except OSError as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error.strerror}.") from error
    if not isinstance(profile, dict):
        raise ConfigurationError(f"{path.name}: a profile maps raw tables to lists of sources.")
    for table, names in profile.items():
        if table not in tables.RAW_TABLES:
            known = ", ".join(tables.RAW_TABLES)
            told = shown(str(table))
            raise ConfigurationError(f"{path.name}: {told} is no raw table; they are {known}.")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ConfigurationError(f"{path.name}: {table} has a list of sources.")
        if not names or len(set(names)) < len(names):
            raise ConfigurationError(
                f"{path.name}: {table} names at least one source, and each once; a table that is "
                "to have none is left out."
            )
    return profile
