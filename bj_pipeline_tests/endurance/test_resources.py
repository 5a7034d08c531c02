"""What a program needs is gone: it says in a line what to do, and leaves nothing half written."""

import errno
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url

from bj_pipeline import outages
from bj_pipeline.cli import main
from bj_pipeline.issues import by_number
from bj_pipeline.outages import OutageError
from bj_pipeline.settings import Settings
from bj_pipeline.sources import Delivery
from bj_pipeline.sources.inbox import InboxSource, understood
from bj_pipeline.sources.landing import Landing
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline_tests.automation.home import quotes
from bj_pipeline_tests.endurance.programs import Home, Program
from bj_pipeline_tests.endurance.readers import half_issues, mixed_tables, reading
from bj_pipeline_tests.warehouse.databases import postgresql_address

NOON = datetime(2026, 2, 27, 12, tzinfo=UTC)


def one_line(program: Program) -> str:
    """The error that a program ended with, which must be told in one line."""
    assert program.wait() == OutageError.exit_code, program.printed
    assert "Traceback" not in program.printed
    (error,) = [line for line in program.printed.splitlines() if line.startswith("Error: ")]
    return error


# --- disks ---------------------------------------------------------------------------------------


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of that size, which only root can make."""
    folder.mkdir(parents=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("only root can mount a disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def fill(folder: Path, free_kilobytes: int) -> Path:
    """Fill a disk but for so much."""
    ballast = folder / "ballast"
    room = shutil.disk_usage(folder).free - free_kilobytes * 1024
    ballast.write_bytes(bytes(max(room, 0)))
    return ballast


def test_a_full_disk_is_told_and_the_next_run_goes_on_when_there_is_room(thorough, tmp_path):
    with disk(tmp_path / "disk", 64) as place:
        home = Home(place / "home", {}, tmp_path)
        sizes = (100, 1000, 2000, 3000, 4000, 5000, 6000) if thorough else (4500,)
        for free in sizes:
            ballast = fill(place, free)
            with reading(lambda: half_issues(home.folder / "artifacts")):
                told = one_line(home.start("run", "--issue", 65))
            assert "the disk" in told
            assert "bj-pipeline disk" in told
            ballast.unlink()
            shutil.rmtree(home.folder)
        ballast = fill(place, sizes[-1])
        one_line(home.start("run", "--issue", 65))
        assert not list(mixed_tables(Settings(home=home.folder).warehouse_url))
        ballast.unlink()
        assert home.start("run", "--issue", 65).wait() == 0
        assert not list(half_issues(home.folder / "artifacts"))


def test_an_artifact_folder_that_may_not_be_written_is_named(thorough, tmp_path):
    with disk(tmp_path / "srv", 1) as place:
        home = Home(tmp_path / "home", {"BJ_ARTIFACTS": str(place)})
        remount(place, "ro")
        told = one_line(home.start("run", "--issue", 65))
        assert str(place) in told
        assert "right to write" in told
        if thorough:
            remount(place, "rw,size=64m")
            home.run("run", "--issue", 65)
            assert not list(half_issues(place))


def test_a_warehouse_that_may_not_be_written_is_named(tmp_path):
    with disk(tmp_path / "srv", 32) as place:
        home = Home(tmp_path / "home", {"BJ_DATABASE_URL": f"sqlite:///{place / 'w.db'}"})
        home.run("landing", "list")
        remount(place, "ro")
        told = one_line(home.start("run", "--issue", 65))
        assert str(place) in told


@pytest.mark.parametrize("name", ["artifacts", "landing", "dagster", "warehouse.db"])
def test_what_lies_where_a_folder_or_file_is_due_is_named_with_what_to_do(tmp_path, name):
    home = Home(tmp_path / "home", {}, tmp_path)
    home.folder.mkdir()
    wrong = home.folder / name
    if name == "warehouse.db":
        wrong.mkdir()
    else:
        wrong.touch()
    told = one_line(home.start("run", "--issue", 65))
    assert str(wrong) in told
    assert "BJ_HOME" in told


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "ulimit"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "ulimit"),
        (MemoryError(), "no memory left"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "/srv/a"), "/srv/a"),
        (OSError(errno.ELOOP, "Too many levels of symbolic links", "/srv/a"), "/srv/a"),
    ],
)
def test_a_machine_without_the_means_for_a_run_says_which_and_what_to_do(error, told):
    failure = RuntimeError("a step failed")
    failure.__cause__ = error
    meant = outages.meaning(failure)
    assert meant is not None
    assert told in str(meant)
    assert "do the same again" in str(meant)


# --- databases -----------------------------------------------------------------------------------


class Line:
    """A line to a PostgreSQL server that can be cut, at once or after so many bytes."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self.budget = float("inf")
        self.is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self.is_cut:
                    near.close()
                    continue
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._server)
                self._open += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while sent := source.recv(65536):
                self.budget -= len(sent)
                if self.budget < 0:
                    self.cut()
                target.sendall(sent)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Cut every connection; new ones are cut at once until it is mended."""
        self.is_cut = True
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self, budget: float = float("inf")) -> None:
        """Let the server be reached again, for so many bytes."""
        self.budget = budget
        self.is_cut = False

    def close(self) -> None:
        self.cut()
        self._listener.close()


def run_without_patience() -> None:
    """Build issue 65, and believe at once that a database which is away will stay so."""
    outages._RESTART_SECONDS = 1.0
    main(["run", "--issue", "65"])


@pytest.fixture
def line(postgresql) -> Iterator[Line]:
    folder = make_url(postgresql).query["host"]
    with closing(Line(f"{folder}/.s.PGSQL.5432")) as made:
        yield made


def test_a_run_whose_database_is_cut_off_says_so_and_the_next_one_goes_on(
    postgresql,
    line,
    thorough,
    tmp_path,
):
    direct = postgresql_address(postgresql)
    url = make_url(direct).set(host="127.0.0.1", port=line.port, query={})
    address = url.render_as_string(hide_password=False)
    home = Home(tmp_path / "home", {"BJ_DATABASE_URL": address})
    home.run("landing", "list")
    sizes = (5e4, 1e6, 2e6, 4e6, 6e6, 8e6, 1e7) if thorough else (3e6,)
    told = []
    for budget in sizes:
        line.mend(budget)
        with reading(lambda: half_issues(home.folder / "artifacts"), lambda: mixed_tables(direct)):
            program = home.start_call(run_without_patience)
            # The last ones may be enough for a whole run.
            if program.wait():
                told.append(one_line(program))
        assert "planted-secret" not in program.printed
    assert told
    assert all("does not answer" in error for error in told)
    home.run("run", "--issue", 65, BJ_DATABASE_URL=direct)
    assert not list(half_issues(home.folder / "artifacts"))
    assert not list(mixed_tables(direct))


def test_dagsters_own_storage_that_is_cut_off_is_told_as_that(postgresql, line, tmp_path):
    url = make_url(postgresql_address(postgresql)).set(host="127.0.0.1", port=line.port, query={})
    address = url.render_as_string(hide_password=False)
    home = Home(tmp_path / "home", {"BJ_DATABASE_URL": address})
    home.run("issues", "--wrong")
    line.cut()
    error = one_line(home.start("issues", "--wrong"))
    assert "Dagster's own" in error
    assert "does not answer" in error


# --- clocks --------------------------------------------------------------------------------------


def test_a_file_that_came_after_the_clock_was_set_back_is_the_newest(tmp_path):
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'w.db'}")
    hours = iter([12, 11, 11])
    landing = Landing(tmp_path / "landing", warehouse, lambda: NOON.replace(hour=next(hours)))
    for scale in (1.0, 2.0):
        landing.store(understood("daily.csv", quotes(65, scale=scale).encode()))
    (read,) = InboxSource(landing).deliver(by_number(65), tables.RAW_QUOTES)
    assert read.content == quotes(65, scale=2.0).encode()


def test_an_answer_that_came_after_the_clock_was_set_back_is_the_newest(tmp_path):
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'w.db'}")
    hours = iter([12, 11])
    landing = Landing(tmp_path / "landing", warehouse, lambda: NOON.replace(hour=next(hours)))
    for content in (b"first", b"second"):
        landing.store(Delivery("tushare", "daily.csv", content, "daily", {"day": "20260227"}))
    newest = landing.find("tushare", "daily", {"day": "20260227"})
    assert newest is not None
    assert newest.content == b"second"
    assert newest.fetched_at == NOON + timedelta(microseconds=1)


# --- surroundings --------------------------------------------------------------------------------

ODD = '数据 "50%" #1\'s home'
HOSTILE = {
    "HOME": "/nonexistent",
    "TMPDIR": "/nonexistent",
    "LC_ALL": "zh_CN.GB18030",
    "PYTHONIOENCODING": "latin-1",
}


def started(
    home: Path, *arguments: str, redirection: str = "", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the program in an environment that holds nothing else, perhaps inside a shell's line."""
    program = str(Path(sys.executable).parent / "bj-pipeline")
    command = ["sh", "-c", f'umask 077; "$0" "$@" {redirection}', program, *arguments]
    given = {"PATH": os.environ["PATH"], "BJ_HOME": str(home), **environment}
    if "PYTHONPATH" in os.environ:
        given["PYTHONPATH"] = os.environ["PYTHONPATH"]
    return subprocess.run(command, env=given, cwd=home.parent, capture_output=True, check=False)


