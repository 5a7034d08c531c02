"""What many tests share: an issue of the sample, built once by the command line."""

from contextlib import ExitStack
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from bj_pipeline.automation import collecting
from bj_pipeline_tests import warm
from bj_pipeline_tests.command_line import CommandLine
from bj_pipeline_tests.postgresql import empty_postgresql, postgresql
from bj_pipeline_tests.s3_server import s3, s3_server

__all__ = ["empty_postgresql", "postgresql", "s3", "s3_server"]  # fixtures of every test


def pytest_addoption(parser: pytest.Parser) -> None:
    """Give ``make endurance`` its hours; the everyday suite tries the same things fewer times."""
    parser.addoption("--thorough", action="store_true", help="try everything as often as it takes")


def pytest_configure(config: pytest.Config) -> None:
    """Let all processes of a session start programs from one that has their imports behind it.

    They look for garbage as seldom as a program that builds issues does.
    """
    collecting.rarely()
    if not hasattr(config, "workerinput"):
        stack = ExitStack()
        stack.enter_context(warm.programs())
        config.add_cleanup(stack.close)


_SERVERS = (
    "test_deployment.py",
    "test_ui_backfill.py",
    "test_dagster_ui.py",
    "test_dagster_red_check.py",
)
"""Files that wait for servers most of the time, and for several at once in vain."""
_LONGEST = (
    *_SERVERS,
    "test_kills.py",
    "test_runbook.py",
    "test_resources.py",
    "test_conditions.py",
    "test_properties.py",
    "test_cli.py",
    "test_forked_runs.py",
    "test_strikes.py",
    "test_object_store.py",
)


class _ServersInTurn(LoadFileScheduling):
    """A file to a process, and one of them takes all files with servers, one after the other."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "servers" if file.endswith(_SERVERS) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ServersInTurn | None:
    """Let no two files run servers at the same time, in whatever number of processes."""
    return _ServersInTurn(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no process is left with one at the end."""
    places = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(scope="session")
def thorough(request) -> bool:
    """Whether a test that tries something at random tries it as often as an endurance run does."""
    return bool(request.config.getoption("--thorough"))


@pytest.fixture(scope="session")
def sample_issue(tmp_path_factory) -> CommandLine:
    """A home in which issue 65 was built from the embedded sample; tests only read it."""
    command_line = CommandLine(tmp_path_factory.mktemp("sample") / "home")
    done = command_line("run", "--issue", 65)
    assert done.returncode == 0, done.stderr
    return command_line


@pytest.fixture
def command_line(tmp_path) -> CommandLine:
    """A home of the test's own."""
    return CommandLine(tmp_path / "home")
