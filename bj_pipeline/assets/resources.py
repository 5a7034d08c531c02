"""What assets and checks need from outside: the source, the curated data, the warehouse.

A run may choose its source in the launchpad; everything else comes from the settings.
"""

from functools import cached_property
from pathlib import Path

import dagster as dg
from pydantic import Field

from bj_pipeline.errors import ConfigurationError
from bj_pipeline.issues import by_number
from bj_pipeline.quality.check import Evidence
from bj_pipeline.quality.stages import require_passed
from bj_pipeline.reference import Reference, load_reference
from bj_pipeline.settings import Settings, load_settings
from bj_pipeline.sources import Source
from bj_pipeline.warehouse.store import Warehouse


class PipelineResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The pipeline's surroundings, as one run sees them.

    Attributes:
        source: Where data comes from: ``sample`` or ``files``.
        input: Folder of the source ``files``.
    """

    source: str = Field(description="Where data comes from: sample or files.")
    input: str = Field(default="", description="Folder of the source `files`.")

    @cached_property
    def settings(self) -> Settings:
        """Settings from the environment."""
        return load_settings()

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse."""
        return Warehouse(self.settings.warehouse_url)

    @cached_property
    def data_source(self) -> Source:
        """The source that this run reads from."""
        return open_source(self.source, Path(self.input) if self.input else None)

    @cached_property
    def reference(self) -> Reference:
        """Curated data; the sample brings a pool of its own."""
        return load_reference(self.settings.reference, self.data_source.pool_file)

    def require_passed(self, issue: int, asset: str) -> None:
        """Refuse an asset whose blocking checks failed, or have not seen its present data."""
        require_passed(self.warehouse, issue, asset)

    def evidence(self, issue: int) -> Evidence:
        """What the checks of an issue may look at."""
        return Evidence(by_number(issue), self.warehouse, self.reference, self.settings.artifacts)


def open_source(name: str, folder: Path | None) -> Source:
    """The source of that name.

    Raises:
        ConfigurationError: The name is unknown, or the source needs a folder.
    """
    if name == "sample":
        from bj_pipeline.sources.sample import SampleSource  # noqa: PLC0415 - only where used

        return SampleSource()
    if name == "files":
        from bj_pipeline.sources.files import FilesSource  # noqa: PLC0415 - only where used

        if folder is None:
            raise ConfigurationError(
                "The source `files` needs a folder: --input FOLDER, or BJ_INPUT."
            )
        if not folder.is_dir():
            raise ConfigurationError(f"The input folder {folder} does not exist.")
        return FilesSource(folder)
    raise ConfigurationError(f"There is no source {name!r}: choose sample or files.")
