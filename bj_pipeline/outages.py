"""What it means when the disk is full, a folder may not be written, or the database goes away.

What belongs here: errors of the operating system and of databases in words for the person who can
act. What does not: errors of object stores (:mod:`bj_pipeline.storage`), of vendors and of data.

Errors are told apart by their codes, never by their texts, which depend on the machine's language.
"""

import errno
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, OperationalError

from bj_pipeline.errors import PipelineError
from bj_pipeline.warehouse.address import SQLITE, shown

P = ParamSpec("P")
T = TypeVar("T")

_AGAIN = "Nothing half written was kept; then do the same again."
_MAKE_ROOM = f"Make room (`bj-pipeline disk` shows what takes it). {_AGAIN}"
_GIVE_RIGHT = f"Give this user the right to write there, or set BJ_HOME to another place. {_AGAIN}"
_CLEAR_AWAY = (
    "Something else lies where a file or a folder of this installation is due, or its path cannot "
    f"be: move that away, or name another place (BJ_HOME, BJ_ARTIFACTS, …). {_AGAIN}"
)
_GIVE_MORE = (
    f"Raise the limits of memory and open files (`ulimit -a`), or end other programs. {_AGAIN}"
)
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}
_MISPLACED = {errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG}
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
_BROKEN = {errno.EIO, errno.ENODEV, errno.ESTALE, errno.ENOTCONN}
_RESTART_SECONDS = 60.0
"""A server that was killed replays its log, which takes some seconds."""
_PAUSE_SECONDS = 1.0
_PRIMARY = 0xFF
"""The part of SQLite's extended error codes that says what kind it is."""
_RESTORE = "Restore a backup (`bj-pipeline restore`), or correct BJ_DATABASE_URL."
_FOREIGN = (
    "It holds a trigger, a rule, a policy or a type that this program has not made: remove that, "
    f"or restore a backup (`bj-pipeline restore`). {_AGAIN}"
)
_TOO_SLOW = (
    "A limit of the server (statement_timeout, lock_timeout) has ended it: end what holds its "
    f"tables, or raise that limit for this user. {_AGAIN}"
)
_GRANT = (
    "Let the user of BJ_DATABASE_URL own the database and its tables (`ALTER DATABASE … OWNER TO "
    f"…`, `REASSIGN OWNED`), or name another user. {_AGAIN}"
)
_REMEDIES = {
    "42501": _GRANT,
    "3F000": f"Let the user's search_path name a schema that is there. {_AGAIN}",
    "40001": f"Another program wrote at the same time. {_AGAIN}",
    "40P01": f"Another program wrote at the same time. {_AGAIN}",
    "53200": f"The server has no memory left. {_AGAIN}",
    "55P03": _TOO_SLOW,
    "58030": f"See to the server's disk. {_AGAIN}",
    "57014": _TOO_SLOW,
    "XX001": _RESTORE,
    "XX002": _RESTORE,
}
"""What to do about what a PostgreSQL server refuses, by its code; :data:`_FOREIGN` for others."""
_SQLITE_RULES = {sqlite3.SQLITE_CONSTRAINT_TRIGGER, sqlite3.SQLITE_CONSTRAINT_CHECK}
_OURS = {"23502", "23503", "23505"}
"""Rows against the tables' own keys: that is for who writes them to understand."""
_SQLITE = {
    sqlite3.SQLITE_FULL: f"cannot grow: the disk is full. {_MAKE_ROOM}",
    sqlite3.SQLITE_READONLY: f"may not be written. {_GIVE_RIGHT}",
    sqlite3.SQLITE_CANTOPEN: "can be neither opened nor made. Give this user the right to write "
    "there and to open enough files (`ulimit -n`), or set BJ_HOME to another place. " + _AGAIN,
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk is full or does not work, or a "
    f"limit of the size of files or of memory is reached (`ulimit -a`). {_MAKE_ROOM}",
    sqlite3.SQLITE_NOMEM: f"cannot be read or written without more memory. {_GIVE_MORE}",
    sqlite3.SQLITE_BUSY: "is being written by another program for too long. Stop that, or wait for "
    f"its end. {_AGAIN}",
}
_LACKING = "lacks a table or a column, or holds others than this program has made"
_DAMAGED = {
    sqlite3.SQLITE_ERROR: _LACKING,
    sqlite3.SQLITE_CORRUPT: "is damaged",
    sqlite3.SQLITE_NOTADB: "is no SQLite file",
}
_BEGIN_ANEW = (
    "Move the folder of Dagster's own away: a new one is made, and no report rests on its history."
)
_DAGSTERS = "A database of Dagster's own (DAGSTER_HOME, or BJ_HOME/dagster)"
"""Every other one explains itself (:func:`explain`)."""
_BESIDE_SQLITE = ("", "-wal", "-shm", "-journal")
"""Ends of the names of the files that make up a SQLite database."""
_SQLITE_MARK = b"SQLite format 3\0"
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
_POSTGRESQL = {
    "42P01": f"{_LACKING}. {_RESTORE}",
    "42703": f"{_LACKING}. {_RESTORE}",
    "53100": f"cannot grow: the server's disk is full. Make room there. {_AGAIN}",
    "53300": f"has no connection left. Raise max_connections of the server. {_AGAIN}",
    "25006": "may only be read: it is a stand-by, or set read-only. Set BJ_DATABASE_URL to the "
    "server that takes writes.",
}


