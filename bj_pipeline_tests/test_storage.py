"""Places on a disk and in an object store, and what is said when the store is not there."""

import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bj_pipeline import storage
from bj_pipeline.errors import ConfigurationError
from bj_pipeline.settings import FOLDERS, Settings, load_settings
from bj_pipeline.storage import ObjectPath, StorageError, place
from bj_pipeline_tests.s3_server import ACCESS_KEY, SECRET_KEY, S3Server


def somewhere(server: S3Server) -> ObjectPath:
    found = place(f"{server.new_bucket()}/landing/", "BJ_LANDING")
    assert isinstance(found, ObjectPath)
    return found


def test_folders_lie_in_the_home_unless_a_setting_names_another_place(tmp_path, monkeypatch):
    monkeypatch.setenv("BJ_HOME", str(tmp_path))
    for name in FOLDERS:
        monkeypatch.delenv(f"BJ_{name.upper()}", raising=False)
    assert [getattr(load_settings(), name) for name in FOLDERS] == [tmp_path / n for n in FOLDERS]
    monkeypatch.setenv("BJ_LANDING", "")
    monkeypatch.setenv("BJ_ARTIFACTS", f"file://{tmp_path}/some%20reports")
    monkeypatch.setenv("BJ_PUBLISHED", "out")
    monkeypatch.setenv("BJ_WITHDRAWN", "s3://bucket/withdrawn/")
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert settings.landing == tmp_path / "landing"
    assert settings.artifacts == tmp_path / "some reports"
    assert settings.published == tmp_path / "out"
    assert str(settings.withdrawn / "issue-065") == "s3://bucket/withdrawn/issue-065"


@pytest.mark.parametrize(
    "url",
    [
        f"s3://{ACCESS_KEY}:{SECRET_KEY}@bucket/artifacts",
        f"s3://bucket/artifacts?X-Amz-Signature={SECRET_KEY}",
        "ftps://server/artifacts",
        "s3:///artifacts",
        "file://artifacts",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_secret(url, monkeypatch):
    monkeypatch.setenv("BJ_ARTIFACTS", url)
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    assert str(refused.value).startswith("BJ_ARTIFACTS: ")
    assert str(refused.value).count("\n") == 0
    assert SECRET_KEY not in str(refused.value)


def test_a_plain_path_loads_nothing_of_object_stores():
    program = (
        "import sys; from bj_pipeline.settings import load_settings as load; load();"
        "assert 'sqlalchemy' not in sys.modules;"
        "from bj_pipeline.report import artifacts; from bj_pipeline.sources import landing;"
        "artifacts.catalogue(load().artifacts);"
        "print([name for name in ('fsspec', 's3fs', 'aiohttp', 'tenacity') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_what_was_put_is_there_at_once_and_gone_when_it_is_removed(s3):
    folder = somewhere(s3)
    (folder / "ab" / "cd").write_bytes(b"one")
    storage.write_contents(folder, {"ab/ef": b"two", "x": b""})
    assert storage.sizes(folder) == {"ab/cd": 3, "ab/ef": 3, "x": 0}
    assert storage.contents(folder, ["ab/cd", "x", "y"]) == {"ab/cd": b"one", "x": b""}
    assert [storage.content(folder / name) for name in ("x", "y", "ab")] == [b"", None, None]
    assert [storage.size(folder / name) for name in ("x", "y", "ab")] == [0, None, None]
    (folder / "x").unlink()
    (folder / "x").unlink(missing_ok=True)
    assert "x" not in storage.sizes(folder)
    assert storage.sizes(folder / "nothing") == {}


def test_another_program_s_files_are_seen_although_the_folder_was_read_before(s3):
    folder = somewhere(s3)
    assert storage.sizes(folder) == {}
    bucket = folder.parent.name
    s3.client().put_object(Bucket=bucket, Key="landing/late", Body=b"late")
    assert storage.sizes(folder) == {"late": 4}
    assert (folder / "late").read_text() == "late"


@pytest.mark.usefixtures("s3")
def test_a_missing_bucket_is_told_with_the_setting_that_names_it():
    nowhere = place("s3://no-such-bucket/landing", "BJ_LANDING")
    for ask in (nowhere.read_bytes, nowhere.size, nowhere.sizes, lambda: nowhere.write_bytes(b"")):
        with pytest.raises(
            StorageError, match=r"^s3://no-such-bucket/landing \(BJ_LANDING\).*Make"
        ):
            ask()


def test_a_refused_key_is_told_and_never_shown(s3, caplog):
    folder = somewhere(s3)
    with caplog.at_level(logging.INFO), s3.asking_who():
        for ask in (folder.sizes, lambda: folder.write_bytes(b"")):
            with pytest.raises(StorageError, match="AWS_ACCESS_KEY_ID") as refused:
                ask()
            told = f"{refused.value!r} {refused.value.__cause__!r} {caplog.text}"
            assert refused.value.__suppress_context__
            assert ACCESS_KEY not in told
            assert SECRET_KEY not in told
            assert "\n" not in str(refused.value)
    assert folder.sizes() == {}


def test_without_a_key_it_is_said_where_to_set_one(s3, monkeypatch, tmp_path):
    folder = somewhere(s3)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StorageError, match="AWS_ACCESS_KEY_ID"):
        folder.sizes()


def test_a_store_that_stays_away_is_told_with_its_address(s3, monkeypatch):
    monkeypatch.setattr(storage, "_PATIENCE_SECONDS", 0.2)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    folder = somewhere(s3)
    with s3.away(), pytest.raises(StorageError, match=r"does not answer .*AWS_ENDPOINT_URL"):
        folder.write_bytes(b"")
    folder.write_bytes(b"back")
    assert folder.read_bytes() == b"back"


def test_a_store_that_is_away_for_a_moment_is_waited_for(s3, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    folder = somewhere(s3)
    folder.write_bytes(b"before")
    with ThreadPoolExecutor(1) as pool:
        with s3.away():
            writing = pool.submit(folder.write_bytes, b"after")
            with pytest.raises(TimeoutError):
                writing.result(timeout=1)
        writing.result(timeout=60)
    assert folder.read_bytes() == b"after"


def test_a_package_that_is_not_installed_is_named_with_our_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ossfs", None)
    with pytest.raises(StorageError, match=r"pip install 'bj-pipeline\[oss\]'"):
        (place("oss://bucket/landing", "BJ_LANDING") / "x").read_bytes()


def test_settings_take_a_place_as_they_take_a_path(tmp_path):
    settings = Settings(home=tmp_path, landing=Path(tmp_path / "a"), artifacts="s3://b/c")
    assert settings.landing == tmp_path / "a"
    assert settings.artifacts == place("s3://b/c", "BJ_ARTIFACTS")
