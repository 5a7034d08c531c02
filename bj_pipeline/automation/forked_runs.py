"""Runs of one machine, each in a process of its own that starts at once.

What belongs here: how the daemon starts a run's process, what happens in it, and how it is stopped.
What does not: the queue of runs, which is Dagster's, and runs on several machines
(:mod:`bj_pipeline.automation.launcher`).

Dagster's own launcher starts Python anew for each run, which imports libraries for several times as
long as it builds an issue. Here a process that has imported them, and does nothing else, forks for
each run. Nothing of the pipeline is imported before the fork: a run is of the code, the settings
and the curated files that are there when it begins.
"""

import gc
import multiprocessing
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import dagster as dg
from dagster._config.config_schema import UserConfigSchema
from dagster._core.launcher import LaunchRunContext, RunLauncher
from dagster._serdes import ConfigurableClass, ConfigurableClassData

LIBRARIES = (
    "dagster._cli.api",
    "fontTools.ttLib",
    "great_expectations",
    "jinja2",
    "markdown_it",
    "matplotlib.backends.backend_svg",
    "matplotlib.text",
    "pandas",
    "pydantic_settings",
    "pypdfium2",
    "docx",
    "typst",
    "uharfbuzz",
    "upath",
    "watchdog.observers",
    "xlsxwriter",
)
"""What an issue takes longest to import. None of it starts a thread, which a fork would lack."""
_LOOK_SECONDS = 1.0
"""How often a run looks whether somebody has stopped it."""


class ForkingLauncher(RunLauncher[dg.DagsterInstance], ConfigurableClass):
    """Starts a run as a fork of a process that has imported what a run needs.

    A run belongs to nobody: it goes on if the daemon is killed, and the daemon if a run is.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        self._context = multiprocessing.get_context("forkserver")
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """Where Dagster's settings name this class."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """There is nothing to set."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """As Dagster makes it from its settings."""
        return cls(inst_data=inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start a run's process; the first one waits until the libraries are imported."""
        os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # looked at when it is imported
        self._context.set_forkserver_preload(list(LIBRARIES))
        told = (context.dagster_run.run_id, dict(os.environ))
        self._context.Process(target=build, args=told).start()

    def terminate(self, run_id: str) -> bool:
        """Ask a run to stop, from any process; it looks once a second."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        return True


def build(run_id: str, environment: Mapping[str, str]) -> None:
    """Execute a run, in a process of its own.

    Args:
        run_id: Of a run that was made and not yet begun.
        environment: The daemon's, as it is now.
    """
    os.environ.update(environment)
    from dagster._cli.api import _execute_run_command_body  # noqa: PLC0415 - slow, only here
    from dagster._utils.interrupts import capture_interrupts  # noqa: PLC0415

    from bj_pipeline.automation import collecting, dagster_storage  # noqa: PLC0415

    # The libraries stay, and their memory is shared as long as nobody looks through it for cycles.
    gc.freeze()
    collecting.rarely()
    ended = threading.Event()
    with capture_interrupts(), dagster_storage.instance(Path(os.environ["DAGSTER_HOME"])) as ours:
        looking = threading.Thread(target=_stop_if_asked, args=(ours, run_id, ended))
        looking.start()
        try:
            _execute_run_command_body(
                run_id, ours, write_stream_fn=_nothing, set_exit_code_on_failure=False
            )
        finally:
            ended.set()
            looking.join()


def _stop_if_asked(instance: dg.DagsterInstance, run_id: str, ended: threading.Event) -> None:
    from dagster._utils import send_interrupt  # noqa: PLC0415

    while not ended.wait(_LOOK_SECONDS):
        run = instance.get_run_by_id(run_id)
        if run is None or run.status == dg.DagsterRunStatus.CANCELING:
            send_interrupt()
            return


def _nothing(_: dg.DagsterEvent) -> None:
    """Events are read in Dagster's storage."""