def test_an_issue_is_built_without_a_home_in_an_odd_folder_and_a_missing_locale(
    sample_issue, tmp_path
):
    home = tmp_path / ODD / "home"
    home.parent.mkdir()
    done = started(home, "run", "--issue", "65", redirection="<&-", **HOSTILE)
    assert done.returncode == 0, done.stderr
    for path in (home / "artifacts" / "issue-065").iterdir():
        assert path.read_bytes() == sample_issue.artifact(65, path.name).read_bytes()
    lines = [line for line in done.stderr.decode().splitlines() if "Matplotlib" not in line]
    assert lines == ["Issue 65"]


def test_python_without_its_documentation_is_refused_before_anything_is_made(tmp_path):
    refused = started(tmp_path / "home", "run", "--issue", "65", PYTHONOPTIMIZE="2")
    assert refused.returncode == 2
    assert b"PYTHONOPTIMIZE" in refused.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a%20b", "what?"])
def test_a_home_that_no_address_of_a_database_can_hold_is_refused(tmp_path, name):
    refused = started(tmp_path / name, "issues")
    assert refused.returncode == 2
    assert b"BJ_HOME" in refused.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("locale", ["C", "zh_CN.GB18030"])
def test_a_table_is_printed_under_any_locale(sample_issue, locale):
    shown = started(sample_issue.home, "show", "sector_metrics", LC_ALL=locale)
    assert shown.returncode == 0, shown.stderr
    assert "电子设备" in shown.stdout.decode()


