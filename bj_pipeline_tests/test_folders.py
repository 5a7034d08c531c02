"""Folders that change as one, though many change them at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from bj_pipeline import folders
from bj_pipeline.outages import OutageError
from bj_pipeline.warehouse.store import connect

BUILDERS, ROUNDS, FILES = 8, 3, 20


def test_of_many_who_build_the_same_folder_each_builds_a_whole_one(tmp_path):
    target, start = tmp_path / "site", Barrier(BUILDERS)

    def build(builder: int) -> None:
        start.wait()
        for _ in range(ROUNDS):
            with folders.replaced(target) as new:
                for number in range(FILES):
                    (new / f"{number}.html").write_text(str(builder), encoding="utf-8")
                # Nobody who still clears the former folder away takes these.
                assert len(list(new.iterdir())) == FILES

    with ThreadPoolExecutor(BUILDERS) as pool:
        list(pool.map(build, range(BUILDERS)))
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    assert len({page.read_text(encoding="utf-8") for page in target.iterdir()}) == 1
    assert len(list(target.iterdir())) == FILES


def test_a_folder_that_is_removed_while_it_is_built_anew_is_whole_or_gone(tmp_path):
    target = tmp_path / "site"

    def build() -> None:
        for _ in range(ROUNDS):
            with folders.replaced(target) as new:
                for number in range(FILES):
                    (new / f"{number}.html").write_text("", encoding="utf-8")

    def remove() -> None:
        for _ in range(ROUNDS):
            folders.remove(target)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(build), pool.submit(remove)]:
            done.result()
    assert {path.name for path in tmp_path.iterdir()} <= {"site"}
    assert not target.exists() or len(list(target.iterdir())) == FILES


def test_a_place_where_no_folder_can_be_made_is_told_as_forbidden():
    with pytest.raises(OutageError, match=r"^/proc/nowhere may not be written .*set BJ_HOME"):
        connect("sqlite:////proc/nowhere/warehouse.db")
