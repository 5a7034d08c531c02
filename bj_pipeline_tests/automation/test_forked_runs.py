"""Runs that the daemon starts on one machine, each a fork of a process that has the libraries."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableRepository

from bj_pipeline.automation.forked_runs import LIBRARIES, ForkingLauncher
from bj_pipeline.automation.home import dagster_environment
from bj_pipeline.settings import Settings

_SECONDS = 180
"""For what takes five seconds at most; the rest is for a busy machine."""
_CODE = """
import os
import sys
import time
from pathlib import Path

import dagster as dg

HERE = Path(__file__).parent


@dg.asset
def told() -> None:
    (HERE / "told").write_text(f"{VERSION} {os.getpid()} {' '.join(sys.modules)}")
    while (HERE / "wait").exists():
        time.sleep(0.05)


defs = dg.Definitions([told], executor=dg.in_process_executor)
"""


class Machine:
    """Dagster as shipped, on one machine, with code of its own."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.folder, self.instance = folder, instance
        self.code = folder / "machine_code.py"
        self.write(version=1)

    def write(self, version: int) -> None:
        self.code.write_text(f"VERSION = {version}\n{_CODE}", encoding="utf-8")

    def launch(self) -> str:
        """As the daemon does it with a run from the queue."""
        repository = ReconstructableRepository.for_file(
            str(self.code), "defs", working_directory=str(self.folder)
        )
        job = repository.get_reconstructable_job("__ASSET_JOB")
        run = self.instance.create_run_for_job(
            job.get_definition(), job_code_origin=job.get_python_origin()
        )
        self.instance.launch_run(run.run_id, None)  # type: ignore[arg-type]
        return run.run_id

    def until(self, done: Callable[[], bool], run: str) -> None:
        deadline = time.monotonic() + _SECONDS
        while not done():
            assert time.monotonic() < deadline, self.instance.all_logs(run)
            time.sleep(0.5)

    def ended(self, run: str) -> dg.DagsterRunStatus:
        found = self.instance.get_run_by_id
        self.until(lambda: found(run).is_finished, run)
        return found(run).status

    def told(self) -> tuple[int, int, set[str]]:
        """What the run told of itself: version of the code, process, and modules imported."""
        version, process, *modules = (self.folder / "told").read_text().split()
        return int(version), int(process), set(modules)

    def begun(self, run: str) -> int:
        """Process of a run that waits, once it has begun."""
        told = self.folder / "told"
        self.until(lambda: told.exists() and bool(told.read_text()), run)
        return self.told()[1]


@pytest.fixture(scope="module", autouse=True)
def own_server():
    """A process has one fork server: that of other tests, with their libraries, makes way."""
    server = forkserver._forkserver
    theirs = list(server._preload_modules)
    server._stop()
    yield
    server._stop()
    server.set_forkserver_preload(theirs)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    for name, value in dagster_environment(Settings(home=tmp_path / "home")).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.run_launcher, ForkingLauncher)
        yield Machine(tmp_path, instance)


def test_a_run_is_a_process_of_its_own_that_finds_the_libraries_imported(machine):
    assert machine.ended(machine.launch()) == dg.DagsterRunStatus.SUCCESS
    _, process, modules = machine.told()
    assert process != os.getpid()
    assert set(LIBRARIES) <= modules


def test_a_run_is_of_the_code_as_it_is_when_it_begins(machine):
    machine.ended(machine.launch())
    machine.write(version=2)
    machine.ended(machine.launch())
    assert machine.told()[0] == 2


def test_a_run_stops_when_somebody_stops_it_in_the_ui(machine):
    (machine.folder / "wait").touch()
    run = machine.launch()
    machine.begun(run)
    assert machine.instance.run_launcher.terminate(run)
    assert machine.ended(run) == dg.DagsterRunStatus.CANCELED
    assert not machine.instance.run_launcher.terminate(run)


def test_a_killed_run_takes_no_other_one_with_it(machine):
    (machine.folder / "wait").touch()
    run = machine.launch()
    os.kill(machine.begun(run), signal.SIGKILL)
    (machine.folder / "wait").unlink()
    assert machine.ended(machine.launch()) == dg.DagsterRunStatus.SUCCESS
    assert not machine.instance.get_run_by_id(run).is_finished  # the sensor abandoned_runs sees it


def test_nothing_of_the_pipeline_and_no_thread_is_there_before_a_run_begins():
    code = (
        "import importlib, sys, threading\n"
        f"for name in {LIBRARIES!r}: importlib.import_module(name)\n"
        "print(threading.active_count())\n"
        "print(*(name for name in sys.modules if name.startswith('bj_pipeline')))\n"
    )
    variables = os.environ | {"GX_ANALYTICS_ENABLED": "false"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1"]
