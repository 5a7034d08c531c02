"""Every source by its name: the one place where sources are opened."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from bj_pipeline.characters import shown
from bj_pipeline.errors import ConfigurationError
from bj_pipeline.reference import Reference, load_reference
from bj_pipeline.settings import Settings
from bj_pipeline.sources import Source
from bj_pipeline.sources.landing import LandedSource, Landing
from bj_pipeline.warehouse.store import Warehouse

SAMPLE = "sample"
_PROFILE_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Surroundings:
    """What sources may need.

    Attributes:
        settings: The installation's settings.
        folder: Folder of the source ``files``.
        landing: Where deliveries are kept.
    """

    settings: Settings
    folder: Path | None
    landing: Landing

    @cached_property
    def reference(self) -> Reference:
        """Curated data."""
        return load_reference(self.settings.reference)

    @property
    def codes(self) -> tuple[str, ...]:
        """Every company that the report ever covered."""
        members = [row.code for row in self.reference.memberships]
        return tuple(dict.fromkeys([*members, *(link.code for link in self.reference.chain)]))

    def covered(self, on: date) -> list[str]:
        """Companies that the report covers on that day."""
        members = [row.code for row in self.reference.pool(on)]
        return list(dict.fromkeys([*members, *(row.code for row in self.reference.ai_chain(on))]))


def open_source(name: str, folder: Path | None, settings: Settings) -> Source:
    """The source of that name, or the profile of that path.

    Args:
        name: ``sample``, ``files``, ``akshare``, ``tushare``, ``inbox``, ``landing``, or a YAML
            file.
        folder: Folder of vendor files, where one is read.
        settings: The installation's settings.

    Raises:
        ConfigurationError: The name is unknown, or something that the source needs is missing.
    """
    landing = Landing(settings.landing, Warehouse(settings.warehouse_url))
    surroundings = Surroundings(settings, folder, landing)
    if is_profile(name):
        return _combined(Path(name), surroundings)
    return _single(name, surroundings)


def is_profile(name: str) -> bool:
    """Whether a source's name is the path of a profile."""
    return name.endswith(_PROFILE_SUFFIXES)


def pool_file(name: str) -> Path | None:
    """The pool that a source brings along; None for all that speak of the curated one.

    Known without opening the source, so that a run below the raw tables needs no vendor.
    """
    if name == SAMPLE:
        from bj_pipeline.sources.sample import SampleSource  # noqa: PLC0415 - only where used

        return SampleSource.pool_file
    return None


def _single(name: str, surroundings: Surroundings) -> Source:
    if name not in SOURCES:
        raise ConfigurationError(
            f"There is no source {name!r}: choose {', '.join(SOURCES)}, or a profile (.yaml)."
        )
    return SOURCES[name](surroundings)


def _combined(path: Path, surroundings: Surroundings) -> Source:
    from bj_pipeline.sources.combined import CombinedSource, read_profile  # noqa: PLC0415

    profile = read_profile(path)
    names = dict.fromkeys(name for row in profile.values() for name in row)
    if unknown := [name for name in names if name not in SOURCES]:
        raise ConfigurationError(
            f"{path.name}: there is no source {shown(unknown[0])!r}: choose {', '.join(SOURCES)}."
        )
    opened = {name: _single(name, surroundings) for name in names}
    by_table = {table: [opened[name] for name in row] for table, row in profile.items()}
    return CombinedSource(path.stem, by_table)


def _sample(_: Surroundings) -> Source:
    from bj_pipeline.sources.sample import SampleSource  # noqa: PLC0415 - only where used

    return SampleSource()


def _files(surroundings: Surroundings) -> Source:
    from bj_pipeline.sources.files import FilesSource  # noqa: PLC0415 - only where used

    folder = surroundings.folder
    if folder is None:
        raise ConfigurationError("The source `files` needs a folder: --input FOLDER, or BJ_INPUT.")
    if not folder.is_dir():
        raise ConfigurationError(f"The input folder {folder} does not exist.")
    return FilesSource(folder)


def _tushare(surroundings: Surroundings) -> Source:
    from bj_pipeline.sources.tushare import TushareSource  # noqa: PLC0415 - only where used

    settings = surroundings.settings
    return TushareSource(
        surroundings.landing,
        settings.tushare_token.get_secret_value(),
        surroundings.codes,
        url=settings.tushare_url,
    )


def _akshare(surroundings: Surroundings) -> Source:
    from bj_pipeline.sources.akshare import AkShareSource  # noqa: PLC0415 - only where used

    return AkShareSource(surroundings.landing, surroundings.covered)


def _inbox(surroundings: Surroundings) -> Source:
    from bj_pipeline.sources.inbox import InboxSource  # noqa: PLC0415 - only where used

    return InboxSource(surroundings.landing)


def _landed(surroundings: Surroundings) -> Source:
    return LandedSource(surroundings.landing, surroundings.landing.warehouse)


SOURCES: dict[str, Callable[[Surroundings], Source]] = {
    SAMPLE: _sample,
    "files": _files,
    "akshare": _akshare,
    "tushare": _tushare,
    "inbox": _inbox,
    "landing": _landed,
}
