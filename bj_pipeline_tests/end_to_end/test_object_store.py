"""Everything that lies elsewhere in an object store: built, signed off, read, kept and removed."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bj_pipeline import storage
from bj_pipeline.automation import doctor, signoff
from bj_pipeline.automation.backup import BackupError, backup, restore
from bj_pipeline.automation.disk import usage
from bj_pipeline.automation.inventory import Stored
from bj_pipeline.automation.retention import remove
from bj_pipeline.automation.state import issue_states
from bj_pipeline.errors import ConfigurationError
from bj_pipeline.issues import by_number
from bj_pipeline.report import artifacts
from bj_pipeline.report.artifacts import FORMS, MANIFEST
from bj_pipeline.report.house import load_house
from bj_pipeline.settings import FOLDERS, PACKAGE, Settings
from bj_pipeline.site.build import build_site
from bj_pipeline.sources.landing import Landing
from bj_pipeline.storage import Place, StorageError, place, sizes
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline_tests.automation.test_signoff import rebuild
from bj_pipeline_tests.command_line import CommandLine
from bj_pipeline_tests.s3_server import ACCESS_KEY, SECRET_KEY, S3Server

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
ISSUE = "issue-065"


def folders(bucket: str) -> dict[str, str]:
    return {name: f"{bucket}/{name}" for name in FOLDERS}


def environment(bucket: str) -> dict[str, str]:
    return {f"BJ_{name.upper()}": url for name, url in folders(bucket).items()}


@pytest.fixture(scope="module")
def far(s3_server: S3Server, tmp_path_factory) -> tuple[CommandLine, str, str]:
    """Issue 65 built by the command line with all its folders in a bucket; and what was told."""
    command_line = CommandLine(tmp_path_factory.mktemp("far") / "home")
    bucket = s3_server.new_bucket()
    known = environment(bucket) | s3_server.environment
    done = command_line("run", "--issue", 65, **known)
    assert done.returncode == 0, done.stderr
    return command_line, bucket, done.stdout + done.stderr


@pytest.fixture
def settings(far, s3, tmp_path) -> Settings:
    """A copy of that installation, in a bucket of its own."""
    built, bucket, _ = far
    own = s3.new_bucket()
    for key, held in s3.keys(bucket).items():
        s3.client().put_object(Bucket=own.removeprefix("s3://"), Key=key, Body=held)
    home = tmp_path / "home"
    shutil.copytree(built.home, home, ignore=shutil.ignore_patterns("dagster"))
    return Settings(home=home, **folders(own))


def held(folder: Place) -> dict[str, bytes]:
    return artifacts.contents(folder)


def without_code(manifest: bytes) -> dict[str, object]:
    """The code may be edited between two builds."""
    record = json.loads(manifest)
    del record["code_version"]
    return record


def test_an_issue_in_an_object_store_is_the_one_that_a_disk_holds(far, s3_server, sample_issue):
    command_line, bucket, told = far
    keys = s3_server.keys(bucket)
    record = keys[f"artifacts/{ISSUE}/{MANIFEST}"]
    disk = sample_issue.home / "artifacts" / ISSUE
    assert without_code(record) == without_code((disk / MANIFEST).read_bytes())
    for name, digest in artifacts.digests(record).items():
        key = f"artifacts/{ISSUE}/{digest[:16]}/{name}"
        assert keys[key] == (disk / name).read_bytes()
        assert f"{bucket}/{key}" in told
    landed = sorted(path.name for path in (sample_issue.home / "landing").rglob("*/*"))
    assert [key.rpartition("/")[2] for key in keys if key.startswith("landing/")] == landed
    assert not any((command_line.home / name).exists() for name in FOLDERS)


def test_no_credential_is_in_anything_that_was_told_or_stored(far, s3_server):
    command_line, bucket, told = far
    stored = {path: path.read_bytes() for path in command_line.home.rglob("*") if path.is_file()}
    stored |= {Path(key): content for key, content in s3_server.keys(bucket).items()}
    assert any(path.name == "warehouse.db" for path in stored)
    for secret in (ACCESS_KEY, SECRET_KEY):
        assert secret not in told
        assert [path for path, content in stored.items() if secret.encode() in content] == []


def test_a_run_that_is_refused_says_so_in_a_line_and_keeps_no_key(s3_server, command_line):
    bucket = s3_server.new_bucket()
    with s3_server.asking_who():
        done = command_line("run", "--issue", 65, **environment(bucket), **s3_server.environment)
    assert done.returncode == StorageError.exit_code
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert f"{bucket}/landing" in line
    assert "BJ_LANDING" in line
    assert "AWS_ACCESS_KEY_ID" in line
    kept = [path for path in command_line.home.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in kept)
    for secret in (ACCESS_KEY, SECRET_KEY):
        assert secret not in done.stdout + done.stderr
        assert [path for path in kept if secret.encode() in path.read_bytes()] == []


def test_a_revision_is_published_compared_withdrawn_and_replaced(settings):
    place, kept = settings.published / ISSUE, settings.withdrawn / ISSUE
    first = held(settings.artifacts / ISSUE)
    signoff.approve(settings, 65, "张三", now=NOON)
    assert held(place) == first
    rebuild(
        settings,
        BJ_AI_CHAIN_PE_TTM_VENDORS="ifind",
        **environment(str(settings.artifacts.parent)),
    )
    second = held(settings.artifacts / ISSUE)
    assert second[MANIFEST] != first[MANIFEST]
    assert held(place) == first
    found = signoff.difference(settings, 65)
    assert (found.revision, found.former) == (2, 1)
    assert found.found.facts
    former = {f"revision-1/{name}": content for name, content in first.items()}
    signoff.approve(settings, 65, "李四", now=NOON + timedelta(days=1))
    assert held(place) == second | former
    assert issue_states(settings).set_index("number").loc[65, "sign_off"] == "approved, revision 2"
    signoff.withdraw(settings, 65, "李四", "有误", NOON + timedelta(days=2))
    assert held(place) == {}
    assert sizes(place) == {}
    assert held(kept / "revision-2") == second | former


def test_a_changed_object_is_not_approved(settings, s3):
    folder = settings.artifacts / ISSUE
    path = artifacts.finished(folder)["report.pdf"]
    bucket, _, key = str(path).removeprefix("s3://").partition("/")
    s3.client().put_object(Bucket=bucket, Key=key, Body=b"%PDF of somebody else")
    with pytest.raises(signoff.SignOffError, match=r"report\.pdf in s3://"):
        signoff.approve(settings, 65, "张三")


def test_the_inventory_names_a_lost_object(settings):
    assert Stored(settings).built == {65}
    artifacts.finished(settings.artifacts / ISSUE)["report.docx"].unlink()
    assert Stored(settings).lost_files(by_number(65)) == ["report.docx"]


def test_the_site_offers_what_was_published(settings, tmp_path):
    signoff.approve(settings, 65, "张三", now=NOON)
    published = held(settings.published / ISSUE)
    house = load_house(PACKAGE / "content" / "house.yaml")
    warehouse = Warehouse(settings.warehouse_url)
    done = build_site(
        warehouse, settings, house, tmp_path / "site", issues=[65], forms=settings.published
    )
    assert done.forms == len(FORMS)
    for name in FORMS:
        assert (tmp_path / "site" / ISSUE / name).read_bytes() == published[name]


def test_a_backup_comes_back_on_a_disk_and_in_another_bucket(settings, s3, tmp_path):
    signoff.approve(settings, 65, "张三", now=NOON)
    taken = backup(settings, tmp_path / "backup")
    assert taken.problems == ()
    bucket = s3.new_bucket()
    near = Settings(home=tmp_path / "near")
    far = Settings(home=tmp_path / "far", **folders(bucket))
    for other in (near, far):
        restore(other, tmp_path / "backup")
        for name in FOLDERS:
            assert held(getattr(other, name)) == held(getattr(settings, name))
        assert signoff.difference(other, 65).looks == ()
        landing = Landing(other.landing, Warehouse(other.warehouse_url))
        assert landing.verify() == []
    assert (near.published / ISSUE / "report.pdf").is_file()
    assert (tmp_path / "backup" / "published" / ISSUE / "report.pdf").is_file()


def test_a_backup_lies_in_a_bucket_and_comes_back_from_there(settings, s3, tmp_path):
    kept = place(f"{s3.new_bucket()}/backups/monday", "--to")
    backup(settings, kept)
    with pytest.raises(ConfigurationError, match="exists already"):
        backup(settings, kept)
    with pytest.raises(ConfigurationError, match="which is copied"):
        backup(settings, settings.artifacts / "monday")
    other = Settings(home=tmp_path / "other")
    restore(other, kept)
    assert held(other.artifacts) == held(settings.artifacts)
    path = kept / "artifacts" / ISSUE / "report.pdf"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BackupError, match=r"report\.pdf is not as it was written"):
        restore(Settings(home=tmp_path / "third"), kept)


def test_a_restore_that_fails_leaves_nothing_in_the_bucket(settings, s3, tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "_PATIENCE_SECONDS", 0.2)
    backup(settings, tmp_path / "backup")
    bucket = s3.new_bucket()
    other = Settings(home=tmp_path / "other", **folders(bucket))

    def lose(key: str) -> None:
        if key.endswith(MANIFEST):
            raise ConnectionResetError(key)

    s3.before_put = lose
    try:
        with pytest.raises(StorageError, match="BJ_ARTIFACTS"):
            restore(other, tmp_path / "backup")
    finally:
        s3.before_put = None
    assert s3.keys(bucket) == {}
    restore(other, tmp_path / "backup")
    assert held(other.artifacts) == held(settings.artifacts)


def test_what_landed_is_verified_and_rebuilt_from(settings):
    landing = Landing(settings.landing, Warehouse(settings.warehouse_url))
    assert landing.verify() == []
    sha256 = landing.entries()["sha256"].iloc[0]
    path = settings.landing / sha256[:2] / sha256
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    (settings.landing / "ff" / "by-hand").write_bytes(b"")
    damaged, orphan = landing.verify()
    assert str(path) in damaged
    assert "ff/by-hand" in orphan
    path.unlink()
    assert "Restore" in landing.verify()[0]
    landing._keep(sha256, content)
    assert landing.load(sha256) == content


def test_retention_removes_only_what_no_manifest_names(settings, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    folder = settings.artifacts / ISSUE
    artifacts.put(folder, {f"{'0' * 16}/report.pdf": b"%PDF of a former build"})
    before = held(settings.artifacts)
    young = remove(settings, datetime.now(UTC) - timedelta(days=1))
    assert (young.forms, young.landed) == (0, 0)
    done = remove(settings, datetime.now(UTC) + timedelta(days=1))
    assert (done.forms, done.form_bytes) == (1, len(b"%PDF of a former build"))
    assert held(settings.artifacts) == before
    assert artifacts.leftovers(settings.artifacts) == {}


def test_disk_shows_what_lies_in_the_bucket(settings):
    shown = usage(settings).set_index("part")
    label = f"artifacts ({settings.artifacts})"
    assert shown.loc[label, "files"] == len(FORMS) + 1
    assert shown.loc[label, "megabytes"] > 1
    assert shown.loc[f"landing ({settings.landing})", "files"] > 1


def test_the_doctor_tries_the_bucket_out_and_names_what_is_missing(settings, s3):
    before = s3.keys(str(settings.artifacts.parent))
    found = {one.subject: one for one in doctor.diagnose(settings, NOON)}
    assert found["artifacts folder"].level == doctor.OK
    assert found["landing"].level == doctor.OK
    assert s3.keys(str(settings.artifacts.parent)) == before
    broken = Settings(home=settings.home, artifacts="s3://no-such-bucket/artifacts")
    found = {one.subject: one for one in doctor.diagnose(broken, NOON)}
    assert found["artifacts folder"].level == doctor.FAIL
    assert "BJ_ARTIFACTS" in found["artifacts folder"].found
