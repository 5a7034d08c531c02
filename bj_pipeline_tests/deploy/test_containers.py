"""Commands and health checks of ``deploy/compose.yaml``, run here as their containers run them.

What belongs here: one service's command or check by itself. What does not: the services together
(``test_deployment.py``).
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from bj_pipeline_tests.command_line import PROJECT
from bj_pipeline_tests.end_to_end.dev_server import free_port

LOOPBACK = "127.0.0.1"
PASSWORD = "planted-broker-password"  # noqa: S105
SECONDS = 60


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    loaded = yaml.safe_load((PROJECT / "deploy/compose.yaml").read_text(encoding="utf-8"))
    return dict(loaded["services"])


@pytest.fixture
def port() -> int:
    with socket.socket() as listening:
        listening.bind((LOOPBACK, 0))
        return int(listening.getsockname()[1])


def in_container(words: list[str], replaced: dict[str, str]) -> list[str]:
    """What a container runs, with this machine's places in it; each that is replaced is there."""
    for old, new in replaced.items():
        assert any(old in word for word in words), old
        words = [word.replace(old, new) for word in words]
    return [word.replace("$$", "$") for word in words]


@pytest.fixture
def broker(services, port, tmp_path) -> Iterator[subprocess.Popen[bytes]]:
    """The broker's command; Redis answers for Valkey, whose ancestor it is."""
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip("redis-server is not installed")
    (tmp_path / "broker_password").write_text(PASSWORD, encoding="utf-8")
    entry = tmp_path / "docker-entrypoint.sh"
    entry.write_text(f'#!/bin/sh\nshift\nexec {server} "$@" --port {port} --bind {LOOPBACK}\n')
    entry.chmod(0o755)
    places = {"/run/secrets": str(tmp_path), "dir /data": f"dir {tmp_path}"}
    running = subprocess.Popen(
        in_container(services["broker"]["command"], places),
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL,
    )
    yield running
    running.kill()
    running.wait()


def ask_broker(port: int, *lines: str) -> str:
    with socket.create_connection((LOOPBACK, port), timeout=SECONDS) as connection:
        connection.sendall("".join(f"{line}\r\n" for line in (*lines, "QUIT")).encode())
        return b"".join(iter(lambda: connection.recv(4096), b"")).decode()


def await_broker(port: int) -> None:
    until = time.monotonic() + SECONDS
    while True:
        try:
            ask_broker(port)
        except ConnectionRefusedError:
            assert time.monotonic() < until, "The broker does not start."
            time.sleep(0.05)
        else:
            return


def test_the_broker_lets_in_nobody_without_its_password_and_keeps_what_it_was_handed(
    broker, port, tmp_path
):
    await_broker(port)
    assert "NOAUTH" in ask_broker(port, "SET run 65")
    assert ask_broker(port, f"AUTH {PASSWORD}", "SET run 65").count("+OK") >= 2
    assert (tmp_path / "appendonlydir").is_dir() or (tmp_path / "appendonly.aof").exists()
    assert broker.poll() is None


def test_the_broker_stops_when_it_is_told_and_is_not_killed(broker, port):
    await_broker(port)
    broker.send_signal(signal.SIGTERM)  # to the container's first process, as `docker stop` does
    assert broker.wait(SECONDS) == 0
    with pytest.raises(ConnectionRefusedError):
        ask_broker(port)


@pytest.mark.parametrize(("status", "is_well"), [("SERVING", True), ("NOT_SERVING", False)])
def test_the_code_server_is_well_when_it_serves(services, port, status, is_well):
    grpc = pytest.importorskip("grpc")
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc

    servicer = health.HealthServicer()
    servicer.set("DagsterApi", health_pb2.HealthCheckResponse.ServingStatus.Value(status))
    server = grpc.server(ThreadPoolExecutor(max_workers=1))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    server.add_insecure_port(f"{LOOPBACK}:{port}")
    server.start()
    try:
        assert (check_code(services, port).returncode == 0) is is_well
    finally:
        server.stop(None)


def test_a_code_server_that_is_away_is_not_well(services, port):
    assert check_code(services, port).returncode != 0


def check_code(services: dict[str, Any], port: int) -> subprocess.CompletedProcess[bytes]:
    kind, *words = services["code"]["healthcheck"]["test"]
    assert (kind, words[0]) == ("CMD", "python")
    words = in_container(words[1:], {"127.0.0.1:4000": f"{LOOPBACK}:{port}"})
    return subprocess.run([sys.executable, *words], capture_output=True, check=False)


def test_the_database_is_well_only_when_other_containers_reach_it(services):
    # While the image fills an empty volume, a server answers on its socket that is then stopped.
    words = services["postgres"]["healthcheck"]["test"][1].split()
    assert words[words.index("--host") + 1] == LOOPBACK


def test_checks_that_ask_the_database_are_given_its_address(services):
    for name in ("code", "daemon", "worker", "webserver", "viewer"):
        words = services[name]["healthcheck"]["test"]
        if words[1].startswith(("dagster", "bj-pipeline")):
            pytest.fail(f"{name} is checked without its secrets: {words}")
    assert services["daemon"]["healthcheck"]["test"][1].endswith("/entrypoint.sh")


def becoming(ask: str, command: str, folder: Path, **settings: Any) -> str:
    """What another program prints in whose place the one that a command becomes is started.

    Args:
        ask: Arguments of Python in place of those that the command has; ``program`` is its module.
        command: ``dev`` or ``worker``.
        folder: Holds the home, and Python under another name.
        settings: Of the process.
    """
    python = folder / "python3"
    python.symlink_to(Path(sys.executable).resolve())
    words = [command, "--port", str(free_port())] if command == "dev" else [command]
    script = (
        "import os, sys\n"
        "become = os.execve\n"
        "def ask(path, arguments, environment):\n"
        "    program = arguments[1 : arguments.index('-m') + 2]\n"
        f"    become(path, [path, {ask}], environment)\n"
        "os.execve = ask\n"
        f"sys.argv[1:] = {words!r}\n"
        "from bj_pipeline.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [python, "-c", script],
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "BJ_HOME": str(folder / "home"),
            "BJ_CELERY_BROKER": f"redis://:{PASSWORD}@{LOOPBACK}:1/0",
            "BJ_DATABASE_URL": f"postgresql://bj:{PASSWORD}@{LOOPBACK}:1/bj",
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        **settings,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", ["dev", "worker"])
def test_programs_start_wherever_their_scripts_lie(tmp_path, command):
    """In an image of Debian's Python, scripts are in /usr/local/bin and Python is in /usr/bin."""
    assert re.search(r"\d+\.\d+\.\d+", becoming("*program, '--version'", command, tmp_path))


@pytest.mark.parametrize("command", ["dev", "worker"])
def test_programs_that_a_script_starts_in_the_background_can_be_stopped(tmp_path, command):
    """Such a one ignores Ctrl+C; Dagster takes SIGTERM for the same and would ignore that, too."""
    told = "'-c', 'import signal; print(signal.getsignal(signal.SIGINT))'"
    ignoring = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
    assert "default_int_handler" in becoming(told, command, tmp_path, preexec_fn=ignoring)
