"""Files that people write or put down: opened so that nothing that lies there can hold us up.

What belongs here: reading a whole file of a known greatest size, and the rows of a CSV that people
keep. What does not: what a file must hold.
"""

import csv
import errno
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from bj_pipeline.errors import DataError

LARGEST_TEXT = 5_000_000


def content(path: Path, largest: int = LARGEST_TEXT) -> bytes:
    """The bytes of a file.

    A pipe that nobody writes into would be waited for without end, and a device never ends.

    Raises:
        OSError: It cannot be read, is no file, or is larger than that; ``strerror`` says it.
        OutageError: The machine has no more open files or memory to give; the file is not meant.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in {errno.EMFILE, errno.ENFILE, errno.ENOMEM}:
            from bj_pipeline import outages  # noqa: PLC0415 - imports SQLAlchemy

            with outages.explained():
                raise
        raise
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is a folder, a pipe or a device", str(path))
        with os.fdopen(handle, "rb", closefd=False) as file:
            held = file.read(largest + 1)
    finally:
        os.close(handle)
    if len(held) > largest:
        raise OSError(errno.EOVERFLOW, f"it is larger than {largest // 1_000_000} MB", str(path))
    return held


def read_text(path: Path, remedy: str = "Restore it.") -> str:
    """The text of a file in UTF-8, with or without mark.

    Args:
        path: The file.
        remedy: What to do if it is not there.

    Raises:
        DataError: It cannot be read, or is not UTF-8.
    """
    try:
        return content(path).decode("utf-8-sig")
    except FileNotFoundError:
        raise DataError(path.name, "the file exists", remedy) from None
    except OSError as error:
        rule = "the file can be read"
        todo = "Look at what lies there, and at its permissions."
        raise DataError(path.name, rule, todo, found=error.strerror) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        found = f"the byte 0x{error.object[error.start]:02x}"
        rule, todo = "the file is UTF-8", "Save it as CSV UTF-8."
        raise DataError(path.name, rule, todo, line, found) from error


def rows(file: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows of a CSV that hold anything, each with the line on which it begins.

    Raises:
        DataError: A quoted cell is not closed.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins = 1
    try:
        for row in reader:
            if row:
                yield begins, row
            begins = reader.line_num + 1
    except csv.Error as error:
        rule = "quoted cells are closed and cells are separated by commas"
        raise DataError(file, rule, "Correct the quotes.", begins, str(error)) from error
