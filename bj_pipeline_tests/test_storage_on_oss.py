"""Places in Aliyun's object store, through the vendor's own client and a server on this machine."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from bj_pipeline import storage
from bj_pipeline.storage import ObjectPath, StorageError, place
from bj_pipeline_tests.oss_server import (
    ACCESS_KEY,
    SECRET_KEY,
    OssServer,
    oss,
    read_settings_again,
)

__all__ = ["oss"]  # a fixture


def somewhere(server: OssServer) -> ObjectPath:
    found = place(f"{server.new_bucket()}/landing/", "BJ_LANDING")
    assert isinstance(found, ObjectPath)
    return found


def test_what_was_put_is_there_at_once_and_gone_when_it_is_removed(oss):
    folder = somewhere(oss)
    (folder / "ab" / "cd").write_bytes(b"one")
    storage.write_contents(folder, {"ab/ef": b"two", "x": b"", "周报.docx": b"report"})
    assert storage.sizes(folder) == {"ab/cd": 3, "ab/ef": 3, "x": 0, "周报.docx": 6}
    assert storage.contents(folder, ["ab/cd", "x", "y"]) == {"ab/cd": b"one", "x": b""}
    assert [storage.content(folder / name) for name in ("x", "y", "ab")] == [b"", None, None]
    assert [storage.size(folder / name) for name in ("x", "y", "ab")] == [0, None, None]
    (folder / "x").unlink()
    (folder / "x").unlink(missing_ok=True)
    assert "x" not in storage.sizes(folder)
    assert storage.sizes(folder / "nothing") == {}


def test_a_file_that_is_not_there_cannot_be_removed_unless_that_is_all_right(oss):
    folder = somewhere(oss)
    (folder / "nothing").unlink(missing_ok=True)


def test_a_folder_of_many_files_is_seen_whole(oss):
    folder = somewhere(oss)
    files = {f"{number:03d}": b"x" for number in range(250)}  # more than a page of the listing
    storage.write_contents(folder, files)
    assert storage.sizes(folder) == dict.fromkeys(files, 1)


def test_a_large_file_goes_in_parts_and_comes_back_whole(oss):
    folder = somewhere(oss)
    content = bytes(range(256)) * 50_000  # 12.8 MB, in parts of 5
    (folder / "large").write_bytes(content)
    assert sum("partNumber" in query for _, query in oss.asked) == 3
    assert (folder / "large").read_bytes() == content
    assert storage.size(folder / "large") == len(content)


def test_when_a_file_was_written_is_told_in_any_time_zone(oss, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    folder = somewhere(oss)
    (folder / "x").write_bytes(b"")
    assert abs((folder / "x").modified() - datetime.now(UTC)) < timedelta(minutes=1)


def test_another_program_s_files_are_seen_although_the_folder_was_read_before(oss):
    folder = somewhere(oss)
    assert storage.sizes(folder) == {}
    other = somewhere(oss)
    (other / "late").write_bytes(b"late")
    oss.buckets[folder.parent.name].update(oss.buckets[other.parent.name])
    assert storage.sizes(folder) == {"late": 4}
    assert (folder / "late").read_text() == "late"


@pytest.mark.usefixtures("oss")
def test_a_missing_bucket_is_told_with_the_setting_that_names_it():
    nowhere = place("oss://no-such-bucket/landing", "BJ_LANDING")
    for ask in (nowhere.read_bytes, nowhere.size, nowhere.sizes, lambda: nowhere.write_bytes(b"")):
        with pytest.raises(
            StorageError, match=r"^oss://no-such-bucket/landing \(BJ_LANDING\).*Make"
        ):
            ask()


@pytest.mark.parametrize(
    ("variable", "wrong"),
    [("FSSPEC_OSS_KEY", "LTAISOMEBODYELSE"), ("FSSPEC_OSS_SECRET", "another-secret-of-aliyun")],
)
def test_a_refused_key_is_told_and_never_shown(oss, monkeypatch, variable, wrong):
    folder = somewhere(oss)
    monkeypatch.setenv(variable, wrong)
    read_settings_again()
    for ask in (folder.sizes, lambda: folder.write_bytes(b"")):
        with pytest.raises(StorageError, match="FSSPEC_OSS_KEY") as refused:
            ask()
        told = f"{refused.value!r} {refused.value.__cause__!r}"
        assert not [secret for secret in (ACCESS_KEY, SECRET_KEY, wrong) if secret in told]
        assert "\n" not in str(refused.value)


def test_a_store_that_stays_away_is_told_with_its_address(oss, monkeypatch):
    monkeypatch.setattr(storage, "_PATIENCE_SECONDS", 0.2)
    folder = somewhere(oss)
    with oss.away(), pytest.raises(StorageError, match=r"does not answer .*FSSPEC_OSS_ENDPOINT"):
        folder.write_bytes(b"")
    folder.write_bytes(b"back")
    assert folder.read_bytes() == b"back"


def test_a_store_that_is_away_for_a_moment_is_waited_for(oss):
    folder = somewhere(oss)
    with ThreadPoolExecutor(1) as pool:
        with oss.away():
            writing = pool.submit(folder.write_bytes, b"after")
            with pytest.raises(TimeoutError):
                writing.result(timeout=1)
        writing.result(timeout=60)
    assert folder.read_bytes() == b"after"
