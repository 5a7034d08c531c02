"""Ctrl+C: the run that it stops ends as cancelled, and none that was pressed is lost.

What belongs here: noticing it, and what becomes of the run under way. What does not: runs whose
program was killed (:mod:`.abandoned`), and what the command line says of it.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import dagster as dg

from bj_pipeline.automation.abandoned import cancel
from bj_pipeline.automation.inventory import was_interrupted


class _Interrupts:
    """Knows whether Ctrl+C was pressed, whoever handled it: raised while objects go, it is lost."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)
        self._former = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        self._were_noted = False

    def were_noted(self) -> bool:
        """Whether it was pressed since this was made."""
        with suppress(BlockingIOError):
            self._were_noted |= signal.SIGINT in os.read(self._reading, 4096)
        return self._were_noted

    def close(self) -> None:
        """Note no more."""
        signal.set_wakeup_fd(self._former)
        os.close(self._reading)
        os.close(self._writing)


_UNDER_WAY: list[_Interrupts] = []


@contextmanager
def interrupts_noted() -> Iterator[Callable[[], bool]]:
    """Tell whether Ctrl+C was pressed; whoever asks inside of another one is told the same."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # signals do not reach it
        return
    if _UNDER_WAY:
        yield _UNDER_WAY[0].were_noted
        return
    _UNDER_WAY.append(_Interrupts())
    try:
        yield _UNDER_WAY[0].were_noted
    finally:
        _UNDER_WAY.pop().close()


@contextmanager
def cancelled_if_stopped(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Let a run that is stopped inside end as cancelled; for Dagster it would be a failed one.

    What stops a run stops one of its steps. Dagster looks afterwards whether somebody has asked for
    the run's end.
    """
    was_heard = False

    def hear(entry: dg.EventLogEntry) -> None:
        nonlocal was_heard
        if entry.dagster_event is not None and was_interrupted(entry.dagster_event):
            was_heard = True
            run = instance.get_run_by_id(run_id)
            if run is not None and not run.is_finished:
                instance.report_run_canceling(run)
        elif were_noted() and not was_heard:
            signal.raise_signal(signal.SIGINT)  # once more: it may have been lost

    with interrupts_noted() as were_noted:
        instance.add_event_listener(run_id, hear)
        try:
            yield
        except KeyboardInterrupt:
            cancel(instance, run_id)  # one that was stopped between its steps
            raise
        finally:
            # Dagster keeps who listens to a run, and whatever hangs on it, as long as it lives.
            instance._subscribers.pop(run_id, None)  # noqa: SLF001 - there is no public way
