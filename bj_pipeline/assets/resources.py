"""What assets and checks need from outside: the source, the curated data, the warehouse.

A run may choose its source in the launchpad; everything else comes from the settings.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import dagster as dg
from pydantic import Field, PrivateAttr

from bj_pipeline.issues import by_number
from bj_pipeline.quality.check import Evidence
from bj_pipeline.quality.stages import require_passed
from bj_pipeline.reference import Reference, load_reference
from bj_pipeline.settings import Settings, load_settings
from bj_pipeline.sources import Source
from bj_pipeline.sources.landing import Landing
from bj_pipeline.sources.registry import SAMPLE, open_source, pool_file
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline.warehouse.turns import turn

_PARTITION_TAG = "dagster/partition"


class PipelineResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The pipeline's surroundings, as one run sees them.

    Attributes:
        source: Where data comes from: a source's name, or the path of a profile.
        input: Folder of the source ``files``.
    """

    source: str = Field(
        description="sample, files, akshare, tushare, inbox, landing, or the path of a profile."
    )
    input: str = Field(default="", description="Folder of the source `files`.")
    _issue: int | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Note which issue the run builds: a run builds one."""
        key = context.run.tags.get(_PARTITION_TAG) if context.run else None
        self._issue = int(key) if key else None

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["PipelineResource"]:
        """Hold the turn of the issue while the run goes on."""
        with super().yield_for_execution(context) as resource:
            if self._issue is None:
                yield resource
                return
            say = context.log.info if context.log else lambda _: None
            with turn(self.warehouse.engine, self._issue, tell=say):
                yield resource

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
        folder = Path(self.input) if self.input else None
        return open_source(self.source, folder, self.settings)

    @cached_property
    def landing(self) -> Landing:
        """Where whatever a source delivers is kept before it is read."""
        return Landing(self.settings.landing, self.warehouse)

    @cached_property
    def reference(self) -> Reference:
        """Curated data; the sample brings a pool of its own.

        A run that begins below the raw tables may have another source than the one that filled
        them, so what was read counts, and the run's source only until something was.
        """
        known = None if self._issue is None else is_from_sample(self.warehouse, self._issue)
        from_sample = self.source == SAMPLE if known is None else known
        pool = pool_file(SAMPLE if from_sample else self.source)
        return load_reference(self.settings.reference, pool)

    def require_passed(self, issue: int, asset: str) -> None:
        """Refuse an asset whose blocking checks failed, or have not seen its present data."""
        require_passed(self.warehouse, issue, asset)

    def evidence(self, issue: int) -> Evidence:
        """What the checks of an issue may look at."""
        return Evidence(by_number(issue), self.warehouse, self.reference, self.settings.artifacts)


def is_from_sample(warehouse: Warehouse, issue: int) -> bool | None:
    """Whether an issue's raw tables hold the sample; None if nothing was read yet."""
    files = warehouse.read(tables.INPUT_FILES, issue)
    return None if files.empty else bool((files["vendor"] == SAMPLE).any())
