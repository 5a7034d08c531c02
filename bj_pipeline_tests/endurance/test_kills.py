"""``kill -9`` at any moment: readers meet the old or the new, and the next run just runs.

What is built alternates between two versions where it can, so that half of each would be seen.
"""

import contextlib
import logging
import multiprocessing
import os
import random
import re
import shutil
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from sqlalchemy import create_engine, make_url

from bj_pipeline.automation import backfill
from bj_pipeline.automation.abandoned import close_abandoned_runs
from bj_pipeline.automation.backup import restore
from bj_pipeline.automation.home import dagster_environment
from bj_pipeline.automation.inbox_sensor import tick
from bj_pipeline.automation.inventory import FAILED, last_runs
from bj_pipeline.settings import Settings, load_settings
from bj_pipeline.sources.landing import Landing
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.migrate import HEAD, revision
from bj_pipeline.warehouse.store import Warehouse, connect
from bj_pipeline_tests.automation.home import quotes
from bj_pipeline_tests.endurance.programs import LEFT_TO_ENDURANCE, Home, Program
from bj_pipeline_tests.endurance.readers import half_issues, half_sites, mixed_tables, reading
from bj_pipeline_tests.warehouse.databases import postgresql_address
from bj_pipeline_tests.warehouse.test_migrate import NEXT, NEXT_REVISION, schema_with

ONE: dict[str, str] = {}
OTHER = {"BJ_PE_TTM_VENDORS": "wind,ifind,tushare,akshare"}
SEED = 20260227
_LOG = logging.getLogger(__name__)


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request, tmp_path) -> Home:
    """A new home, with its database."""
    return new_home(request, tmp_path / "home", request.param)


def new_home(request, folder: Path, database: str) -> Home:
    if database == "sqlite":
        return Home(folder, {})
    address = postgresql_address(request.getfixturevalue("postgresql"))
    return Home(folder, {"BJ_DATABASE_URL": address})


@pytest.fixture(scope="module")
def first_run(tmp_path_factory) -> tuple[Home, float]:
    """A home in which issue 65 was built in peace, and how many seconds that took."""
    home = Home(tmp_path_factory.mktemp("undisturbed") / "home", {})
    return home, seconds(home.start("run", "--issue", 65))


@pytest.fixture(scope="module")
def undisturbed(first_run, thorough) -> Home:
    """That home; thoroughly: the issue was approved then, and built anew from other figures."""
    home, _ = first_run
    shutil.copytree(home.folder / "artifacts", home.folder.parent / "first")
    if thorough:
        home.run("approve", 65, "--by", "analyst")
        home.run("run", "--issue", 65, **OTHER)
    return home


def leave_to_endurance(home: Home, thorough: bool) -> None:  # noqa: FBT001 - a fixture
    """Try a long test with SQLite alone, unless thoroughly."""
    if home.environment and not thorough:
        pytest.skip(LEFT_TO_ENDURANCE)


def settings(home: Home) -> Settings:
    return Settings(home=home.folder, database_url=home.environment.get("BJ_DATABASE_URL", ""))


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def copied(request, home: Home, folder: Path, database: str) -> Home:
    """Another installation with the same rows and files."""
    ignored = shutil.ignore_patterns("dagster*")
    shutil.copytree(home.folder, folder, ignore=ignored)
    copy = new_home(request, folder, database)
    if database == "postgresql":
        address = copy.environment["BJ_DATABASE_URL"]
        Home(folder, {}).run("transfer", "--to", address)
    return copy


