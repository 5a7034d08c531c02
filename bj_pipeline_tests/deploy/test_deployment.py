"""What a deployment of several programs promises: nothing lost, nothing twice, nobody unasked."""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import text

from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse, connect
from bj_pipeline_tests.command_line import CommandLine
from bj_pipeline_tests.deploy.deployment import (
    OPERATOR,
    OPERATORS_PASSWORD,
    READER,
    READERS_PASSWORD,
    Deployment,
)
from bj_pipeline_tests.end_to_end.test_secrets import places, spellings
from bj_pipeline_tests.s3_server import SECRET_KEY
from bj_pipeline_tests.warehouse.databases import PASSWORD as DATABASE_PASSWORD

SECONDS = 500
"""How long one thing after the other may take: three issues take 100 s on two idle cores."""
_PARTITION = "dagster/partition"
_UNFINISHED = {"NOT_STARTED", "QUEUED", "STARTING", "STARTED", "CANCELING"}


@dataclass(frozen=True)
class History:
    """A history that was built while its machines failed one after the other.

    Attributes:
        status: How the backfill ended.
        runs: Every run of the deployment, when all had ended.
        asked_for: The run that the operator asked for besides.
        issues: What was asked for.
        sampled: Some of them, from the first one on.
    """

    status: str
    runs: list[dict[str, Any]]
    asked_for: str
    issues: list[int]
    sampled: list[int]

    def of(self, issue: int) -> list[dict[str, Any]]:
        return [run for run in self.runs if run["tags"].get(_PARTITION) == str(issue)]


def _issues(deployment: Deployment, status: str) -> list[str]:
    """Issues of the runs that stand so; the hourly look at what is wrong is of none."""
    runs = [run for run in deployment.runs() if run["status"] == status]
    return [run["tags"][_PARTITION] for run in runs if _PARTITION in run["tags"]]


@pytest.fixture(scope="module")
def history(deployment, database, thorough) -> History:
    """Some issues, while a worker, the daemon and PostgreSQL are killed, each in the middle."""
    issues = list(range(1, 66)) if thorough else [3, 4, 5]
    backfill = deployment.launch_backfill(issues)
    deployment.await_that(
        lambda: len(_issues(deployment, "STARTED")) == 2, "both workers build", SECONDS
    )
    # An issue that is being built is asked for once more: it must wait for its turn.
    asked_for = deployment.launch_run(int(_issues(deployment, "STARTED")[0]))
    deployment.kill("worker-1")
    deployment.await_that(
        lambda: len(_issues(deployment, "SUCCESS")) >= 1, "an issue is built", SECONDS
    )
    deployment.start("worker-1")
    deployment.kill("daemon")
    deployment.start("daemon")
    deployment.await_that(
        lambda: len(_issues(deployment, "STARTED")) >= 1, "an issue is built", SECONDS
    )
    database.kill_and_restart()

    def is_over() -> bool:
        # A page that is opened just then shows the lost connection once, and the next one is well.
        with suppress(AssertionError):
            if deployment.backfill_status(backfill) == "REQUESTED":
                return False
            # A backfill may have ended before its last run is started again that was lost.
            is_built = set(_issues(deployment, "SUCCESS")) >= set(map(str, issues))
            return is_built and not [r for r in deployment.runs() if r["status"] in _UNFINISHED]
        return False

    deployment.await_that(is_over, "the history is complete", SECONDS * (10 if thorough else 1))
    return History(
        deployment.backfill_status(backfill),
        deployment.runs(),
        asked_for,
        issues,
        issues[: 3 if thorough else 1],
    )


@pytest.fixture(scope="module")
def undisturbed(history, tmp_path_factory) -> CommandLine:
    """The sampled issues, built by one program on SQLite."""
    command_line = CommandLine(tmp_path_factory.mktemp("undisturbed") / "home")
    done = command_line("backfill", ",".join(map(str, history.sampled)))
    assert done.returncode == 0, done.stderr
    return command_line


def test_every_issue_is_built_whatever_is_killed_meanwhile(history, deployment):
    newest = {issue: history.of(issue)[0]["status"] for issue in history.issues}
    assert newest == dict.fromkeys(history.issues, "SUCCESS")
    states = deployment.command_line("issues").stdout.splitlines()
    built = {int(line.split()[0]) for line in states if re.search(r"\bbuilt\b", line)}
    assert built == set(history.issues)


def test_a_run_that_lost_its_worker_is_started_again_on_record(history):
    lost = [run for run in history.runs if run["status"] == "FAILURE"]
    assert lost
    again = {run["tags"].get("dagster/parent_run_id") for run in history.runs}
    assert {run["id"] for run in lost} <= again


def test_an_issue_is_never_built_by_two_runs_at_once(history):
    for issue in history.issues:
        spans = sorted((run["startTime"], run["endTime"]) for run in history.of(issue))
        for (_, ended), (started, _) in pairwise(spans):
            assert started >= ended