class OutageError(PipelineError):
    """The disk or the database does not do its part: doing the same again later helps."""

    exit_code = 11


class AwayError(OutageError):
    """A database that was there has gone away: it may be back in a moment."""


def outlasting(action: Callable[P, T]) -> Callable[P, T]:
    """Let an action that can be done twice wait for a database that is started again.

    A run that met a restart would otherwise fail for good: what a step says is not tried again.
    """

    @wraps(action)
    def patient(*arguments: P.args, **named: P.kwargs) -> T:
        give_up = time.monotonic() + _RESTART_SECONDS
        while True:
            try:
                return action(*arguments, **named)
            except AwayError:
                if time.monotonic() > give_up:
                    raise
            time.sleep(_PAUSE_SECONDS)

    return patient


@contextmanager
def explained() -> Iterator[None]:
    """Turn what the operating system says inside into an :class:`OutageError`, if it is one."""
    try:
        yield
    except (OSError, DBAPIError) as error:
        if outage := meaning(error):
            raise outage from error
        raise


def meaning(error: BaseException | None) -> OutageError | None:
    """What an error, or what it came from, means; None if it is no outage."""
    while error is not None:
        if isinstance(error, OutageError):
            return error
        if isinstance(error, OSError) and (told := _of_system(error)):
            return OutageError(told)
        if isinstance(error, MemoryError):
            return OutageError(f"This machine has no memory left for a program. {_GIVE_MORE}")
        if told := _of_database(error):
            return OutageError(f"{_DAGSTERS} {told}")
        error = error.__cause__ or error.__context__
    return None


def explain(engine: Engine) -> None:
    """Let an engine say what happened in place of its driver."""
    was_there = False

    @event.listens_for(engine, "connect")
    def _connected(_connection: object, _record: object) -> None:
        nonlocal was_there
        was_there = True

    @event.listens_for(engine, "handle_error")
    def _explain(context: ExceptionContext) -> None:
        is_away = context.is_disconnect or context.connection is None
        if engine.url.get_backend_name() == SQLITE and engine.url.database:
            refuse_misplaced(Path(engine.url.database))
        error = context.original_exception
        if told := _of_warehouse(error, is_away=is_away):
            kind = AwayError if is_away and was_there else OutageError
            raise kind(f"The warehouse {shown(engine.url)} {told}")


@contextmanager
def fetching(engine: Engine) -> Iterator[None]:
    """Explain in the same way what the driver says of rows that are fetched past SQLAlchemy."""
    try:
        yield
    except (engine.dialect.loaded_dbapi.Error, UnicodeDecodeError) as error:
        if told := _of_warehouse(error):
            raise OutageError(f"The warehouse {shown(engine.url)} {told}") from error
        raise


def refuse_misplaced(database: Path) -> None:
    """Refuse what lies in the place of a SQLite database, or of a file beside it, and is no file.

    SQLite's own error would speak of rights or of the disk.

    Raises:
        OutageError: Names the place, and what lies there.
    """
    for end in _BESIDE_SQLITE:
        place = database.with_name(database.name + end)
        if kind := _no_file(place):
            raise OutageError(f"{place} is {kind}, where a database's file is due. {_CLEAR_AWAY}")


