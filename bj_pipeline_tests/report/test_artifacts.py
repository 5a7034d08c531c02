"""Finished files: readers meet one issue, whole, on a disk and in an object store."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from bj_pipeline.report import artifacts
from bj_pipeline.report.artifacts import FORMS, MANIFEST, sha256
from bj_pipeline.storage import Place, place

WRITER = """
import sys
from bj_pipeline.report import artifacts
from bj_pipeline.storage import place
from bj_pipeline_tests.report.test_artifacts import edition
artifacts.replace(place(sys.argv[1], "BJ_PUBLISHED"), edition(sys.argv[2]))
"""


def edition(text: str) -> dict[str, bytes]:
    """An issue with its manifest, and a former one below it."""
    forms = {name: f"{text} {name}".encode() for name in FORMS}
    record = [{"name": name, "sha256": sha256(held)} for name, held in forms.items()]
    whole = {**forms, MANIFEST: json.dumps({"said": text, "artifacts": record}).encode()}
    return whole | {f"revision-1/{name}": held for name, held in whole.items()}


def met(folder: Place) -> dict[str, bytes]:
    """What a reader gets who begins with the manifest."""
    return {name: path.read_bytes() for name, path in artifacts.finished(folder).items()}


def on_top(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: held for name, held in files.items() if "/" not in name}


@pytest.fixture(params=["disk", "object store"])
def folder(request, tmp_path) -> Place:
    """An issue's folder."""
    if request.param == "disk":
        return tmp_path / "published" / "issue-065"
    return place(request.getfixturevalue("s3").new_bucket(), "BJ_PUBLISHED") / "issue-065"


def test_an_issue_is_read_as_it_was_put(folder):
    assert met(folder) == {}
    artifacts.replace(folder, edition("first"))
    assert met(folder) == on_top(edition("first"))
    assert artifacts.contents(folder) == edition("first")
    artifacts.replace(folder, edition("second"))
    assert met(folder) == on_top(edition("second"))
    assert artifacts.contents(folder) == edition("second")


def test_an_issue_moves_between_a_disk_and_an_object_store(folder, tmp_path, s3):
    elsewhere = place(s3.new_bucket(), "BJ_WITHDRAWN") / "issue-065"
    for target in (elsewhere, tmp_path / "withdrawn"):
        artifacts.replace(folder, edition("first"))
        artifacts.take_away(folder, target)
        assert artifacts.contents(target) == edition("first")
        assert not artifacts.lies(folder)
        assert artifacts.contents(folder) == {}


def test_a_file_that_no_manifest_names_keeps_its_name(folder):
    artifacts.replace(folder, {**edition("first"), "notes.txt": b"mine"})
    assert artifacts.contents(folder)["notes.txt"] == b"mine"
    assert (folder / "notes.txt").read_bytes() == b"mine"


def test_manifests_of_many_issues_are_found_at_once(folder):
    artifacts.replace(folder, edition("first"))
    found = artifacts.manifests(folder.parent, ["issue-064", "issue-065"])
    assert found == {"issue-065": edition("first")[MANIFEST]}


def test_in_an_object_store_only_forms_of_no_manifest_are_left_over(s3):
    folder = place(s3.new_bucket(), "BJ_PUBLISHED") / "issue-065"
    artifacts.replace(folder, edition("first"))
    assert artifacts.leftovers(folder) == {}
    artifacts.put(folder, on_top(edition("second")))
    former = on_top(edition("first"))
    assert sum(artifacts.leftovers(folder).values()) == sum(len(former[name]) for name in FORMS)
    assert artifacts.leftovers(folder, [sha256(held) for held in former.values()]) == {}


@pytest.mark.parametrize("put", [1, 4, 9, 10])
def test_a_writer_killed_before_any_of_its_puts_leaves_the_issue_as_it_was(s3, put, thorough):
    """Eight forms and two manifests: the tenth PUT is the one that counts."""
    folder = place(s3.new_bucket(), "BJ_PUBLISHED") / "issue-065"
    artifacts.replace(folder, edition("first"))
    puts = range(1, 11) if thorough and put == 1 else [put]
    for at in puts:
        killed_at(at, s3, folder, f"second {at}")
        assert met(folder) == on_top(edition("first"))
    artifacts.replace(folder, edition("third"))
    assert artifacts.contents(folder) == edition("third")


def killed_at(put: int, s3, folder: Place, text: str) -> None:
    """Let a program write, and kill it before that PUT is done."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(folder), text]) as writer:
        seen: list[str] = []

        def strike(key: str) -> None:
            seen.append(key)
            if len(seen) == put:
                os.kill(writer.pid, signal.SIGKILL)
            if len(seen) >= put:
                raise ConnectionAbortedError

        s3.before_put = strike
        try:
            assert writer.wait(timeout=60) == -signal.SIGKILL
        finally:
            s3.before_put = None
    assert len(seen) >= put


def test_of_two_writers_one_wins_and_no_reader_meets_a_mixture(s3, thorough):
    folder = place(s3.new_bucket(), "BJ_ARTIFACTS") / "issue-065"
    said = [f"{who} {at}" for at in range(40 if thorough else 6) for who in ("Li", "Zhang")]
    artifacts.put(folder, edition("before"))
    right = {text: on_top(edition(text)) for text in ("before", *said)}
    with ThreadPoolExecutor(2) as pool:
        writing = [pool.submit(artifacts.put, folder, edition(text)) for text in said]
        while not all(done.done() for done in writing):
            forms = {name: held for name, held in met(folder).items() if name != MANIFEST}
            assert forms in [{name: one[name] for name in FORMS} for one in right.values()]
        for done in writing:
            done.result()
    assert met(folder) in list(right.values())


def test_a_withdrawal_that_was_killed_on_its_way_is_done_again(s3):
    shop = place(s3.new_bucket(), "BJ_PUBLISHED")
    folder, target = shop / "published", shop / "withdrawn"
    artifacts.replace(folder, edition("first"))
    artifacts.put(target, dict(list(edition("first").items())[:3]))
    artifacts.take_away(folder, target)
    assert artifacts.contents(target) == edition("first")
    with suppress(FileNotFoundError):
        artifacts.take_away(folder, target)
    assert artifacts.contents(folder) == {}
