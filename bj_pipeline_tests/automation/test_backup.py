"""Backup and restore: everything comes back as it was, or nothing was touched."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import create_engine, text

from bj_pipeline.automation.backup import (
    FOLDERS,
    MANIFEST,
    WAREHOUSE,
    BackupError,
    backup,
    read_manifest,
    restore,
)
from bj_pipeline.automation.disk import usage
from bj_pipeline.errors import ConfigurationError, MissingDataError
from bj_pipeline.report import artifacts
from bj_pipeline.settings import Settings
from bj_pipeline.sources import Delivery
from bj_pipeline.sources.landing import Landing
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.migrate import DatabaseVersionError
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline.warehouse.transfer import content
from bj_pipeline_tests.command_line import CommandLine
from bj_pipeline_tests.warehouse.databases import PASSWORD, postgresql_address

ISSUES = (64, 65)
REPORT = "artifacts/issue-065/report.html"
FILES = {
    REPORT: b"<p>65</p>",
    "artifacts/issue-064/manifest.json": b"{}",
    "published/issue-065/report.html": b"<p>65</p>",
    "published/issue-065/revision-1/report.html": b"<p>64</p>",
    "withdrawn/issue-064/revision-1/report.html": b"",
}
DATABASES = ("sqlite", "postgresql")


def movers(change: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sector": ["全部", "汽车"],
            "rank": [1, 1],
            "code": "920060.BJ",
            "name": ["*ST云创", ""],
            "change": [change, -change],
        }
    )


def installation(request, home: Path, database: str) -> Settings:
    """Settings of an empty home, whose warehouse lies in that database."""
    if database == "sqlite":
        return Settings(home=home)
    address = postgresql_address(request.getfixturevalue("postgresql"))
    return Settings(home=home, database_url=address)


def land(settings: Settings, sent: bytes) -> Delivery:
    warehouse = Warehouse(settings.warehouse_url)
    parameters = {"trade_date": "20260227"}
    landed = Landing(settings.landing, warehouse).store(
        Delivery("tushare", "daily.csv", sent, "daily", parameters)
    )
    warehouse.engine.dispose()
    return landed


def sign_off(settings: Settings, issue: int) -> None:
    row = {"revision": 1, "state": "approved", "by": "Li", "at": "2026-03-02T01:15:00+00:00"}
    frame = pd.DataFrame([row | {"hashes": "{}", "data_versions": "{}", "note": ""}])
    warehouse = Warehouse(settings.warehouse_url)
    with warehouse.appending(issue, {tables.APPROVALS: frame}):
        pass
    warehouse.engine.dispose()


def fill(settings: Settings) -> Settings:
    warehouse = Warehouse(settings.warehouse_url)
    for issue in ISSUES:
        warehouse.replace(issue, {tables.MOVERS: movers(issue / 7)})
    # A table may hold nothing of an issue, and has a version all the same.
    nothing = warehouse.read(tables.RAW_ANNOUNCEMENTS).drop(columns="issue")
    warehouse.replace(65, {tables.RAW_ANNOUNCEMENTS: nothing})
    warehouse.engine.dispose()
    land(settings, b"close\n1\n")
    sign_off(settings, 65)
    for name, sent in FILES.items():
        path = settings.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sent)
    return settings


def rows(settings: Settings) -> dict[str, object]:
    engine = Warehouse(settings.warehouse_url).engine
    with engine.connect() as connection:
        found = {table.name: content(connection, table) for table in tables.METADATA.sorted_tables}
    engine.dispose()
    return found


def files(settings: Settings) -> dict[str, bytes]:
    return {
        str(path.relative_to(settings.home)): path.read_bytes()
        for name in FOLDERS
        for path in sorted((settings.home / name).rglob("*"))
        if path.is_file()
    }


def everything_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def damage(path: Path) -> None:
    """Turn one bit."""
    sent = bytearray(path.read_bytes())
    sent[len(sent) // 2] ^= 1
    path.write_bytes(sent)


@pytest.fixture
def filled(tmp_path) -> Settings:
    """An installation with two issues, in SQLite."""
    return fill(Settings(home=tmp_path / "home"))


@pytest.fixture
def stored(filled, tmp_path) -> Path:
    """Its backup."""
    backup(filled, tmp_path / "backup")
    return tmp_path / "backup"


@pytest.fixture
def empty(tmp_path) -> Settings:
    """Where it is restored to."""
    return Settings(home=tmp_path / "other")


@pytest.mark.parametrize("source", DATABASES)
@pytest.mark.parametrize("target", DATABASES)
def test_everything_comes_back_whatever_the_databases_are(request, tmp_path, source, target):
    before = fill(installation(request, tmp_path / "home", source))
    after = installation(request, tmp_path / "other", target)
    taken = backup(before, tmp_path / "backup")
    assert taken.problems == ()
    restore(after, tmp_path / "backup")
    assert rows(after) == rows(before)
    assert files(after) == files(before)
    assert {name: files(after)[name] for name in FILES} == FILES
    assert PASSWORD not in (tmp_path / "backup" / MANIFEST).read_text()
    assert not list(after.home.glob(".restore*"))


def test_a_backup_of_a_restored_home_is_the_same_backup(stored, empty, tmp_path):
    restore(empty, stored)
    again = backup(empty, tmp_path / "again").manifest
    first = read_manifest(stored)
    assert (again.rows, again.data_versions) == (first.rows, first.data_versions)
    assert again.files.keys() == first.files.keys()


def test_the_manifest_names_every_file_with_size_and_hash(stored):
    manifest = read_manifest(stored)
    there = {str(path.relative_to(stored)) for path in everything_in(stored)}
    assert there == {*manifest.files, MANIFEST}
    assert manifest.files[REPORT].bytes == len(FILES[REPORT])
    assert set(manifest.data_versions[65]) == {tables.MOVERS, tables.RAW_ANNOUNCEMENTS}


@pytest.mark.parametrize("name", [WAREHOUSE, REPORT, "landing"])
@pytest.mark.parametrize("fault", ["changed", "missing"])
def test_a_damaged_backup_is_named_and_nothing_is_restored(stored, empty, name, fault):
    path = next(path for path in [stored / name, *(stored / name).rglob("*")] if path.is_file())
    if fault == "changed":
        damage(path)
    else:
        path.unlink()
    with pytest.raises(BackupError) as caught:
        restore(empty, stored)
    assert str(path.relative_to(stored)) in str(caught.value)
    assert not empty.home.exists()


def test_every_fault_of_a_backup_is_named_at_once(stored, empty):
    damage(stored / REPORT)
    (stored / WAREHOUSE).unlink()
    with pytest.raises(BackupError, match=f"(?s){WAREHOUSE} is missing.*{REPORT} is not as"):
        restore(empty, stored)


@pytest.mark.parametrize("sent", [None, b"", b"{}", b'{"format": 2}'])
def test_a_folder_that_is_no_backup_is_refused(stored, empty, sent):
    (stored / MANIFEST).unlink()
    if sent is not None:
        (stored / MANIFEST).write_bytes(sent)
    with pytest.raises(BackupError, match=MANIFEST):
        restore(empty, stored)
    assert not empty.home.exists()


@pytest.mark.parametrize("name", ["../secret", "landing/../../secret", "/etc/passwd", "dagster/x"])
def test_a_backup_writes_nowhere_but_into_its_own_folders(stored, empty, name):
    manifest = read_manifest(stored)
    listed = {**manifest.files, name: manifest.files[REPORT]}
    forged = manifest.model_copy(update={"files": listed})
    (stored / MANIFEST).write_text(forged.model_dump_json())
    with pytest.raises(BackupError, match="belongs to no backup"):
        restore(empty, stored)


def with_other_warehouse(stored: Path, filled: Settings, statement: str) -> None:
    """Change the warehouse of a backup, and describe it as whole."""
    engine = create_engine(f"sqlite:///{stored / WAREHOUSE}")
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
    manifest = read_manifest(stored)
    path = shutil.copy(stored / WAREHOUSE, filled.home / "artifacts" / "probe")
    probe = backup(filled, stored.with_name("probe")).manifest.files["artifacts/probe"]
    Path(path).unlink()
    forged = manifest.model_copy(update={"files": {**manifest.files, WAREHOUSE: probe}})
    (stored / MANIFEST).write_text(forged.model_dump_json())


def test_a_backup_with_fewer_rows_than_it_says_is_not_restored(stored, filled, empty):
    with_other_warehouse(stored, filled, "DELETE FROM movers WHERE issue = 64 AND sector = '汽车'")
    with pytest.raises(BackupError, match="movers has 3 rows"):
        restore(empty, stored)
    assert files(empty) == {}
    assert {found.rows for found in rows(empty).values()} == {0}


def test_a_value_that_differs_from_its_data_version_is_told(stored, filled, empty):
    with_other_warehouse(stored, filled, "UPDATE movers SET name = '并行科技' WHERE issue = 64")
    with pytest.raises(BackupError, match="issue 64, movers"):
        restore(empty, stored)


def test_a_backup_of_a_newer_program_is_refused(stored, filled, empty):
    with_other_warehouse(stored, filled, "UPDATE warehouse_version SET version_num = '9999'")
    with pytest.raises(DatabaseVersionError, match="newer"):
        restore(empty, stored)
    assert files(empty) == {}


def test_nothing_is_written_over_an_existing_backup(filled, stored):
    kept = {path: path.read_bytes() for path in everything_in(stored)}
    with pytest.raises(ConfigurationError, match="exists already"):
        backup(filled, stored)
    assert {path: path.read_bytes() for path in everything_in(stored)} == kept


def test_a_backup_does_not_go_into_what_it_copies(filled):
    with pytest.raises(ConfigurationError, match="which is copied"):
        backup(filled, filled.artifacts / "backup")


def test_without_a_warehouse_there_is_nothing_to_back_up(empty, tmp_path):
    with pytest.raises(MissingDataError, match="no warehouse"):
        backup(empty, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


@pytest.mark.parametrize("what", ["rows", *FOLDERS])
def test_an_installation_that_holds_something_is_left_alone(stored, empty, what):
    if what == "rows":
        sign_off(empty, 1)
    else:
        (empty.home / what / "issue-001").mkdir(parents=True)
        (empty.home / what / "issue-001" / "report.html").write_bytes(b"mine")
    before = files(empty), rows(empty)
    with pytest.raises(ConfigurationError, match="holds"):
        restore(empty, stored)
    assert (files(empty), rows(empty)) == before


def test_empty_folders_are_no_obstacle(stored, empty):
    (empty.published / "issue-065").mkdir(parents=True)
    restore(empty, stored)
    assert (
        files(empty)["published/issue-065/report.html"] == FILES["published/issue-065/report.html"]
    )


class Stopped(BaseException):
    """As Ctrl+C."""


def stop_after(step: int):
    def tell(done: int, _total: int) -> None:
        if done == step:
            raise Stopped

    return tell


def steps(action) -> int:
    """How many steps something takes."""
    told: list[tuple[int, int]] = []
    action(lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == list(range(1, len(told) + 1))
    assert told[-1][0] == told[-1][1]
    return len(told)


def test_a_backup_that_is_stopped_leaves_nothing(filled, tmp_path):
    total = steps(lambda tell: backup(filled, tmp_path / "whole", tell))
    for step in range(1, total + 1, 6):
        with pytest.raises(Stopped):
            backup(filled, tmp_path / "backups" / "stopped", stop_after(step))
        assert list((tmp_path / "backups").iterdir()) == []


def test_a_restore_that_is_stopped_leaves_nothing_and_can_be_repeated(stored, empty, tmp_path):
    total = steps(lambda tell: restore(Settings(home=tmp_path / "whole"), stored, tell))
    for step in range(1, total + 1, 9):
        with pytest.raises(Stopped):
            restore(empty, stored, stop_after(step))
        assert files(empty) == {}
        assert not list(empty.home.glob(".restore*"))
    assert {found.rows for found in rows(empty).values()} == {0}
    restore(empty, stored)
    assert files(empty).items() >= FILES.items()


def after_the_warehouse(action):
    """Do something in the middle of a backup: its warehouse is there, most of its files are not."""

    def tell(done: int, _total: int) -> None:
        if done == len(tables.METADATA.tables) + 1:
            action()

    return tell


def test_a_file_that_no_index_names_is_not_backed_up(filled, empty, tmp_path):
    (filled.landing / "00").mkdir()
    (filled.landing / "00" / ("0" * 64)).write_bytes(b"half of an arr")
    (filled.artifacts / "issue-065" / ".report.pdf.x1y2").write_bytes(b"half of a rep")
    assert backup(filled, tmp_path / "backup").problems == ()
    restore(empty, tmp_path / "backup")
    assert not any(sent.startswith(b"half") for sent in files(empty).values())
    assert Landing(empty.landing, Warehouse(empty.warehouse_url)).verify() == []


def test_a_run_may_go_on_while_files_are_copied(filled, empty, tmp_path):
    later = b"close\n2\n"
    backup(filled, tmp_path / "backup", after_the_warehouse(lambda: land(filled, later)))
    restore(empty, tmp_path / "backup")
    assert later in files(filled).values()
    assert later not in files(empty).values()
    assert Landing(empty.landing, Warehouse(empty.warehouse_url)).verify() == []


def test_a_sign_off_meanwhile_spoils_the_backup_and_says_so(filled, tmp_path):
    with pytest.raises(BackupError, match="approved or withdrawn while"):
        backup(filled, tmp_path / "backup", after_the_warehouse(lambda: sign_off(filled, 64)))
    assert not (tmp_path / "backup").exists()


@pytest.mark.parametrize(("fault", "told"), [("changed", "not as it came"), ("missing", "missing")])
def test_a_landing_that_was_damaged_before_is_backed_up_and_told(filled, tmp_path, fault, told):
    (path,) = everything_in(filled.landing)
    if fault == "changed":
        damage(path)
    else:
        path.unlink()
    (problem,) = backup(filled, tmp_path / "backup").problems
    assert path.name in problem
    assert told in problem
    assert read_manifest(tmp_path / "backup").files[REPORT].bytes == len(FILES[REPORT])


@pytest.mark.parametrize(
    ("fault", "told"), [("changed", "not as it was made"), ("missing", "missing")]
)
def test_a_report_that_was_damaged_before_is_backed_up_and_told(filled, tmp_path, fault, told):
    place = filled.artifacts / "issue-064"
    form = {"name": "report.pdf", "sha256": artifacts.sha256(b"%PDF"), "bytes": 4}
    (place / artifacts.MANIFEST).write_text(json.dumps({"artifacts": [form]}), encoding="utf-8")
    if fault == "changed":
        (place / "report.pdf").write_bytes(b"%PD!")
    (problem,) = backup(filled, tmp_path / "backup").problems
    assert "issue-064/report.pdf" in problem
    assert told in problem
    (place / "report.pdf").write_bytes(b"%PDF")
    assert backup(filled, tmp_path / "again").problems == ()


def test_a_backup_says_when_it_was_made(filled, tmp_path):
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    backup(filled, tmp_path / "backup", now=noon)
    assert read_manifest(tmp_path / "backup").made_at == noon


@pytest.mark.parametrize("database", DATABASES)
def test_disk_use_is_told_by_part_and_issue(request, tmp_path, database):
    settings = fill(installation(request, tmp_path / "home", database))
    (settings.artifacts / "issue-065" / "report.pdf").write_bytes(bytes(3_000_000))
    used = usage(settings).set_index("part")
    assert used["megabytes"]["artifacts"] == pytest.approx(3.0, abs=0.01)
    assert used["per_issue"]["artifacts"] == pytest.approx(1.5, abs=0.01)
    assert used["files"]["landing"] == 1
    place = "warehouse" if database == "sqlite" else "warehouse (PostgreSQL)"
    assert used["megabytes"][place] > 0.05
    parts = used.drop(index="total")
    assert used["megabytes"]["total"] == pytest.approx(parts["megabytes"].sum(), abs=0.05)


def test_operations_back_up_restore_and_go_on(sample_issue, tmp_path):
    other = CommandLine(tmp_path / "other")
    taken = sample_issue("backup", "--to", tmp_path / "backup")
    assert taken.returncode == 0, taken.stderr
    assert "1 issue, " in taken.stdout
    brought = other("restore", "--from", tmp_path / "backup")
    assert brought.returncode == 0, brought.stderr
    assert other.table("company_metrics", 65).equals(sample_issue.table("company_metrics", 65))
    approved = other("approve", 65, "--by", "Li")
    assert approved.returncode == 0, approved.stderr
    assert "artifacts" in other("disk").stdout
    again = other("restore", "--from", tmp_path / "backup")
    assert again.returncode == 2
    assert "nothing was changed" in again.stderr
    assert (other.home / "published" / "issue-065" / "report.pdf").is_file()