def refuse_damaged_history(database: Path) -> None:
    """Refuse what lies in the place of a database of Dagster's own and is none, or is damaged.

    Raises:
        OutageError: Names the place, what lies there and what to do.
    """
    refuse_misplaced(database)
    with explained():
        if not database.exists():
            return
        with database.open("rb") as file:
            begin = file.read(len(_SQLITE_MARK))
    if begin not in {b"", _SQLITE_MARK}:
        raise OutageError(f"{database} {_DAMAGED[sqlite3.SQLITE_NOTADB]}. {_BEGIN_ANEW}")
    try:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("SELECT * FROM sqlite_master").fetchall()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if told := _of_sqlite(error, _BEGIN_ANEW):
            raise OutageError(f"{database} {told}") from error
        raise


def _no_file(place: Path) -> str:
    """What lies there, if it is something else than a file; a link is what it leads to."""
    try:
        return _KINDS.get(stat.S_IFMT(place.stat().st_mode), "")
    except OSError as error:
        is_lost = error.errno == errno.ELOOP or not Path(os.path.realpath(place)).parent.exists()
        return "a link that leads nowhere" if place.is_symlink() and is_lost else ""


def _of_system(error: OSError) -> str | None:
    place = error.filename2 or error.filename
    where = str(place) if place else "A file"
    if error.errno in _FULL:
        return f"{where} cannot be written: the disk is full. {_MAKE_ROOM}"
    if error.errno in _FORBIDDEN:
        return f"{where} may not be written or read ({error.strerror}). {_GIVE_RIGHT}"
    if error.errno in _MISPLACED:
        return f"{where} cannot be made or opened ({error.strerror}). {_CLEAR_AWAY}"
    if error.errno in _EXHAUSTED:
        return f"This machine has no more of what a program needs ({error.strerror}). {_GIVE_MORE}"
    if error.errno in _BROKEN:
        return f"{where} cannot be read or written ({error.strerror}). See to the disk. {_AGAIN}"
    return None


def _of_database(
    error: BaseException | None, *, is_away: bool = False, remedy: str = _BEGIN_ANEW
) -> str | None:
    is_of_server = isinstance(error, OperationalError)
    if isinstance(error, DBAPIError):
        is_away = is_away or error.connection_invalidated
        error = error.orig
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(error, remedy)
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    # A server that answers says by a code what is wrong.
    is_away = is_away or (is_of_server and state is None)
    if state in _POSTGRESQL:
        return _POSTGRESQL[state]
    if state in _REMEDIES:
        return f"refuses what is asked ({_reason(error)}). {_REMEDIES[state]}"
    if not is_away:
        return None
    return (
        f"does not answer: {_reason(error)}. Start the database, or correct BJ_DATABASE_URL "
        f"(place, user, password). {_AGAIN}"
    )


def _of_warehouse(error: BaseException, *, is_away: bool = False) -> str | None:
    if isinstance(error, UnicodeDecodeError):
        return _of_sqlite(error, _RESTORE)
    return _of_database(error, is_away=is_away, remedy=_RESTORE) or _of_foreign_rule(error)


def _of_sqlite(error: sqlite3.Error | UnicodeDecodeError, remedy: str) -> str | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # What is no text any more is found by Python, not by SQLite.
        is_damaged = isinstance(error, sqlite3.OperationalError | UnicodeDecodeError)
        kind = sqlite3.SQLITE_CORRUPT if is_damaged else sqlite3.SQLITE_OK
    elif code == sqlite3.SQLITE_IOERR_SHORT_READ:
        kind = sqlite3.SQLITE_CORRUPT
    else:
        kind = code & _PRIMARY
    return f"{_DAMAGED[kind]}. {remedy}" if kind in _DAMAGED else _SQLITE.get(kind)


def _of_foreign_rule(error: BaseException) -> str | None:
    """What a database says that holds more than this program has made."""
    state = getattr(error, "sqlstate", None)
    is_foreign = state is not None and state not in _OURS
    if is_foreign or getattr(error, "sqlite_errorcode", None) in _SQLITE_RULES:
        return f"refuses what is asked ({_reason(error)}). {_FOREIGN}"
    return None


def _reason(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0]
