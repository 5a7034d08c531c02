"""A backfill as the UI starts it, of the program as shipped: one run an issue, a bad week alone.

The everyday suite rebuilds three issues, of which one is bad; ``--thorough`` rebuilds 1 to 65 with
three bad weeks.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import time
from pathlib import Path
from urllib.request import Request, urlopen

import pandas as pd
import pytest

pytest.importorskip("playwright", reason="needs playwright from the dev dependencies")

from bj_pipeline.issues import by_number
from bj_pipeline.settings import PACKAGE
from bj_pipeline.sources.sample import SampleSource
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.automation.home import quotes
from bj_pipeline_tests.command_line import PROJECT, CommandLine
from bj_pipeline_tests.end_to_end.dagster_ui import dev_server

_BACKFILL = """mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  }
}"""
_STATE = """query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } }
}"""
_RUNS = """{ runsOrError { ... on Runs { results {
  status tags { key value } stats { ... on RunStatsSnapshot { materializations } }
} } } }"""
_UNDER_WAY = {"NOT_STARTED", "QUEUED", "STARTING", "STARTED", "CANCELING"}
_START_SECONDS = 60
"""Until a run that a killed daemon was handing over counts as lost; others need 30 of them at most
on a busy machine."""
_SECONDS_AN_ISSUE = 150
"""Of which a run takes 15 on two idle cores, and the rest is for a busy machine."""


class History:
    """A home with a file of quotes a week, some of them bad; the rest is the sample's."""

    def __init__(self, folder: Path, numbers: range, bad: dict[int, str]) -> None:
        self.folder, self.numbers, self.bad = folder, list(numbers), bad
        self.vendor = folder / "input"
        self.vendor.mkdir()
        reference = folder / "reference"
        shutil.copytree(PACKAGE / "reference", reference)
        shutil.copy(SampleSource.pool_file, reference / "pool.csv")
        for number in self.numbers:
            self.write(number, bad.get(number))
        profile = {name: ["sample"] for name in tables.RAW_TABLES} | {tables.RAW_QUOTES: ["files"]}
        (folder / "profile.yaml").write_text(json.dumps(profile))
        self.settings = {
            "BJ_SOURCE": str(folder / "profile.yaml"),
            "BJ_INPUT": str(self.vendor),
            "BJ_REFERENCE": str(reference),
            "BJ_FIRST_ISSUE": str(self.numbers[0]),
            "DAGSTER_HOME": str(self._dagster_home()),
        }
        self.command_line = CommandLine(folder / "home")

    def _dagster_home(self) -> Path:
        """Dagster's settings as shipped, but for how long a run may take to start."""
        home = self.folder / "dagster"
        home.mkdir()
        shipped = (PROJECT / "dagster.yaml").read_text(encoding="utf-8")
        ours, count = re.subn(r"(start_timeout_seconds:) \d+", rf"\1 {_START_SECONDS}", shipped)
        assert count == 1
        (home / "dagster.yaml").write_text(ours, encoding="utf-8")
        return home

    def is_built(self, server: "Server") -> bool:
        """Whether every week that is not bad was built."""
        runs = server.runs()
        built = set(runs.loc[runs["status"] == "SUCCESS", "issue"])
        return built >= set(self.numbers) - set(self.bad)

    def write(self, number: int, wrong: str | None = None) -> None:
        """The week's quotes, in which one close may be wrong."""
        text = quotes(number)
        if wrong is not None:
            # Not the close: it is the next week's base date too.
            day = f"{by_number(number).first_session:%Y%m%d}"
            text, count = re.subn(rf"(920060\.BJ,{day}),[^,]+", rf"\1,{wrong}", text)
            assert count == 1
        (self.vendor / f"daily_{number:03d}.csv").write_text(text, encoding="utf-8")

    def __call__(self, *arguments: object):
        return self.command_line(*arguments, **self.settings)


