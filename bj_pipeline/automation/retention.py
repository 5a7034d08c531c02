"""What may go: old runs of Dagster's, and landed answers that nothing refers to.

What belongs here: choosing and removing them. What does not: ticks, which Dagster's daemon removes
by itself (``retention`` in ``dagster.yaml``). Artifacts, published files and the warehouse's tables
of issues are never touched; of what lies in an object store, only what no manifest names any more.

Kept whatever its age: the newest run of each issue, and each run in which an asset of an issue was
last materialized or checked, because the UI, the inventory and automation conditions rest on them;
whatever an issue or a finished file names as its input; and files that people brought, since nobody
can fetch them again.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import dagster as dg
from sqlalchemy import delete, func, select

from bj_pipeline.automation.home import dagster_environment
from bj_pipeline.errors import DataError
from bj_pipeline.report.artifacts import MANIFEST, leftovers
from bj_pipeline.settings import Settings
from bj_pipeline.storage import ObjectPath, Place, contents, sizes
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse

_FINISHED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]
_PARTITION = "dagster/partition"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BATCH = 200
"""Values in one query."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed, or would be.

    Attributes:
        runs: Dagster runs.
        all_runs: How many runs there were.
        landed: Landed contents.
        landed_bytes: Their size.
        forms: Finished files in an object store that an issue was built again after; on a disk
            they are replaced where they lie.
        form_bytes: Their size.
    """

    runs: int
    all_runs: int
    landed: int
    landed_bytes: int
    forms: int = 0
    form_bytes: int = 0


def remove(settings: Settings, before: datetime, *, keep: bool = False) -> Removed:
    """Remove what is older than a moment and needed no more.

    Args:
        settings: Of the installation.
        before: With its zone.
        keep: Only tell.
    """
    home = Path(dagster_environment(settings)["DAGSTER_HOME"])
    with dg.DagsterInstance.from_config(str(home)) as instance:
        runs = superseded_runs(instance, before)
        count = instance.get_runs_count()
        if not keep:
            for run_id in runs:
                _delete_run(instance, home, run_id)
    warehouse = Warehouse(settings.warehouse_url)
    landed = unused_landings(settings, warehouse, before)
    files = _files_of(settings.landing, landed)
    forms = superseded_forms(settings, warehouse, before)
    if not keep:
        _delete_landed(warehouse, landed)
        for path in (*files, *forms):
            path.unlink(missing_ok=True)
    return Removed(
        len(runs), count, len(landed), sum(files.values()), len(forms), sum(forms.values())
    )


# --- Runs ----------------------------------------------------------------------------------------


def superseded_runs(instance: dg.DagsterInstance, before: datetime) -> list[str]:
    """Finished runs from before a moment that nothing rests on any more, the newest first."""
    old = instance.get_run_records(dg.RunsFilter(statuses=_FINISHED, created_before=before))
    if not old:
        return []
    kept = {*_newest_of_issues(instance), *_last_materialized(instance), *_last_checked(instance)}
    return [record.dagster_run.run_id for record in old if record.dagster_run.run_id not in kept]


def _newest_of_issues(instance: dg.DagsterInstance) -> Iterable[str]:
    """The newest run of each job and issue."""
    newest: dict[tuple[str, str], str] = {}
    for run in instance.get_runs():
        newest.setdefault((run.job_name, run.tags.get(_PARTITION, "")), run.run_id)
    return newest.values()


def _last_materialized(instance: dg.DagsterInstance) -> Iterator[str]:
    """Runs that made what each asset now holds of each issue."""
    for asset in instance.all_asset_keys():
        event = instance.get_latest_materialization_event(asset)
        if event is not None:
            yield event.run_id
        found = instance.get_latest_storage_id_by_partition(
            asset, dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        ids = list(found.values())
        for start in range(0, len(ids), _BATCH):
            wanted = dg.AssetRecordsFilter(asset, storage_ids=ids[start : start + _BATCH])
            for record in instance.fetch_materializations(wanted, limit=_BATCH).records:
                yield record.event_log_entry.run_id


def _last_checked(instance: dg.DagsterInstance) -> Iterator[str]:
    """Runs that have the last word of each check on each issue."""
    from bj_pipeline.quality.stages import ALL  # noqa: PLC0415 - not needed without old runs

    storage = instance.event_log_storage
    for check in ALL:
        key = dg.AssetCheckKey(dg.AssetKey(check.asset), check.name)
        seen: set[str | None] = set()
        cursor: int | None = None
        while page := storage.get_asset_check_execution_history(key, _BATCH, cursor=cursor):
            for record in page:
                if record.partition not in seen:
                    seen.add(record.partition)
                    yield record.run_id
            cursor = page[-1].id


def _delete_run(instance: dg.DagsterInstance, home: Path, run_id: str) -> None:
    instance.delete_run(run_id)
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    # With SQLite each run has a file of its own, which Dagster empties and leaves.
    for suffix in ("", "-wal", "-shm"):
        (home / "history" / "runs" / f"{run_id}.db{suffix}").unlink(missing_ok=True)


# --- Landing -------------------------------------------------------------------------------------


def unused_landings(settings: Settings, warehouse: Warehouse, before: datetime) -> list[str]:
    """SHA-256 of vendors' answers that last came before a moment and that nothing refers to.

    So is whatever lies in the landing and is in no index: an arrival or a removal was killed.

    Raises:
        DataError: A manifest cannot be read, so that nobody knows what it names.
    """
    landing = tables.table(tables.LANDING)
    moment = before.astimezone(UTC).replace(tzinfo=None)
    query = (
        select(landing.c.sha256)
        .group_by(landing.c.sha256)
        .having(func.max(landing.c.confirmed_at) < moment, func.min(landing.c.interface) != "")
        .order_by(landing.c.sha256)
    )
    with warehouse.engine.connect() as connection:
        old = [str(sha256) for sha256 in connection.execute(query).scalars()]
        inputs = select(tables.table(tables.INPUT_FILES).c.sha256)
        needed = set(connection.execute(inputs).scalars())
        known = set(connection.execute(select(landing.c.sha256)).scalars())
    old += _in_no_index(settings.landing, known, before)
    for folder in (settings.artifacts, settings.published, settings.withdrawn):
        manifests = [name for name in sizes(folder) if PurePosixPath(name).name == MANIFEST]
        for name, record in contents(folder, manifests).items():
            needed |= _named_inputs(folder / name, record)
    return [sha256 for sha256 in old if sha256 not in needed]


def _in_no_index(folder: Place, known: set[str], before: datetime) -> Iterator[str]:
    for name in sizes(folder):
        sha256 = PurePosixPath(name).name
        is_ours = _SHA256.fullmatch(sha256) is not None
        if is_ours and sha256 not in known and _written(folder / name) < before:
            yield sha256


def _written(path: Place) -> datetime:
    if isinstance(path, ObjectPath):
        return path.modified()
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _named_inputs(manifest: Place, record: bytes) -> set[str]:
    try:
        inputs = json.loads(record)["inputs"]
        return {str(one["sha256"]) for one in inputs}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            str(manifest),
            "a manifest names the inputs of its issue",
            "Build the issue again, or restore the file from a backup; nothing landed was removed.",
        ) from error


def _delete_landed(warehouse: Warehouse, landed: list[str]) -> None:
    """First out of the index: a killed removal leaves at most files for the next one."""
    index = tables.table(tables.LANDING)
    with warehouse.writing() as connection:
        for sha256 in landed:
            connection.execute(delete(index).where(index.c.sha256 == sha256))


def _files_of(folder: Place, landed: Iterable[str]) -> dict[Place, int]:
    """Bytes of the files of these contents."""
    wanted = set(landed)
    return {
        folder / name: size
        for name, size in sizes(folder).items()
        if PurePosixPath(name).name in wanted
    }


# --- Forms in an object store --------------------------------------------------------------------


def superseded_forms(
    settings: Settings, warehouse: Warehouse, before: datetime
) -> dict[ObjectPath, int]:
    """Bytes of the forms that no manifest names and that were written before a moment."""
    partitions = warehouse.read(tables.PARTITIONS)
    built = set(partitions["data_version"])
    found: dict[ObjectPath, int] = {}
    for folder in (settings.artifacts, settings.published, settings.withdrawn):
        if isinstance(folder, ObjectPath):
            found |= {folder / name: size for name, size in leftovers(folder, built).items()}
    return {path: size for path, size in found.items() if path.modified() < before}
