"""Files and folders that change as one: made beside their place, then put there in one step.

What belongs here: that exchange, one builder at a time, and clearing away what a killed builder
left. What does not: what lies in a folder, and object stores, which have none.
"""

import ctypes
import errno
import fcntl
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_FOR_ALL_TO_READ = 0o644
_NOT_HERE = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}
"""What Linux says of file systems that cannot exchange, such as NFS."""


def make(folder: Path) -> None:
    """Make a folder and those above it, where they are not there yet.

    Raises:
        PermissionError: It lies where nothing can be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError as error:
        # What /proc says of a folder that it has not, though all above it are there.
        code = errno.EPERM
        raise PermissionError(code, os.strerror(code), str(folder)) from error


@contextmanager
def replaced(target: Path) -> Iterator[Path]:
    """An empty folder beside ``target``, which takes its place at the end, or goes.

    Args:
        target: A folder, or nothing yet.
    """
    with scratch(beside(target)) as new:
        restore_interrupted(target)
        yield new
        put_in_place(new, target)


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Make a folder to work in, and remove it at the end.

    It is locked: who comes second waits, and what a killed process left is cleared by the next one.
    """
    make(folder.parent)
    with _locked(folder, fcntl.LOCK_EX) as handle:
        _clear(folder)
        try:
            yield folder
        finally:
            # Once it has been moved to its place, its name is that of who comes next.
            if _is(folder, handle):
                shutil.rmtree(folder, ignore_errors=True)


def write(path: Path, content: bytes) -> None:
    """Put a file in its place in one step, by way of one beside it, which never outlives the next.

    Of several writers at once, the last one's is kept.
    """
    aside = beside(path)
    make(path.parent)

    def opened() -> int:
        return os.open(aside, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _FOR_ALL_TO_READ)

    with _held(aside, opened, fcntl.LOCK_EX) as handle:
        try:
            os.ftruncate(handle, 0)
            with os.fdopen(handle, "wb", closefd=False) as file:
                file.write(content)
            os.fchmod(handle, _FOR_ALL_TO_READ)
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise


def remove_if_left(folder: Path) -> None:
    """Remove a scratch folder that nobody works in; who works in it clears it before."""
    with suppress(BlockingIOError), _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
        shutil.rmtree(folder, ignore_errors=True)


def beside(target: Path) -> Path:
    """Where a file or folder is made before it takes the place of ``target``."""
    return target.with_name(f".{target.name}.new")


def put_in_place(new: Path, target: Path) -> None:
    """Let a folder take the place of another one, which is removed.

    On Linux both change names in one step. Elsewhere it takes two, between which a kill leaves the
    place empty until :func:`restore_interrupted`.

    Raises:
        NotADirectoryError: Something else than a folder lies there; it is left alone.
    """
    if not target.is_dir():
        if os.path.lexists(target):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(target))
        new.rename(target)
        return
    if _exchange(new, target):
        remove_if_left(new)
        return
    old = _old(target)
    shutil.rmtree(old, ignore_errors=True)
    target.rename(old)
    try:
        new.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def move(folder: Path, target: Path) -> None:
    """Move a folder to where none is, in one step for the readers of either place.

    On another disk it is copied first. Who is killed before the end has it in both places.
    """
    make(target.parent)
    try:
        folder.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with scratch(beside(target)) as copy:
            shutil.copytree(folder, copy, symlinks=True, dirs_exist_ok=True)
            copy.rename(target)
        remove(folder)


def remove(folder: Path) -> None:
    """Remove a folder, if there is one, in one step for its readers."""
    going = beside(folder)
    if folder.is_mount():
        shutil.rmtree(folder)
    elif folder.exists():
        with scratch(going):
            folder.rename(going)
        remove_if_left(going)
    elif going.exists():
        remove_if_left(going)  # a killed removal


def restore_interrupted(target: Path) -> None:
    """Put back what :func:`put_in_place` was moving when it was killed."""
    old = _old(target)
    if not old.exists():
        return
    if target.exists():
        shutil.rmtree(old)
    else:
        old.rename(target)


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def _clear(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[int]:
    """Make a folder and hold its lock, which the system lets go of when this process ends."""

    def opened() -> int:
        # exist_ok looks again, and fails if somebody has just moved it away.
        with suppress(FileExistsError):
            folder.mkdir()
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)

    with _held(folder, opened, how) as handle:
        yield handle


@contextmanager
def _held(path: Path, opened: Callable[[], int], how: int) -> Iterator[int]:
    """Hold the lock of what lies there, opened or made."""
    while True:
        try:
            handle = opened()
        except FileNotFoundError:
            if not path.parent.exists():
                raise
            continue
        try:
            fcntl.flock(handle, how)
            # Whoever had it before has moved it to its place, or removed it.
            if _is(path, handle):
                yield handle
                return
        finally:
            os.close(handle)


def _is(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system cannot."""
    if sys.platform != "linux":
        return False
    exchange = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if exchange is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    if exchange(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _NOT_HERE:
        return False
    raise OSError(code, os.strerror(code), str(other))