def test_an_encoding_without_chinese_gets_escapes_for_people_and_an_error_for_scripts(sample_issue):
    few = {"PYTHONIOENCODING": "latin-1"}
    shown = started(sample_issue.home, "show", "sector_metrics", **few)
    assert shown.returncode == 0
    assert rb"\u7535\u5b50\u8bbe\u5907" in shown.stdout
    whole = started(sample_issue.home, "show", "sector_metrics", "--format", "csv", **few)
    assert (whole.returncode, whole.stdout) == (2, b"")
    assert b"PYTHONIOENCODING=utf-8" in whole.stderr


@pytest.mark.parametrize("redirection", ["| head -n 1", ">&-", "2>&-", ">&- 2>&- <&-"])
def test_a_reader_that_goes_away_causes_no_complaint(sample_issue, redirection):
    done = started(sample_issue.home, "show", "facts", "--format", "csv", redirection=redirection)
    assert done.returncode == 0
    assert done.stderr == b""


def test_output_that_does_not_fit_on_the_disk_is_an_error(sample_issue):
    done = started(sample_issue.home, "show", "facts", "--format", "csv", redirection=">/dev/full")
    assert done.returncode == OutageError.exit_code
    assert b"disk is full" in done.stderr
    assert b"Traceback" not in done.stderr
