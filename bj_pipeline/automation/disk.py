"""How much space each part of an installation takes, in all and for an issue."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd
from sqlalchemy import func, select, text

from bj_pipeline import storage
from bj_pipeline.settings import FOLDERS, Settings
from bj_pipeline.storage import ObjectPath
from bj_pipeline.warehouse import address, tables
from bj_pipeline.warehouse.store import Warehouse

_WAREHOUSE = "warehouse"
_MEGABYTE = 1e6


def usage(settings: Settings) -> pd.DataFrame:
    """Space by part of the installation, the largest first, and the total.

    Returns:
        Columns ``part``, ``files``, ``megabytes`` (10**6 bytes) and ``per_issue`` (the same,
        divided by the number of issues in the warehouse; missing without any).
    """
    warehouse = Warehouse(settings.warehouse_url)
    issues = _issues(warehouse)
    sizes = _sizes(settings)
    if address.is_postgresql(settings.database_url):
        sizes[f"{_WAREHOUSE} (PostgreSQL)"] = [_in_postgresql(warehouse)]
    rows = [(part, len(found), sum(found)) for part, found in sizes.items()]
    rows.sort(key=lambda row: -row[2])
    rows.append(("total", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    frame = pd.DataFrame(rows, columns=["part", "files", "bytes"])
    frame["megabytes"] = (frame["bytes"] / _MEGABYTE).round(2)
    frame["per_issue"] = (frame["bytes"] / _MEGABYTE / (issues or float("nan"))).round(3)
    return frame.drop(columns="bytes")


def _sizes(settings: Settings) -> dict[str, list[int]]:
    """Sizes of files by the folder of the home that they lie in, or of a setting elsewhere."""
    home = settings.home.absolute()
    sizes: dict[str, list[int]] = {}
    for path in _walk(home):
        part = path.relative_to(home).parts[0]
        # warehouse.db, warehouse.db-wal and warehouse.db-shm are one database.
        part = _WAREHOUSE if part.startswith("warehouse.db") else part
        with suppress(FileNotFoundError):  # a run may be going on
            sizes.setdefault(part, []).append(path.stat().st_size)
    for name in FOLDERS:
        folder = getattr(settings, name)
        if isinstance(folder, ObjectPath) or not folder.is_relative_to(home):
            sizes[f"{name} ({folder})"] = list(storage.sizes(folder).values())
    return sizes


def _walk(home: Path) -> Iterator[Path]:
    return (path for path in home.rglob("*") if path.is_file() and not path.is_symlink())


def _issues(warehouse: Warehouse) -> int:
    """How many issues the warehouse holds anything of."""
    issue = tables.table(tables.PARTITIONS).c.issue
    with warehouse.engine.connect() as connection:
        return int(connection.execute(select(func.count(issue.distinct()))).scalar_one())


def _in_postgresql(warehouse: Warehouse) -> int:
    """Bytes of the warehouse's tables with their indexes, without Dagster's in the same place."""
    size = text("SELECT pg_total_relation_size(CAST(:name AS regclass))")
    with warehouse.engine.connect() as connection:
        return sum(
            int(connection.execute(size, {"name": f'"{name}"'}).scalar_one())
            for name in tables.METADATA.tables
        )
