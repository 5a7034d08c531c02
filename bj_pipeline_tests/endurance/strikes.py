"""A program that is killed just before a step of its own that others could see.

What belongs here: counting those steps, and the kill. What does not: what is true afterwards
(``test_strikes``). A kill at a random moment hardly ever meets the few milliseconds between two
steps; here each of them can be met, and the same again.

A step is a file or folder that is made, opened for writing, renamed or removed below the folder of
the test, or a commit.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, event

COUNTED = "steps: "
"""In front of the number of steps, on the last line of what a program prints that nobody killed."""
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}


def struck(step: int, below: str, call: Callable[..., None], *given: object) -> None:
    """Call something; end this process before that step, or at the end say how many there were.

    Args:
        step: From 0 on; one that never comes for a call in peace.
        below: Changes elsewhere do not count.
        call: What to do.
        given: Its arguments.
    """
    done = 0

    def count() -> None:
        nonlocal done
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)
        done += 1

    def look(name: str, arguments: tuple[object, ...]) -> None:
        if name == "open" and not _is_for_writing(arguments):
            return
        if (name == "open" or name in _CHANGES) and _lies_below(arguments[0], below):
            count()

    sys.addaudithook(look)
    event.listen(Engine, "commit", lambda _: count())
    try:
        call(*given)
    finally:
        sys.stdout.write(f"\n{COUNTED}{done}\n")
        sys.stdout.flush()


def _is_for_writing(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & _WRITES)


def _lies_below(path: object, below: str) -> bool:
    """Whether a path, as the system is given it, lies there; a relative one is within a removal."""
    if not isinstance(path, str | bytes | Path):
        return False
    name = os.fsdecode(path)
    return not name.startswith("/") or name.startswith(below)