def test_finished_files_are_those_of_an_undisturbed_build(
    history, deployment, undisturbed, s3_server
):
    bucket = deployment.environment["BJ_ARTIFACTS"].rpartition("/")[0]
    kept = set(s3_server.keys(bucket).values())
    for issue in history.sampled:
        folder = undisturbed.home / "artifacts" / f"issue-{issue:03d}"
        assert [path.name for path in folder.iterdir() if path.read_bytes() not in kept] == []


def test_every_manifest_names_files_that_are_there_and_whole(history, deployment, s3_server):
    bucket = deployment.environment["BJ_ARTIFACTS"].rpartition("/")[0]
    kept = s3_server.keys(bucket)
    for issue in history.issues:
        folder = f"artifacts/issue-{issue:03d}"
        manifest = json.loads(kept[f"{folder}/manifest.json"])
        for artifact in manifest["artifacts"]:
            place = f"{folder}/{artifact['sha256'][:16]}/{artifact['name']}"
            assert len(kept[place]) == artifact["bytes"]


def test_no_row_is_there_twice(history, deployment, undisturbed):
    shared = Warehouse(deployment.database_url)
    own = Warehouse(f"sqlite:///{undisturbed.home / 'warehouse.db'}")
    for issue in history.sampled:
        assert shared.versions(issue) == own.versions(issue)
        for name in own.versions(issue):
            assert len(shared.read(name, issue)) == len(own.read(name, issue)), name
    assert shared.issues(tables.REPORT_DOCUMENT) == history.issues
    shared.engine.dispose()


def test_a_run_bears_the_name_of_whoever_asked_for_it(history):
    (run,) = [run for run in history.runs if run["id"] == history.asked_for]
    assert run["tags"]["bj/asked_by"] == OPERATOR


# --- who may do what


def test_nobody_enters_without_a_password(deployment):
    for path in ("/", "/graphql", "/server_info", "/view/", "/view/graphql", "/data_docs/"):
        assert deployment.ask(path)[0] == 401
        assert deployment.ask(path, user=OPERATOR, password="wrong")[0] == 401  # noqa: S106


def test_operators_enter_and_readers_only_look(deployment):
    operator = {"user": OPERATOR, "password": OPERATORS_PASSWORD}
    reader = {"user": READER, "password": READERS_PASSWORD}
    assert deployment.ask("/", **operator)[0] == 200
    assert deployment.ask("/", **reader)[0] == 401
    assert deployment.ask("/view/", **reader)[0] == 200


def test_the_readers_ui_refuses_every_change(deployment):
    query = """mutation LaunchRun($params: ExecutionParams!) {
        launchRun(executionParams: $params) { __typename }
    }"""
    params = {
        "selector": {
            "jobName": "issue",
            "repositoryName": "__repository__",
            "repositoryLocationName": "bj_pipeline",
        },
        "executionMetadata": {"tags": [{"key": _PARTITION, "value": "3"}]},
    }
    runs = len(deployment.runs())
    status, answer = deployment.ask(
        "/view/graphql",
        user=READER,
        password=READERS_PASSWORD,
        body={"query": query, "variables": {"params": params}},
    )
    assert status == 200
    assert json.loads(answer)["data"]["launchRun"]["__typename"] == "UnauthorizedError"
    assert len(deployment.runs()) == runs


def test_a_foreign_page_cannot_use_the_operators_password(deployment):
    operator = {"user": OPERATOR, "password": OPERATORS_PASSWORD}
    body = {"query": "query Version { version }"}
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200)):
        told = deployment.ask("/graphql", **operator, body=body, Sec_Fetch_Site=site)
        assert told[0] == status
    # A link in an alert leads there from elsewhere, and must.
    assert deployment.ask("/runs", **operator, Sec_Fetch_Site="cross-site")[0] == 200


def test_the_proxy_records_who_did_what(history, deployment):
    assert history.status
    record = deployment.log("access")
    assert re.search(rf'"{OPERATOR}" 200 POST /graphql\?op=LaunchPartitionBackfill', record)


# --- secrets


def test_no_log_no_file_and_no_event_holds_a_secret(history, deployment):
    assert history.status
    broker_password = (deployment.secrets / "broker_password").read_text().strip()
    secrets = (
        *(broker_password, DATABASE_PASSWORD, SECRET_KEY),
        *(OPERATORS_PASSWORD, READERS_PASSWORD),
    )
    kept = deployment.secrets.relative_to(deployment.folder)
    found = [name for name in places(deployment.folder, *secrets) if not name.startswith(str(kept))]
    assert found == []
    engine = connect(deployment.database_url)
    with engine.connect() as connection:
        told = str(connection.execute(text("SELECT event FROM event_logs")).all())
        told += str(connection.execute(text("SELECT run_body FROM runs")).all())
    engine.dispose()
    for secret in secrets:
        assert not [one for one in spellings(secret) if one.decode() in told]
