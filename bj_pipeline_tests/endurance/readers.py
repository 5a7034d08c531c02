"""Somebody who reads an installation while it is written to, and says what should not be there.

What belongs here: what a reader may meet at any moment. What does not: who disturbs the writers.
"""

import contextlib
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
from sqlalchemy import select

from bj_pipeline.report.artifacts import FORMS, MANIFEST
from bj_pipeline.warehouse import store, tables
from bj_pipeline.warehouse.store import connect, data_version

_PAUSES = 4.0
"""Time between two looks, in times that a look takes."""
_LINK = re.compile(r'(?:href|src)="([^"#?:]+)[^":]*"')


@contextlib.contextmanager
def reading(*looks: Callable[[], Iterator[str]]) -> Iterator[None]:
    """Look again and again meanwhile; at the end nothing wrong must have been seen."""
    faults: list[str] = []
    stop = threading.Event()
    rounds = 0

    def look_on() -> None:
        nonlocal rounds
        while not stop.is_set() and not faults:
            start = time.perf_counter()
            for look in looks:
                try:
                    faults.extend(look())
                except Exception as error:  # noqa: BLE001 - a reader must never meet one
                    faults.append(f"{type(error).__name__}: {error}")
            rounds += 1
            # Most of the processor is for those who are read.
            stop.wait(_PAUSES * (time.perf_counter() - start))

    thread = threading.Thread(target=look_on)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert not faults, faults
    assert rounds > 0


def half_issues(folder: Path) -> Iterator[str]:
    """Issues whose folder does not hold exactly what its manifest vouches for."""
    if not folder.is_dir():
        return
    for place in folder.glob("issue-*"):
        record = _bytes(place / MANIFEST)
        found = {name: _bytes(place / name) for name in FORMS}
        if _bytes(place / MANIFEST) != record:
            continue  # it was exchanged meanwhile
        if record is None:
            if place.exists():
                yield f"{place} holds {sorted(n for n, b in found.items() if b)}, no manifest"
            continue
        wanted = {form["name"]: form["sha256"] for form in json.loads(record)["artifacts"]}
        for name, content in found.items():
            if content is None or hashlib.sha256(content).hexdigest() != wanted[name]:
                yield f"{place / name} is not what its manifest says"


def mixed_tables(url: str) -> Iterator[str]:
    """Partitions of the warehouse whose rows are not those of the version on record."""
    engine = connect(url)
    # One snapshot for all questions, as a database gives it.
    level = {} if engine.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    try:
        with engine.connect().execution_options(**level) as connection:
            if not engine.dialect.has_table(connection, tables.PARTITIONS):
                return
            recorded = connection.execute(select(tables.table(tables.PARTITIONS))).all()
            for row in recorded:
                if row.table in tables.METADATA.tables:
                    source = tables.table(row.table)
                    rows = connection.execute(select(source).where(source.c.issue == row.issue))
                    frame = pd.DataFrame(rows.all(), columns=list(rows.keys()))
                    stored = store._in_order(row.table, frame.drop(columns="issue"))
                    if data_version(stored) != row.data_version:
                        yield f"{row.table} of issue {row.issue} is mixed"
    finally:
        engine.dispose()


def half_sites(folder: Path) -> Iterator[str]:
    """Links of the site's first page that lead nowhere."""
    if not folder.exists():
        return
    about = folder.stat()
    index = _bytes(folder / "index.html")
    missing = [
        link for link in _LINK.findall((index or b"").decode()) if not (folder / link).exists()
    ]
    with contextlib.suppress(FileNotFoundError):
        if folder.stat().st_ino == about.st_ino and (index is None or missing):
            yield f"{folder / 'index.html'} leads to {missing or 'nothing: it is not there'}"


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
