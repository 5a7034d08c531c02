"""Secrets given to the program are in nothing that it writes or says.

Every file of the home is searched: databases as bytes, and what is packed in Office files and PDFs.
"""

import base64
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pymupdf
import pytest

from bj_pipeline_tests.command_line import CommandLine
from bj_pipeline_tests.sources.vendor_server import VendorServer

TOKEN = "4f1d9c0b-planted-tushare-token-7a6e5f4d"  # noqa: S105 - made up
ALERT = "planted+alert/password-91b3"
DATABASE = "planted@database:password-c55e"
SECRETS = (TOKEN, ALERT, DATABASE)
ENVIRONMENT = {
    "BJ_TUSHARE_TOKEN": TOKEN,
    "BJ_ALERT_URLS": f"json://bot:{quote(ALERT, safe='')}@127.0.0.1:1/hook",
}
UNREACHABLE = f"postgresql://bj:{quote(DATABASE, safe='')}@127.0.0.1:1/bj"


def spellings(secret: str) -> set[bytes]:
    """How a secret may be written: plain, in an address, in a header."""
    plain = secret.encode()
    return {plain, quote(secret, safe="").encode(), base64.b64encode(plain).rstrip(b"=")}


def contents(path: Path) -> Iterator[bytes]:
    """The bytes of a file, and those that are packed in it."""
    yield path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    elif path.suffix == ".pdf":
        with pymupdf.open(path) as document:
            numbers = range(1, document.xref_length())
            yield from (document.xref_stream(n) or b"" for n in numbers)


def places(folder: Path, *wanted: str) -> list[str]:
    """Files below a folder that hold one of the words, or are named after it."""
    looked_for = {spelling for word in wanted for spelling in spellings(word)}
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and any(
            spelling in text
            for text in (str(path.relative_to(folder)).encode(), *contents(path))
            for spelling in looked_for
        )
    ]


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> tuple[CommandLine, list[subprocess.CompletedProcess[str]]]:
    """A home after a week with secrets, good and bad, and all that was said meanwhile."""
    command_line = CommandLine(tmp_path_factory.mktemp("secrets") / "home")
    said = [command_line("run", "--issue", 65, **ENVIRONMENT)]
    with VendorServer() as server:
        # A vendor that quotes the token in its refusal.
        refusal = {"code": 40101, "msg": f"您的token {TOKEN} 不对，请确认。", "data": None}
        server.answer(lambda _: True, refusal)
        tushare = ENVIRONMENT | {"BJ_TUSHARE_URL": server.url}
        said.append(command_line("run", "--issue", 64, "--source", "tushare", **tushare))
        assert server.requests[0].json["token"] == TOKEN
    said += [
        command_line("alerts", "test", **ENVIRONMENT),
        command_line("issues", **ENVIRONMENT, BJ_DATABASE_URL=UNREACHABLE),
        command_line("backup", "--to", command_line.home / "backup", **ENVIRONMENT),
        command_line("doctor", **ENVIRONMENT, BJ_SOURCE="tushare"),
    ]
    return command_line, said


def test_the_week_went_as_meant(told):
    _, said = told
    run, refused, alert, database, backup, doctor = said
    assert (run.returncode, backup.returncode) == (0, 0), run.stderr + backup.stderr
    assert "BJ_TUSHARE_TOKEN" in refused.stderr
    assert "not sent" in alert.stdout
    assert "does not answer" in database.stderr
    assert "token set" in doctor.stdout


def test_no_file_holds_a_secret(told):
    command_line, _ = told
    assert places(command_line.home, *SECRETS) == []


def test_nothing_that_is_said_holds_a_secret(told):
    _, said = told
    for done in said:
        spoken = (done.stdout + done.stderr).encode()
        for secret in SECRETS:
            assert not [one for one in spellings(secret) if one in spoken], done.args


def test_the_search_finds_words_wherever_they_are(told):
    command_line, _ = told
    found = places(command_line.home, "command line")
    assert any(name.endswith("runs.db") or "runs.db-wal" in name for name in found)
    assert {"artifacts/issue-065/report.docx", "artifacts/issue-065/report.xlsx"} <= set(
        places(command_line.home, "并行科技")
    )
    assert "artifacts/issue-065/report.pdf" in places(command_line.home, "/FontDescriptor", "BT")
