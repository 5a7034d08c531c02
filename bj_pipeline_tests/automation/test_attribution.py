"""Who asked for a backfill, told to Dagster's own webserver in the header that the proxy sets."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.request import Request, urlopen

import dagster as dg
import pytest
import yaml
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.execution.job_backfill import submit_backfill_runs
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget

from bj_pipeline.automation.attribution import USER_HEADER
from bj_pipeline.automation.jobs import ASKED_BY
from bj_pipeline_tests.command_line import PROJECT

CODE = """
import dagster as dg

@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["64", "65"]))
def report(): ...

defs = dg.Definitions([report], jobs=[dg.define_asset_job("issue", "*")])
"""
START_SECONDS = 150
PLACE = {"repositoryName": "__repository__", "repositoryLocationName": "code.py"}
# What every page of the UI asks.
PAGE = "{ instance { daemonHealth { allDaemonStatuses { required } } } }"
LAUNCHED = "{ __typename ... on LaunchBackfillSuccess { backfillId } }"
OF_A_JOB = {
    "selector": {"partitionSetName": "issue_partition_set", "repositorySelector": PLACE},
    "partitionNames": ["64", "65"],
}
OF_ASSETS = {"assetSelection": [{"path": ["report"]}], "partitionNames": ["64"]}


class Webserver:
    """``dagster-webserver`` over a home with the queue that a deployment has."""

    def __init__(self, folder: Path) -> None:
        self.code = folder / "code.py"
        self.code.write_text(CODE, encoding="utf-8")
        self.home = folder / "home"
        self.home.mkdir()
        shipped = yaml.safe_load((PROJECT / "deploy/dagster.postgres.yaml").read_text())
        queue = {"run_coordinator": shipped["run_coordinator"]}
        (self.home / "dagster.yaml").write_text(
            json.dumps(queue | {"telemetry": {"enabled": False}})
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = str(probe.getsockname()[1])
        program = Path(sys.executable).parent / "dagster-webserver"
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [program, "--python-file", self.code, "--port", self.port],
                env=os.environ | {"DAGSTER_HOME": str(self.home)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def ask(self, query: str, user: str = "", **variables: object) -> dict:
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"Content-Type": "application/json"} | ({USER_HEADER: user} if user else {})
        address = f"http://127.0.0.1:{self.port}/graphql"
        with urlopen(Request(address, body, headers), timeout=60) as answer:
            return json.load(answer)["data"]

    def launch(self, params: dict, user: str = "") -> str:
        """Start a backfill as the UI does it; its id."""
        query = "mutation ($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p)"
        told = self.ask(f"{query} {LAUNCHED} }}", user, p=params)
        return told["launchPartitionBackfill"]["backfillId"]

    def start_again(self, backfill: str, user: str) -> str:
        query = "mutation ($p: ReexecutionParams!) {"
        query += f"reexecutePartitionBackfill(reexecutionParams: $p) {LAUNCHED} }}"
        params = {"parentRunId": backfill, "strategy": "ALL_STEPS"}
        told = self.ask(query, user, p=params)
        return told["reexecutePartitionBackfill"]["backfillId"]


@pytest.fixture(scope="module")
def webserver(tmp_path_factory) -> Iterator[Webserver]:
    webserver = Webserver(tmp_path_factory.mktemp("webserver"))
    deadline = time.monotonic() + START_SECONDS
    try:
        while time.monotonic() < deadline and webserver.process.poll() is None:
            with suppress(OSError):
                webserver.ask(PAGE)
                break
            time.sleep(0.1)
        yield webserver
    finally:
        webserver.process.terminate()
        webserver.process.wait()


@pytest.fixture
def instance(webserver) -> Iterator[dg.DagsterInstance]:
    """The same installation, as the daemon sees it."""
    with dg.DagsterInstance.from_config(str(webserver.home)) as instance:
        yield instance


def test_the_runs_of_a_backfill_bear_the_name_of_whoever_started_it(webserver, instance):
    backfill = instance.get_backfill(webserver.launch(OF_A_JOB, user="li.na"))
    target = PythonFileTarget(str(webserver.code), None, str(webserver.code.parent), "code.py")
    with WorkspaceProcessContext(instance, target) as process:
        runs = list(
            submit_backfill_runs(instance, process.create_request_context, backfill, ["64", "65"])
        )
    assert len(runs) == 2
    assert {instance.get_run_by_id(run).tags[ASKED_BY] for run in runs} == {"li.na"}


def test_a_backfill_of_assets_bears_it_too(webserver, instance):
    assert instance.get_backfill(webserver.launch(OF_ASSETS, "li.na")).tags[ASKED_BY] == "li.na"


def test_a_backfill_that_is_started_again_bears_the_name_of_whoever_did_that(webserver, instance):
    first = instance.get_backfill(webserver.launch(OF_A_JOB, user="li.na"))
    instance.update_backfill(first.with_status(BulkActionStatus.COMPLETED_FAILED))
    again = instance.get_backfill(webserver.start_again(first.backfill_id, user="wang.wei"))
    assert (first.tags[ASKED_BY], again.tags[ASKED_BY]) == ("li.na", "wang.wei")


def test_without_a_proxy_nobody_is_named(webserver, instance):
    webserver.launch(OF_A_JOB, user="li.na")
    assert ASKED_BY not in instance.get_backfill(webserver.launch(OF_A_JOB)).tags