def cloned(home: Home, folder: Path) -> Home:
    """As a home is now, for one kill; the database is copied by itself."""
    if home.folder.exists():
        shutil.copytree(home.folder, folder)
    address = home.environment.get("BJ_DATABASE_URL")
    if address is None:
        return Home(folder, {})
    url = make_url(address)
    name = f"{url.database}_{folder.name}"
    admin = create_engine(
        url.set(drivername="postgresql+psycopg", database="postgres"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {url.database}")
    admin.dispose()
    made = url.set(database=name).render_as_string(hide_password=False)
    return Home(folder, {"BJ_DATABASE_URL": made})


def seconds(program: Program) -> float:
    """How long a program takes in peace."""
    start = time.perf_counter()
    assert program.wait() == 0, program.printed
    return time.perf_counter() - start


def moments(longest: float, rounds: int) -> list[float]:
    """Moments of a program's life, each time the same ones."""
    chance = random.Random(SEED)  # noqa: S311 - repeatable
    return [chance.uniform(0, longest) for _ in range(rounds)]


def killed_at(program: Program, moment: float) -> None:
    """Kill a program when it has lived that many seconds."""
    program.process.join(moment)
    program.kill()
    _LOG.info("seed %d: killed after %.3f s", SEED, moment)


def killed(starts: Callable[[int], Program], longest: float, rounds: int) -> None:
    """Start a program that many times, and kill it each time at a moment of its own."""
    for at, moment in enumerate(moments(longest, rounds)):
        killed_at(starts(at), moment)


def places(folder: Path) -> set[str]:
    """Everything that lies in a home, but for Dagster's own and the database's."""
    mine = (path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    return {name for name in mine if not name.startswith(("dagster", "warehouse.db"))}


# --- runs ----------------------------------------------------------------------------------------


def test_a_run_that_is_killed_anywhere_is_made_good_by_the_next_one(
    home, first_run, undisturbed, thorough, monkeypatch
):
    leave_to_endurance(home, thorough)
    rounds = 100 if thorough else 2
    _, longest = first_run
    first = undisturbed.folder.parent / "first"

    def start(at: int) -> Program:
        return home.start("run", "--issue", 65, **(OTHER if at % 2 else ONE))

    with reading(
        lambda: half_issues(home.folder / "artifacts"),
        lambda: mixed_tables(settings(home).warehouse_url),
    ):
        killed(start, longest, rounds)
        home.run("run", "--issue", 65)
    assert files(home.folder / "artifacts") == files(first)
    assert {name for name in places(home.folder) if Path(name).name.startswith(".")} == set()
    assert not [run for run in runs(home, monkeypatch) if not run.is_finished]


def runs(home: Home, monkeypatch) -> list[dg.DagsterRun]:
    with instance(home, monkeypatch) as dagster:
        return list(dagster.get_runs())


def instance(home: Home, monkeypatch) -> dg.DagsterInstance:
    """Dagster's own of a home."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    environment = dagster_environment(settings(home))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return dg.DagsterInstance.from_config(environment["DAGSTER_HOME"])


def test_a_killed_run_neither_waits_in_the_queue_nor_looks_alive(home, thorough, monkeypatch):
    leave_to_endurance(home, thorough)
    program = home.start("run", "--issue", 65)
    wait_until((home.folder / "artifacts" / ".issue-065.new").exists, program)
    with instance(home, monkeypatch) as dagster:
        warehouse = Warehouse(settings(home).warehouse_url)
        # While it lives, nobody may think that it is dead.
        assert close_abandoned_runs(dagster, warehouse) == []
        assert not last_runs(dagster)[65].failed
        program.kill()
        close_abandoned_runs(dagster, warehouse)
        assert last_runs(dagster)[65].failed
        warehouse.engine.dispose()
    told = home.run("issues", "--wrong", BJ_FIRST_ISSUE="65")
    assert FAILED in told
    assert "ended from outside" in told


def wait_until(there: Callable[[], bool], program: Program) -> None:
    """Let a program go on until something is there."""
    while not there():
        program.process.join(0.02)
        assert program.process.exitcode is None, program.printed


BACKFILLED = "64-65"


def two_processes() -> None:
    """Build those issues as the command line does, by workers that need not import anything.

    They are forked from this process, which has opened no database.
    """
    context = multiprocessing.get_context
    multiprocessing.get_context = lambda _: context("fork")
    order = backfill.Order(load_settings(), "sample", None)
    for done in backfill.run(order, backfill.parse_numbers(BACKFILLED), jobs=2):
        assert not done.error


def living(group: int) -> list[int]:
    """Processes of a group that have not ended."""
    found = []
    for about in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, _, of = about.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if int(of) == group and state not in "ZX":
                found.append(int(about.parent.name))
    return found


def test_a_backfill_in_two_processes_goes_on_after_a_kill(home, tmp_path, thorough, monkeypatch):
    leave_to_endurance(home, thorough)
    rounds = 100 if thorough else 1
    quiet = Home(tmp_path / "quiet", {})
    longest = seconds(quiet.start("backfill", BACKFILLED)) / 2
    with reading(
        lambda: half_issues(home.folder / "artifacts"),
        lambda: mixed_tables(settings(home).warehouse_url),
    ):
        killed(lambda _: home.start_call(two_processes), longest, rounds)
        home.run("backfill", BACKFILLED, "--again", *(("--jobs", 2) if thorough else ()))
    assert files(home.folder / "artifacts") == files(quiet.folder / "artifacts")
    assert not [run for run in runs(home, monkeypatch) if not run.is_finished]


def test_the_workers_of_a_backfill_end_when_it_alone_is_killed(tmp_path):
    home = Home(tmp_path / "home", {})
    program = home.start_call(two_processes)
    group = program.process.pid
    wait_until(lambda: len(living(group)) > 2, program)
    program.process.kill()
    program.process.join()
    give_up = time.monotonic() + 60
    while living(group):
        assert time.monotonic() < give_up, living(group)
        time.sleep(0.05)


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_stops_a_backfill_at_once_and_the_same_command_goes_on(
    tmp_path, monkeypatch, jobs, thorough
):
    home = Home(tmp_path / "home", {})
    program = home.start("backfill", "63-65", "--jobs", jobs)
    group = program.process.pid
    wait_until(lambda: any((home.folder / "artifacts").glob("*/manifest.json")), program)
    os.killpg(group, signal.SIGINT)
    assert program.wait() == 130, program.printed
    assert re.search(r"^\d built, 0 there already, \d failed\.$", program.printed, re.MULTILINE)
    assert "Stopped." in program.printed
    assert living(group) == []
    ended = {run.status for run in runs(home, monkeypatch)}
    assert ended <= {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED}
    assert "failed" not in home.run("issues", "--wrong")
    if jobs > 1 and not thorough:
        return  # what goes on is the same, however many had been stopped
    assert "0 failed." in home.run("backfill", "63-65")
    assert len(list((home.folder / "artifacts").glob("issue-*/manifest.json"))) == 3


def test_a_worker_of_a_backfill_that_is_killed_takes_no_issue_with_it(tmp_path):
    home = Home(tmp_path / "home", {})
    program = home.start("backfill", BACKFILLED, "--jobs", 2)
    wait_until(lambda: len(workers(program)) == 2, program)
    os.kill(workers(program)[0], signal.SIGKILL)
    assert program.wait() == 0, program.printed
    assert "2 built, 0 there already, 0 failed." in program.printed


def workers(program: Program) -> list[int]:
    """Processes that a backfill has started to build issues."""
    marks = {number: Path(f"/proc/{number}/cmdline") for number in living(program.process.pid)}
    return [number for number, line in marks.items() if b"spawn_main" in line.read_bytes()]


# --- arrivals ------------------------------------------------------------------------------------


def take_inbox() -> None:
    """Take whatever lies in the inbox, as two ticks of the sensor do."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    cursor = tick(load_settings(), None, now).cursor
    tick(load_settings(), cursor, now)


def test_files_in_the_inbox_land_once_however_often_the_daemon_is_killed(home, thorough, tmp_path):
    leave_to_endurance(home, thorough)
    rounds = 100 if thorough else 3
    sent = {f"daily-{number}.csv": quotes(number) for number in (61, 62, 63, 64, 65)}

    def filled(there: Home) -> Home:
        there.folder.joinpath("inbox").mkdir(parents=True)
        for name, content in sent.items():
            (there.folder / "inbox" / name).write_text(content, encoding="utf-8")
        return there

    longest = seconds(filled(Home(tmp_path / "quiet", {})).start_call(take_inbox))
    filled(home)
    killed(lambda _: home.start_call(take_inbox), longest, rounds)
    seconds(home.start_call(take_inbox))
    warehouse = Warehouse(settings(home).warehouse_url)
    landing = Landing(home.folder / "landing", warehouse)
    assert landing.verify() == []
    assert sorted(landing.entries()["name"]) == sorted(sent)
    warehouse.engine.dispose()
    done = {path.name: path.read_text(encoding="utf-8") for path in home.folder.glob("inbox/*/*")}
    assert done == sent
    assert places(home.folder) >= {f"inbox/done/{name}" for name in sent}
    assert not list(home.folder.glob("landing/.*"))


# --- migrations ----------------------------------------------------------------------------------


def upgrade(folder: str) -> None:
    """Upgrade the warehouse to the revision of a later program."""
    engine = connect(load_settings().warehouse_url)
    schema_with(Path(folder), NEXT_REVISION).upgrade(engine)
    engine.dispose()


def test_a_killed_migration_leaves_the_old_tables_or_the_new_ones(home, thorough, tmp_path):
    rounds = 100 if thorough else 4
    many = [
        {"sector": "汽车", "rank": rank, "code": "920060.BJ", "name": "*ST云创", "change": 0.1}
        for rank in range(2000)
    ]
    warehouse = Warehouse(settings(home).warehouse_url)
    warehouse.replace(65, {tables.MOVERS: pd.DataFrame(many)})
    warehouse.engine.dispose()

    def start(name: str, there: Home) -> Program:
        (tmp_path / f"scripts-{name}").mkdir()
        return there.start_call(upgrade, str(tmp_path / f"scripts-{name}"))

    def state(there: Home) -> tuple[str | None, int, bool]:
        engine = connect(settings(there).warehouse_url)
        with engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT count(*) FROM movers").scalar_one()
            is_new = engine.dialect.has_table(connection, "holidays")
        found = revision(engine), rows, is_new
        engine.dispose()
        return found

    longest = seconds(start("quiet", cloned(home, tmp_path / "quiet")))
    old, new = (HEAD, len(many), False), (NEXT, len(many), True)
    for at, moment in enumerate(moments(longest, rounds)):
        there = cloned(home, tmp_path / f"round{at}")
        killed_at(start(f"round{at}", there), moment)
        assert state(there) in (old, new)
        if state(there) == old:
            seconds(start(f"again{at}", there))
        assert state(there) == new


# --- what readers get ----------------------------------------------------------------------------


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_readers_of_the_site_meet_the_old_one_or_the_new_one(
    request, undisturbed, database, thorough, tmp_path
):
    if database == "postgresql" and not thorough:
        pytest.skip(LEFT_TO_ENDURANCE)
    rounds = 100 if thorough else 3
    home = copied(request, undisturbed, tmp_path / "home", database)
    drafts = {"BJ_PUBLISH_DRAFTS": "true"}
    site = tmp_path / "srv" / "site"
    longest = seconds(home.start("site", "--to", tmp_path / "quiet", **drafts))
    with reading(lambda: half_sites(site)):
        killed(lambda _: home.start("site", "--to", site, **drafts), longest, rounds)
        home.run("site", "--to", site, **drafts)
    assert files(site) == files(tmp_path / "quiet")
    assert list(site.parent.iterdir()) == [site]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_killed_sign_off_publishes_nothing_or_all_of_it(
    request, undisturbed, database, thorough, tmp_path
):
    if database == "postgresql" and not thorough:
        pytest.skip(LEFT_TO_ENDURANCE)
    rounds = 30 if thorough else 2
    home = copied(request, undisturbed, tmp_path / "home", database)
    quiet = cloned(home, tmp_path / "quiet")
    approve = ("approve", 65, "--by", "analyst")
    longest = seconds(quiet.start(*approve))
    for at, moment in enumerate(moments(longest, rounds)):
        there = cloned(home, tmp_path / f"round{at}")
        with reading(lambda there=there: half_issues(there.folder / "published")):
            killed_at(there.start(*approve), moment)
            again = there.start(*approve)
            again.wait()
        assert again.process.exitcode == 0 or "was approved already" in again.printed
        assert files(there.folder / "published") == files(quiet.folder / "published")
        assert not list(there.folder.glob("published/.*"))


# --- backups -------------------------------------------------------------------------------------


def test_a_killed_backup_is_no_backup_and_leaves_nothing_for_long(undisturbed, thorough, tmp_path):
    rounds = 20 if thorough else 1
    disk = tmp_path / "disk"
    longest = seconds(undisturbed.start("backup", "--to", tmp_path / "quiet"))
    killed(lambda at: undisturbed.start("backup", "--to", disk / f"try-{at}"), longest, rounds)
    undisturbed.run("backup", "--to", disk / "last")
    assert {path.name for path in disk.iterdir()} <= {"last", *(f"try-{n}" for n in range(rounds))}
    for whole in disk.iterdir():
        restore(Settings(home=tmp_path / f"from-{whole.name}"), whole)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_killed_restore_is_simply_done_again(request, undisturbed, database, thorough, tmp_path):
    if database == "postgresql" and not thorough:
        pytest.skip(LEFT_TO_ENDURANCE)
    rounds = 20 if thorough else 2
    kept = tmp_path / "kept"
    undisturbed.run("backup", "--to", kept)
    empty = new_home(request, tmp_path / "empty", database)
    empty.folder.mkdir()
    quiet = cloned(empty, tmp_path / "quiet")
    longest = seconds(quiet.start("restore", "--from", kept))
    for at, moment in enumerate(moments(longest, rounds)):
        there = cloned(empty, tmp_path / f"round{at}")
        killed_at(there.start("restore", "--from", kept), moment)
        again = there.start("restore", "--from", kept)
        again.wait()
        # Killed after its last step it was done: then there is nothing to restore into.
        assert again.process.exitcode == 0 or "holds rows already" in again.printed
        assert files(there.folder / "artifacts") == files(undisturbed.folder / "artifacts")
        assert places(there.folder) == places(quiet.folder)
        assert not list(mixed_tables(settings(there).warehouse_url))
