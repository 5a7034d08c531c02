"""A deployment on this machine, made of the programs and files that ``deploy/`` ships.

What belongs here: starting, killing and restarting its programs, and asking it what a person would
ask. What does not: what should come out. Differences to ``deploy/compose.yaml``: no containers,
free ports on 127.0.0.1 in place of host names, and a daemon that looks for lost runs more often.
"""

import base64
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from sqlalchemy import make_url

from bj_pipeline_tests.command_line import PROJECT, CommandLine

DEPLOY = PROJECT / "deploy"
OPERATOR, OPERATORS_PASSWORD = "li.na", "planted-operator-password"
READER, READERS_PASSWORD = "readers", "planted-reader-password"
START_SECONDS = 150
STOP_SECONDS = 30
_BIN = Path(sys.executable).parent


@dataclass
class Deployment:
    """PostgreSQL, broker, code server, daemon, workers, two webservers and the proxy.

    Attributes:
        folder: Everything lies below it.
        database_url: With a password, as people write it.
        environment: Further settings of every program.
    """

    folder: Path
    database_url: str
    environment: Mapping[str, str] = field(default_factory=dict)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _ports: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.secrets = self.folder / "secrets"
        self.home = self.folder / "home"
        self.logs = self.folder / "logs"
        self.dagster_home = self.folder / "dagster"
        for each in (self.logs, self.dagster_home):
            each.mkdir(parents=True)
        names = ("broker", "code", "webserver", "viewer", "proxy")
        self._ports = {name: _free_port() for name in names}
        subprocess.run(["sh", DEPLOY / "make_secrets.sh", self.secrets], check=True)
        self._rewrite(self.secrets / "BJ_CELERY_BROKER", {"@broker:6379": self.host("broker", "@")})
        self._let_in("operators", OPERATOR, OPERATORS_PASSWORD)
        self._let_in("readers", READER, READERS_PASSWORD)
        self._copy("workspace.yaml", {"host: code": "host: 127.0.0.1", "4000": self.port("code")})
        self._copy(
            "dagster.celery.yaml",
            {"poll_interval_seconds: 30": "poll_interval_seconds: 5"},
            self.dagster_home / "dagster.yaml",
        )
        self._copy(
            "nginx.conf",
            {
                "/tmp/": f"{self.folder}/",  # noqa: S108 - the container's own
                "/run/secrets": str(self.secrets),
                "/data/data_docs": str(self.home / "data_docs"),
                "webserver:3000": self.host("webserver"),
                "viewer:3000": self.host("viewer"),
                "listen 8443": f"listen {self.host('proxy')}",
                "/dev/stdout": str(self.logs / "access.log"),
            },
        )

    def _copy(self, name: str, replaced: Mapping[str, str], target: Path | None = None) -> None:
        """A shipped file with this machine's places in it; each that is replaced must be there."""
        copy = target or self.folder / name
        shutil.copyfile(DEPLOY / name, copy)
        self._rewrite(copy, replaced)

    def _rewrite(self, path: Path, replaced: Mapping[str, str]) -> None:
        text = path.read_text(encoding="utf-8")
        for old, new in replaced.items():
            assert old in text, (path, old)
            text = text.replace(old, new)
        path.unlink()
        path.write_text(text, encoding="utf-8")

    def _let_in(self, group: str, name: str, password: str) -> None:
        hashed = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"],
            input=password,
            capture_output=True,
            text=True,
            check=True,
        )
        path = self.secrets / group
        path.write_text(f"{name}:{hashed.stdout}", encoding="utf-8")

    def port(self, name: str) -> str:
        return str(self._ports[name])

    def host(self, name: str, before: str = "") -> str:
        return f"{before}127.0.0.1:{self._ports[name]}"

    @property
    def variables(self) -> dict[str, str]:
        """The environment of every program."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("BJ_", "DAGSTER_"))}
        for_dagster = make_url(self.database_url).set(drivername="postgresql+psycopg2")
        return inherited | {
            "BJ_HOME": str(self.home),
            "DAGSTER_HOME": str(self.dagster_home),
            "BJ_DATABASE_URL": for_dagster.render_as_string(hide_password=False),
            "BJ_CELERY_BROKER": (self.secrets / "BJ_CELERY_BROKER").read_text(encoding="utf-8"),
            "DAGSTER_DISABLE_TELEMETRY": "true",
            **self.environment,
        }

    @property
    def command_line(self) -> Callable[..., subprocess.CompletedProcess[str]]:
        """``bj-pipeline`` in this deployment."""
        command_line = CommandLine(self.home)

        def run(*arguments: object) -> subprocess.CompletedProcess[str]:
            return command_line(*arguments, **self.variables)

        return run

    # --- programs

    def start(self, name: str) -> None:
        """Start a program (``worker-N`` for a worker); what it says goes to its log."""
        with (self.logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                self._commands(name),
                env=self.variables,
                cwd=self.folder,
                stdin=subprocess.PIPE if name == "broker" else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if name == "broker":
            password = (self.secrets / "broker_password").read_text(encoding="utf-8").strip()
            settings = f"requirepass {password}\nport {self.port('broker')}\nbind 127.0.0.1\n"
            standard_input = self._running[name].stdin
            assert standard_input is not None
            standard_input.write(f"{settings}appendonly yes\ndir {self.folder}\n".encode())
            standard_input.close()

    def _commands(self, name: str) -> Sequence[str]:
        workspace = ["--workspace", str(self.folder / "workspace.yaml")]
        if name.startswith("worker"):
            return [str(_BIN / "bj-pipeline"), "worker", "--name", name]
        address = ["--host", "127.0.0.1", "--port"]
        webserver = [str(_BIN / "dagster-webserver"), *workspace, *address]
        return {
            "broker": ["redis-server", "-"],
            "code": [
                *(str(_BIN / "dagster"), "api", "grpc", "--module-name", "bj_pipeline.definitions"),
                *(*address, self.port("code")),
            ],
            "daemon": [str(_BIN / "dagster-daemon"), "run", *workspace],
            "webserver": [*webserver, self.port("webserver")],
            "viewer": [*webserver, self.port("viewer"), "--read-only", "--path-prefix", "/view"],
            "proxy": [
                *("nginx", "-c", str(self.folder / "nginx.conf"), "-p", str(self.folder)),
                *("-e", "stderr", "-g", "daemon off; user root;"),
            ],
        }[name]

    def kill(self, name: str) -> None:
        """Kill a program and all its children, as a machine that loses power does."""
        process = self._running.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End every program: as its supervisor does, then by force whatever is left."""
        for process in self._running.values():
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)
        for name in list(self._running):
            with suppress(subprocess.TimeoutExpired):
                self._running[name].wait(STOP_SECONDS)
            self.kill(name)

    def log(self, name: str) -> str:
        """What a program said; ``access`` is the proxy's record of requests."""
        return (self.logs / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def await_answer(self, name: str) -> None:
        """Wait until a program listens."""

        def listens() -> bool:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._ports[name]), 5):
                return True
            return self._running[name].poll() is not None

        self.await_that(listens, f"{name} listens", START_SECONDS)
        assert self._running[name].poll() is None, self.log(name)

    def await_that(self, happened: Callable[[], bool], what: str, seconds: float) -> None:
        """Wait for something, and tell what the programs said if it does not come."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if happened():
                return
            time.sleep(0.5)
        said = "\n".join(f"--- {log.name}\n{log.read_text()[-3000:]}" for log in self._log_files())
        raise AssertionError(f"Not within {seconds:.0f} s: {what}\n{said}")

    def _log_files(self) -> list[Path]:
        return sorted(self.logs.glob("*.log"))

    # --- through the proxy, as people do

    def ask(
        self, path: str, *, user: str = "", password: str = "", body: Any = None, **headers: str
    ) -> tuple[int, bytes]:
        """Status and body of the proxy's answer."""
        request = Request(
            f"https://{self.host('proxy')}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"}
            | {name.replace("_", "-"): value for name, value in headers.items()},
        )
        if user:
            given = base64.b64encode(f"{user}:{password}".encode()).decode()
            request.add_header("Authorization", f"Basic {given}")
        context = ssl.create_default_context(cafile=str(self.secrets / "tls.crt"))
        try:
            with urlopen(request, timeout=60, context=context) as answer:  # noqa: S310 - as above
                return answer.status, answer.read()
        except HTTPError as error:
            return error.code, error.read()

    def graphql(self, query: str, **variables: Any) -> Any:
        """An operation of the UI, asked for by the operator."""
        operation = query.split("(", maxsplit=1)[0].split("{", maxsplit=1)[0].rsplit(maxsplit=1)[-1]
        status, answer = self.ask(
            f"/graphql?op={operation}",
            user=OPERATOR,
            password=OPERATORS_PASSWORD,
            body={"query": query, "variables": variables},
        )
        assert status == 200, answer
        told = json.loads(answer)
        assert "errors" not in told, told
        return told["data"]

    def launch_backfill(self, issues: Sequence[int]) -> str:
        """Ask for issues as the UI does; the number of the backfill."""
        told = self.graphql(
            """mutation LaunchPartitionBackfill($params: LaunchBackfillParams!) {
                launchPartitionBackfill(backfillParams: $params) {
                    __typename
                    ... on LaunchBackfillSuccess { backfillId }
                    ... on PythonError { message }
                }
            }""",
            params={
                "selector": {
                    "partitionSetName": "issue_partition_set",
                    "repositorySelector": {
                        "repositoryName": "__repository__",
                        "repositoryLocationName": "bj_pipeline",
                    },
                },
                "partitionNames": [str(issue) for issue in issues],
            },
        )["launchPartitionBackfill"]
        assert told["__typename"] == "LaunchBackfillSuccess", told
        return str(told["backfillId"])

    def backfill_status(self, backfill: str) -> str:
        """How a backfill stands, in Dagster's words."""
        told = self.graphql(
            """query BackfillStatus($id: String!) {
                partitionBackfillOrError(backfillId: $id) {
                    ... on PartitionBackfill { status }
                }
            }""",
            id=backfill,
        )
        return str(told["partitionBackfillOrError"]["status"])

    def launch_run(self, issue: int) -> str:
        """Ask for one issue as the UI does; the run's id."""
        told = self.graphql(
            """mutation LaunchPipelineExecution($params: ExecutionParams!) {
                launchPipelineExecution(executionParams: $params) {
                    __typename
                    ... on LaunchRunSuccess { run { id } }
                    ... on PythonError { message }
                }
            }""",
            params={
                "selector": {
                    "pipelineName": "issue",
                    "repositoryName": "__repository__",
                    "repositoryLocationName": "bj_pipeline",
                },
                "mode": "default",
                "runConfigData": {},
                "executionMetadata": {"tags": [{"key": "dagster/partition", "value": str(issue)}]},
            },
        )["launchPipelineExecution"]
        assert told["__typename"] == "LaunchRunSuccess", told
        return str(told["run"]["id"])

    def runs(self) -> list[dict[str, Any]]:
        """Every run: ``id``, ``status``, ``startTime``, ``endTime``, and its ``tags`` by name."""
        told = self.graphql(
            """query Runs {
                runsOrError { ... on Runs {
                    results { id status startTime endTime tags { key value } }
                } }
            }"""
        )
        return [
            run | {"tags": {tag["key"]: tag["value"] for tag in run["tags"]}}
            for run in told["runsOrError"]["results"]
        ]


def start_all(deployment: Deployment, stack: ExitStack, *, workers: int = 2) -> None:
    """Start a deployment in the order of ``deploy/compose.yaml``; the stack ends it."""
    stack.callback(deployment.stop)
    deployment.start("broker")
    deployment.start("code")
    set_up = subprocess.run(
        [str(_BIN / "dagster"), "instance", "migrate"],
        env=deployment.variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert set_up.returncode == 0, set_up.stderr
    issues = deployment.command_line("issues")
    assert issues.returncode == 0, issues.stderr
    deployment.await_answer("code")
    for name in ("daemon", "webserver", "viewer", "proxy"):
        deployment.start(name)
    for number in range(workers):
        deployment.start(f"worker-{number + 1}")
    for name in ("webserver", "viewer", "proxy"):
        deployment.await_answer(name)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
