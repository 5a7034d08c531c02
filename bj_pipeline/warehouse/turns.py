"""Turns: one program at a time builds an issue, whoever started it.

What belongs here: taking an issue's turn, waiting for it, and asking whether anybody has it. What
does not: what is done in a turn.

Tables of an issue are replaced one by one, so two builders at once would leave some of each. The
operating system (SQLite) or the server (PostgreSQL) lets go of a turn when the program that has it
ends, however it ends: nothing has to be cleaned up after a kill.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from bj_pipeline.errors import PipelineError
from bj_pipeline.outages import OutageError
from bj_pipeline.warehouse import address

PATIENCE_SECONDS = 3600.0
"""A run takes seconds, or minutes with a slow vendor."""
_PAUSE_SECONDS = 0.2
_TURNS_LOCK = 899051
"""First half of a turn's key among the advisory locks of a PostgreSQL database."""


class BusyError(PipelineError):
    """Somebody else has been building the issue for too long."""


class _Held(threading.local):
    """What this thread holds: a run takes the turn again that the command line took for it."""

    def __init__(self) -> None:
        self.turns: set[tuple[str, int]] = set()


_HELD = _Held()


@contextmanager
def turn(
    engine: Engine,
    issue: int,
    tell: Callable[[str], object] = lambda _: None,
    patience: float = PATIENCE_SECONDS,
) -> Iterator[None]:
    """Hold the turn of an issue, waiting for it if need be.

    Args:
        engine: The warehouse.
        issue: Issue number.
        tell: Told once if it has to wait.
        patience: Seconds to wait at most.

    Raises:
        BusyError: It was not free in time.
    """
    key = (engine.url.render_as_string(), issue)
    if key in _HELD.turns:
        yield
        return
    give_up = time.monotonic() + patience
    while True:
        with turn_if_free(engine, issue) as is_mine:
            if is_mine:
                _HELD.turns.add(key)
                try:
                    yield
                finally:
                    _HELD.turns.discard(key)
                return
        if time.monotonic() > give_up:
            raise BusyError(
                f"Issue {issue} has been under construction by another run for "
                f"{patience / 60:.0f} minutes. Stop that run or wait for its end, then try again."
            )
        tell(f"Issue {issue} is being built by another run; waiting for its end.")
        tell = _silent
        time.sleep(_PAUSE_SECONDS)


def turn_if_free(engine: Engine, issue: int) -> AbstractContextManager[bool]:
    """Hold the turn of an issue if nobody has it; says whether nobody had it."""
    if engine.url.get_backend_name() == address.POSTGRESQL:
        return _in_postgresql(engine, issue)
    if not engine.url.database:
        return nullcontext(enter_result=True)
    return _beside_sqlite(Path(engine.url.database), issue)


def _silent(_: str) -> None:
    """For whoever was told already."""


@contextmanager
def _beside_sqlite(database: Path, issue: int) -> Iterator[bool]:
    folder = database.with_name("turns")
    folder.mkdir(exist_ok=True)
    lock = FileLock(folder / f"{issue}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


@contextmanager
def _in_postgresql(engine: Engine, issue: int) -> Iterator[bool]:
    key = {"kind": _TURNS_LOCK, "issue": issue}
    # A connection of its own, outside any transaction: it is idle for as long as the run goes on.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.detach()
        # The server must soon notice that a machine is gone, or the turn would stay taken.
        connection.execute(text("SET tcp_keepalives_idle = 30"))
        is_free = connection.execute(text("SELECT pg_try_advisory_lock(:kind, :issue)"), key)
        is_ours = bool(is_free.scalar_one())
        try:
            yield is_ours
        finally:
            if is_ours:
                # A connection that is lost has let go already.
                with suppress(DBAPIError, OutageError):
                    connection.execute(text("SELECT pg_advisory_unlock(:kind, :issue)"), key)
