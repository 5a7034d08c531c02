"""Backup and restore: one folder that holds everything that cannot be computed again.

What belongs here: taking a backup, proving that it is whole, and bringing it back. What does not:
moving a living warehouse to another database (:mod:`bj_pipeline.warehouse.transfer`, whose copying
is used here), Dagster's own history, and the curated files, which are kept under version control.

A backup is a folder with ``warehouse.db``, the folders of :data:`FOLDERS` and ``backup.json``,
which names every file with its size and SHA-256. Files have the paths in it that they have on a
disk, also where they come from an object store, so each folder can be restored into either. The
warehouse in it is always a SQLite file, whatever database it came from, so a backup of PostgreSQL
needs no ``pg_dump`` and can be restored into either.
"""

import hashlib
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedReader, BytesIO
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from sqlalchemy import Engine

from bj_pipeline import __version__, folders, storage
from bj_pipeline.errors import ConfigurationError, PipelineError
from bj_pipeline.report import artifacts
from bj_pipeline.settings import FOLDERS, Settings
from bj_pipeline.storage import ObjectPath, Place, StorageError
from bj_pipeline.warehouse import migrate, tables
from bj_pipeline.warehouse.store import Warehouse, connect, data_version
from bj_pipeline.warehouse.transfer import Copied, content, transfer

MANIFEST = "backup.json"
WAREHOUSE = "warehouse.db"
LANDING = "landing"

_BEGUN = ".bj-backup"
"""Suffix of a backup's folder until it is whole."""
_AT_A_TIME = 8
"""Files of an object store that are asked for at once."""
_CHUNK = 1 << 20
"""Bytes in memory at once."""

Tell = Callable[[int, int], object]
"""Told after each step: how many are done, and how many there are."""


class BackupError(PipelineError):
    """A backup is not as it was written, or what was copied is not what was there."""

    exit_code = 6


class StoredFile(BaseModel):
    """Size and SHA-256 of a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a backup holds.

    Attributes:
        program: Version of the program that wrote it.
        made_at: When, UTC.
        revision: Revision of the warehouse's tables.
        rows: Rows of each table.
        data_versions: Data versions by issue and table.
        files: Every other file of the backup, by its path in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    program: str
    made_at: datetime
    revision: str
    rows: dict[str, int]
    data_versions: dict[int, dict[str, str]]
    files: dict[str, StoredFile]

    @field_validator("files")
    @classmethod
    def _stays_inside(cls, files: dict[str, StoredFile]) -> dict[str, StoredFile]:
        for name in files:
            path = PurePosixPath(name)
            if ".." in path.parts or not {*path.parts[:1]} & {WAREHOUSE, *FOLDERS}:
                raise ValueError(f"{name} belongs to no backup")
        if WAREHOUSE not in files:
            raise ValueError(f"{WAREHOUSE} is not among them")
        return files

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files.values())


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was taken.

    Attributes:
        manifest: What it holds.
        problems: What was wrong with the landing, with reports or with published files already,
            one sentence a file; the backup holds what there was.
    """

    manifest: Manifest
    problems: tuple[str, ...]


class _Steps:
    """Counts steps for a progress bar."""

    def __init__(self, tell: Tell | None, total: int) -> None:
        self._tell, self._done, self._total = tell, 0, total

    def __call__(self) -> None:
        self._done += 1
        if self._tell is not None:
            self._tell(self._done, max(self._total, self._done))


# --- Taking one ----------------------------------------------------------------------------------


def backup(
    settings: Settings, target: Place, tell: Tell | None = None, now: datetime | None = None
) -> Backup:
    """Write a backup; the folder appears when it is whole and was read again.

    Runs may go on meanwhile: they wait while the warehouse is copied. What the warehouse then
    names, the folders hold, because bytes land before they are indexed.

    Args:
        settings: Of the installation.
        target: The backup's folder; must not exist. It may lie in an object store.
        tell: For a progress bar.
        now: When; now if not given.

    Raises:
        ConfigurationError: The target exists, or lies in a folder that is copied.
        MissingDataError: There is no warehouse.
        BackupError: Someone signed off meanwhile, or the copy is not as it was written.
    """
    if isinstance(target, Path):
        target = target.absolute()
    if target.sizes() if isinstance(target, ObjectPath) else target.exists():
        raise ConfigurationError(f"{target} exists already: a backup is written to a new folder.")
    sources = {name: _place(settings, name) for name in FOLDERS}
    for source in sources.values():
        if _lies_in(target, source):
            raise ConfigurationError(f"{target} lies in {source}, which is copied: choose another.")
    files = sum(len(_files(source)) for source in sources.values())
    step = _Steps(tell, len(tables.METADATA.tables) + 2 * files + 1)
    with _new_folder(target, settings.home.absolute()) as folder:
        rows, versions, landed = _copy_warehouse(settings, folder / WAREHOUSE, step)
        stored = {WAREHOUSE: _described(folder / WAREHOUSE)}
        for name, source in sources.items():
            there = _files(source)
            wanted = {
                f"{name}/{relative}": path
                for relative, path in there.items()
                if name != LANDING or path.name in landed
            }
            stored |= dict(_all_copied(wanted, folder, step))
            for _ in range(len(there) - len(wanted)):
                step()
        _refuse_new_sign_off(settings, rows)
        manifest = Manifest(
            program=__version__,
            made_at=(now or datetime.now(UTC)).astimezone(UTC),
            revision=migrate.HEAD,
            rows=rows,
            data_versions=versions,
            files=stored,
        )
        artifacts.write(folder / MANIFEST, manifest.model_dump_json(indent=1).encode())
        _require_whole(folder, manifest, step)
        problems = (*_landing_problems(stored, landed), *_report_problems(stored, folder))
    return Backup(manifest, problems)


