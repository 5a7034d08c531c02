"""How far a run is, on the terminal."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import dagster as dg

PROGRESS = "progress"


class _ProgressHandler(logging.Handler):
    """Moves a progress bar on when a step ends."""

    def __init__(self) -> None:
        super().__init__()
        self.bar: Any = None

    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", {})
        event = meta.get("dagster_event") if isinstance(meta, dict) else None
        if event is not None and self.bar is not None and event.is_step_success:
            self.bar.update(1, event.step_key)


_HANDLER = _ProgressHandler()


def _progress_logger(_: dg.InitLoggerContext) -> logging.Logger:
    logger = logging.getLogger("bj_pipeline.progress")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.handlers = [_HANDLER]
    return logger


progress_logger = dg.LoggerDefinition(
    _progress_logger, description="Shows how far a run is, on the terminal."
)


def _step_name(step: str | None) -> str:
    return step or ""


@contextmanager
def progress_bar(label: str, steps: int) -> Iterator[str]:
    """Show a bar on the terminal while a run is under way.

    Args:
        label: What is being built.
        steps: How many steps the run has.

    Yields:
        The name of the logger that the run must use.
    """
    bar: Any = click.progressbar(
        length=steps,
        label=label,
        item_show_func=_step_name,
        file=sys.stderr,
    )
    with bar:
        _HANDLER.bar = bar
        try:
            yield PROGRESS
        finally:
            _HANDLER.bar = None