class Server:
    """The GraphQL of the UI."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, query: str, **variables: object) -> dict:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(  # noqa: S310 - our own server
            f"{self.address}/graphql", body, {"Content-Type": "application/json"}
        )
        with urlopen(request, timeout=120) as answer:  # noqa: S310 - likewise
            return json.load(answer)["data"]

    def backfill(self, numbers: list[int]) -> str:
        """As the dialog of the job ``issue`` does it."""
        place = {"repositoryName": "__repository__", "repositoryLocationName": "bj_pipeline"}
        params = {
            "selector": {"partitionSetName": "issue_partition_set", "repositorySelector": place},
            "partitionNames": [str(number) for number in numbers],
        }
        return self.ask(_BACKFILL, params=params)["launchPartitionBackfill"]["backfillId"]

    def runs(self) -> pd.DataFrame:
        """Every run: issue, status, backfill and how much it materialized."""
        return pd.DataFrame(
            [
                {
                    "issue": int(tags.get("dagster/partition", 0)),
                    "status": run["status"],
                    "backfill": tags.get("dagster/backfill", ""),
                    "asked_by": tags.get("bj/asked_by", ""),
                    "assets": (run["stats"] or {}).get("materializations", 0),
                }
                for run in self.ask(_RUNS)["runsOrError"]["results"]
                for tags in [{tag["key"]: tag["value"] for tag in run["tags"]}]
            ],
            columns=["issue", "status", "backfill", "asked_by", "assets"],
        )

    def until(self, done, seconds: float, *, every: float = 1) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, self.runs().to_string()
            time.sleep(every)

    def hands_a_run_over(self) -> bool:
        """Whether the daemon is just starting a run; its process is lost if it is killed now."""
        return "STARTING" in set(self.runs()["status"])

    def has_ended(self, backfill: str) -> bool:
        state = self.ask(_STATE, id=backfill)["partitionBackfillOrError"]["status"]
        return state != "REQUESTED" and not set(self.runs()["status"]) & _UNDER_WAY


def daemon_of(address: str) -> int:
    """Process id of the daemon beside the UI at that address."""
    port = address.rpartition(":")[2]
    programs: dict[int, list[str]] = {}
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            words = (folder / "cmdline").read_bytes().decode(errors="replace")
            stat = (folder / "stat").read_text(errors="replace")
            parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
            programs[int(folder.name)] = words.split("\0")
    (started,) = (pid for pid, words in programs.items() if {"dev", port} <= set(words))
    # What the daemon starts bears its name until it has become the other program.
    (daemon,) = (
        pid
        for pid, words in programs.items()
        if "dagster._daemon" in words and parents[pid] == started
    )
    return daemon


@pytest.fixture(scope="module")
def history(tmp_path_factory, thorough):
    folder = tmp_path_factory.mktemp("history")
    if thorough:
        return History(folder, range(1, 66), {20: "9000.00", 41: "-1.00", 60: "no number"})
    return History(folder, range(63, 66), {64: "no number"})


@pytest.fixture(scope="module")
def backfilled(history):
    """How the runs ended of a backfill whose daemon was killed while it handed a run over."""
    seconds = len(history.numbers) * _SECONDS_AN_ISSUE
    with dev_server(history.folder, **history.settings) as address:
        server = Server(address)
        backfill = server.backfill(history.numbers)
        server.until(server.hands_a_run_over, seconds, every=0.05)
        os.kill(daemon_of(address), signal.SIGKILL)
    with dev_server(history.folder, **history.settings) as address:
        server = Server(address)
        # The backfill may have ended before the run is started again that was being handed over.
        server.until(lambda: server.has_ended(backfill) and history.is_built(server), seconds)
        return server.runs()


def test_each_issue_is_a_run_of_its_own_and_a_bad_week_fails_alone(history, backfilled):
    of_issues = backfilled[backfilled["issue"] > 0]
    newest = of_issues.groupby("issue")["status"].first()
    assert sorted(newest.index) == history.numbers
    assert {int(issue) for issue in newest[newest != "SUCCESS"].index} == set(history.bad)


def test_no_issue_is_built_twice_though_the_daemon_was_killed(history, backfilled):
    whole = backfilled[(backfilled["status"] == "SUCCESS") & (backfilled["backfill"] != "")]
    assert sorted(whole["issue"]) == [n for n in history.numbers if n not in history.bad]


@pytest.mark.usefixtures("backfilled")
def test_the_inventory_names_the_failed_weeks_with_their_first_error(history):
    told = history("issues", "--wrong").stdout
    for number in history.bad:
        (line,) = (line for line in told.splitlines() if line.split()[:1] == [str(number)])
        assert "failed" in line or "blocked" in line
        assert f"daily_{number:03d}.csv" in line


@pytest.mark.usefixtures("backfilled")
def test_after_a_repair_only_the_failed_weeks_are_built_and_every_trend_is_complete(history):
    for number in history.bad:
        history.write(number)
    span = f"{history.numbers[0]}-{history.numbers[-1]}"
    done = history("backfill", span, "--only-failed", "--jobs", 2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(history.bad)} built, 0 there already, 0 failed." in done.stdout
    last = history.numbers[-1]
    trend = history.command_line.table(tables.SECTOR_TRENDS, last).dropna()
    assert {number for number in history.numbers if number > last - 13} <= set(trend["trend_issue"])
    told = history("issues", "--wrong").stdout
    assert not [line for line in told.splitlines() if "trends show" in line]