@contextmanager
def _new_folder(target: Place, home: Path) -> Iterator[Path]:
    """A folder under a temporary name, which gets its own at the end or goes.

    What earlier backups left when they were killed goes too. In an object store its files are put
    there at the end, the manifest last: without that, it is no backup.
    """
    if isinstance(target, ObjectPath):
        with folders.scratch(home / ".backup") as temporary:
            yield temporary
            _put_away(temporary, target)
        return
    folders.make(target.parent)
    for left in target.parent.glob(f".*{_BEGUN}"):
        folders.remove_if_left(left)
    with folders.scratch(target.with_name(f".{target.name}{_BEGUN}")) as temporary:
        yield temporary
        temporary.rename(target)


def _put_away(folder: Path, target: ObjectPath) -> None:
    """Put a backup into an object store, and read it there again."""
    names = sorted(storage.sizes(folder), key=lambda name: (name == MANIFEST, name))
    try:
        for name in names:
            (target / name).write_bytes((folder / name).read_bytes())
        _require_whole(target, read_manifest(target), _Steps(None, 0))
    except BaseException:
        with suppress(StorageError):
            for name in reversed(names):
                (target / name).unlink(missing_ok=True)
        raise


def _lies_in(target: Place, source: Place) -> bool:
    if isinstance(target, Path) and isinstance(source, Path):
        return target.resolve().is_relative_to(source.resolve())
    return f"{target}/".startswith(f"{source}/")


def _copy_warehouse(
    settings: Settings, path: Path, step: _Steps
) -> tuple[dict[str, int], dict[int, dict[str, str]], set[str]]:
    """Copy the warehouse into a SQLite file.

    Returns:
        Rows by table; data versions by issue and table; SHA-256 of everything that has landed.
    """
    rows = {}
    address = f"sqlite:///{path}"
    with _connected(settings.warehouse_url) as source, _connected(address) as copy:
        for copied in transfer(source, copy):
            rows[copied.table] = copied.rows
            step()
    with _opened(address) as warehouse:
        versions = _versions(warehouse)
        if wrong := _changed(warehouse, versions):
            raise BackupError(
                "Nothing was kept of the backup, because rows were changed by hand or by another "
                f"program: {'; '.join(wrong)}. Build these issues again with `bj-pipeline run "
                "--issue N`, then take the backup again."
            )
        return rows, versions, set(warehouse.read(tables.LANDING)["sha256"])


def _refuse_new_sign_off(settings: Settings, rows: dict[str, int]) -> None:
    """The record of sign-offs and the folders must be of one moment; rows are only ever added."""
    with _connected(settings.warehouse_url) as engine, engine.connect() as connection:
        now = content(connection, tables.table(tables.APPROVALS)).rows
    if now != rows[tables.APPROVALS]:
        raise BackupError(
            "An issue was approved or withdrawn while the backup was taken; nothing was kept of "
            "it. Start it again."
        )


def _landing_problems(stored: dict[str, StoredFile], landed: set[str]) -> Iterator[str]:
    copied = {
        PurePosixPath(name).name: file.sha256
        for name, file in stored.items()
        if name.startswith(f"{LANDING}/")
    }
    for sha256 in sorted(landed):
        if sha256 not in copied:
            yield f"{sha256} is missing in the landing."
        elif copied[sha256] != sha256:
            yield f"{sha256} in the landing is not as it came."


def _report_problems(stored: dict[str, StoredFile], folder: Path) -> Iterator[str]:
    """Forms of reports in a backup that are not those that the manifest beside them vouches for."""
    for name in stored:
        place = PurePosixPath(name)
        if place.name != artifacts.MANIFEST or place.parts[0] == LANDING:
            continue
        for form, sha256 in artifacts.digests((folder / name).read_bytes()).items():
            found = stored.get(str(place.with_name(form)))
            if found is None:
                yield f"{place.with_name(form)} is missing."
            elif found.sha256 != sha256:
                yield f"{place.with_name(form)} is not as it was made."


# --- Bringing one back ---------------------------------------------------------------------------


def restore(settings: Settings, folder: Place, tell: Tell | None = None) -> Manifest:
    """Bring a backup back into an empty installation: all of it, or nothing.

    Everything is read and compared before anything is touched, and again as it was restored.

    Args:
        settings: Of the installation: the warehouse may be SQLite or PostgreSQL.
        folder: The backup.
        tell: For a progress bar.

    Raises:
        BackupError: It is not as it was written; names every file.
        ConfigurationError: The installation holds something already.
        DatabaseVersionError: A newer program wrote it.
    """
    manifest = read_manifest(folder)
    step = _Steps(tell, 3 * len(manifest.files) + len(tables.METADATA.tables))
    _require_whole(folder, manifest, step)
    for name in FOLDERS:
        _require_nothing_else(_place(settings, name), name, manifest)
    with folders.scratch(settings.home.absolute() / ".restore") as staging:
        for name in manifest.files:
            _copied(folder / name, staging / name)
            step()
        _require_whole(staging, manifest, step)
        _bring_in(settings, staging, manifest, step)
    _require_versions(settings, manifest)
    return manifest


def read_manifest(folder: Place) -> Manifest:
    """The manifest of a backup.

    Raises:
        BackupError: The folder is no backup, or of a form that this program does not know.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise BackupError(f"{folder} is no backup: {MANIFEST} is missing. Nothing was restored.")
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise BackupError(
            f"{path} is not as it was written, or a newer program wrote it ({place}: "
            f"{problem['msg']}). Nothing was restored."
        ) from error


def _bring_in(settings: Settings, staging: Path, manifest: Manifest, step: _Steps) -> None:
    """Put the folders in place and the rows into the warehouse: both or neither."""
    moved: list[Place] = []
    with (
        _connected(f"sqlite:///{staging / WAREHOUSE}") as source,
        _connected(settings.warehouse_url) as target,
        closing(_transferred(source, target)) as copying,
    ):
        try:
            for copied in copying:
                # Not earlier: by its first table the warehouse has shown that it was empty.
                if not moved:
                    for name in FOLDERS:
                        place = _place(settings, name)
                        _require_nothing_else(place, name, manifest)
                        moved.append(place)
                        _move_in(staging / name, place)
                        _require_there(place, name, manifest)
                _require_rows(copied, manifest)
                step()
        except BaseException:
            for place in moved:
                with suppress(OSError, StorageError):
                    artifacts.remove(place)
            raise


def _require_nothing_else(place: Place, name: str, manifest: Manifest) -> None:
    """Refuse a folder with files, unless it is this backup's: a killed restore has put them there.

    Whether the restore was killed, and not only its last step, the warehouse knows: it is empty.
    """
    for relative, path in _files(place).items():
        if manifest.files.get(f"{name}/{relative}") != _described(path):
            raise ConfigurationError(
                f"{place} holds files. Restore into a new BJ_HOME, or move them away; nothing was "
                "changed."
            )


def _require_there(place: Place, name: str, manifest: Manifest) -> None:
    """Read again what was put into an object store; on a disk it was only moved."""
    if not isinstance(place, ObjectPath):
        return
    found = {f"{name}/{relative}": path for relative, path in _files(place).items()}
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        read = dict(zip(found, pool.map(_described, found.values()), strict=True))
    told = {file: one for file, one in manifest.files.items() if file.startswith(f"{name}/")}
    if wrong := sorted(file for file in {*read, *told} if read.get(file) != told.get(file)):
        raise BackupError(
            f"{place} does not keep what was put there ({', '.join(wrong)}). Nothing was restored."
        )


def _require_rows(copied: Copied, manifest: Manifest) -> None:
    told = manifest.rows.get(copied.table, 0)
    if copied.rows != told:
        raise BackupError(
            f"{copied.table} has {copied.rows} rows, but {MANIFEST} says {told}. Nothing was "
            "restored."
        )


def _transferred(source: Engine, target: Engine) -> Generator[Copied]:
    """As :func:`transfer`, out of a warehouse that may be older than this program."""
    migrate.SCHEMA.upgrade(source)
    yield from transfer(source, target)


def _move_in(staged: Path, place: Place) -> None:
    """Put a folder where there is none, or one that holds nothing but folders."""
    staged.mkdir(exist_ok=True)
    if isinstance(place, ObjectPath):
        for part in sorted(staged.iterdir()):
            names = _files(part) if part.is_dir() else {"": part}
            files = {f"{part.name}/{name}".rstrip("/"): path for name, path in names.items()}
            artifacts.put(place, {name: path.read_bytes() for name, path in files.items()})
        return
    for left in place.iterdir() if place.exists() else ():
        # Folders, and what a killed restore has put there: the backup has all of it.
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    folders.make(place)
    # One by one, because the folder itself may be a disk of its own: then a move takes its time.
    with folders.scratch(place / ".restored") as aside:
        for part in staged.iterdir():
            shutil.move(part, aside / part.name)
            (aside / part.name).rename(place / part.name)


def _require_versions(settings: Settings, manifest: Manifest) -> None:
    """Compare what the warehouse reads with the versions that were backed up."""
    with _opened(settings.warehouse_url) as warehouse:
        wrong = _changed(warehouse, manifest.data_versions)
    if wrong:
        raise BackupError(
            f"Restored, but of another data version than was backed up: {'; '.join(wrong)}. Build "
            "these issues again with `bj-pipeline run --issue N`."
        )


def _changed(warehouse: Warehouse, wanted: Mapping[int, Mapping[str, str]]) -> list[str]:
    """Issues and tables whose rows, or their record, are of another data version than wanted."""
    recorded = _versions(warehouse)
    return [
        f"issue {issue}, {name}"
        for name in tables.METADATA.tables
        if tables.has_versions(name)
        for issue, version in _computed(warehouse, name, wanted)
        if {version, recorded.get(issue, {}).get(name)} != {wanted[issue][name]}
    ]


def _computed(
    warehouse: Warehouse, name: str, wanted: Mapping[int, Mapping[str, str]]
) -> Iterator[tuple[int, str]]:
    """Data version of each wanted issue of a table, computed from its rows."""
    rows = warehouse.read(name)
    for issue, versions in wanted.items():
        if name in versions:
            yield issue, data_version(rows[rows["issue"] == issue].drop(columns="issue"))


# --- Files and databases -------------------------------------------------------------------------


def _place(settings: Settings, name: str) -> Place:
    """Where a folder of a backup lies in the installation."""
    place: Place = getattr(settings, name)
    return place


def _files(folder: Place) -> dict[str, Place]:
    """Finished files by their path on a disk; what begins with a dot is being written."""
    return artifacts.catalogue(folder)


def _all_copied(
    files: Mapping[str, Place], folder: Path, step: _Steps
) -> Iterator[tuple[str, StoredFile]]:
    """Copy files into a folder, by their path there."""
    are_far = any(isinstance(path, ObjectPath) for path in files.values())
    targets = [folder / name for name in files]
    with ThreadPoolExecutor(_AT_A_TIME if are_far else 1) as pool:
        for name, stored in zip(files, pool.map(_copied, files.values(), targets), strict=True):
            yield name, stored
            step()


def _copied(source: Place, target: Path) -> StoredFile:
    """Copy a file; describe what was read, not what was written."""
    folders.make(target.parent)
    digest, size = hashlib.sha256(), 0
    with _reading(source) as reading, target.open("wb") as writing:
        while chunk := reading.read(_CHUNK):
            writing.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return StoredFile(bytes=size, sha256=digest.hexdigest())


def _described(path: Place) -> StoredFile:
    if isinstance(path, ObjectPath):
        held = path.read_bytes()
        return StoredFile(bytes=len(held), sha256=artifacts.sha256(held))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return StoredFile(bytes=path.stat().st_size, sha256=digest.hexdigest())


def _reading(path: Place) -> BufferedReader | BytesIO:
    return BytesIO(path.read_bytes()) if isinstance(path, ObjectPath) else path.open("rb")


def _require_whole(folder: Place, manifest: Manifest, step: _Steps) -> None:
    """Read every file and compare it with the manifest.

    Raises:
        BackupError: Names every file that is missing or changed.
    """
    problems = []
    for name, stored in manifest.files.items():
        if not (folder / name).is_file():
            problems.append(f"{name} is missing")
        elif _described(folder / name) != stored:
            problems.append(f"{name} is not as it was written")
        step()
    if problems:
        told = "\n".join(f"  {problem}" for problem in problems)
        raise BackupError(f"The backup is damaged; nothing was kept or restored:\n{told}")


def _versions(warehouse: Warehouse) -> dict[int, dict[str, str]]:
    """Data versions by issue and table."""
    versions: dict[int, dict[str, str]] = {}
    for row in warehouse.read(tables.PARTITIONS).to_dict("records"):
        versions.setdefault(int(row["issue"]), {})[row["table"]] = row["data_version"]
    return versions


@contextmanager
def _connected(address: str) -> Iterator[Engine]:
    """A database; let go at the end, so that SQLite leaves one file and not three."""
    engine = connect(address)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _opened(address: str) -> Iterator[Warehouse]:
    """A warehouse; let go at the end."""
    warehouse = Warehouse(address)
    try:
        yield warehouse
    finally:
        warehouse.engine.dispose()
