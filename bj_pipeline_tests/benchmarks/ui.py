"""``bj-pipeline dev`` as shipped, and the requests that its UI sends."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from bj_pipeline_tests.benchmarks.measuring import BenchmarkError, environment, program

_START_SECONDS = 180
_STOP_SECONDS = 20
_QUERIES = {
    "launch": """
        mutation Launch($issues: [String!]!) {
          launchPartitionBackfill(backfillParams: {
            selector: {
              partitionSetName: "issue_partition_set",
              repositorySelector: {
                repositoryName: "__repository__",
                repositoryLocationName: "bj_pipeline"
              }
            },
            partitionNames: $issues
          }) {
            __typename
            ... on LaunchBackfillSuccess { backfillId }
            ... on PythonError { message }
            ... on UnauthorizedError { message }
          }
        }""",
    "state": """
        query State($id: String!) {
          partitionBackfillOrError(backfillId: $id) {
            __typename
            ... on PartitionBackfill { status error { message } }
            ... on PythonError { message }
          }
        }""",
}


@contextmanager
def dev_server(folder: Path, home: Path) -> Iterator[str]:
    """Run the UI with its daemon; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "dev.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            program("dev", "--port", port),
            env=environment(home),
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _await(f"{address}/server_info", process, log)
        yield address
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _await(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(URLError, OSError), urlopen(url, timeout=5):  # noqa: S310
            return
        time.sleep(0.2)
    raise BenchmarkError(log.read_text(errors="replace")[-3000:])


def graphql(address: str, name: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Send one of the UI's requests; return its data."""
    body = json.dumps({"query": _QUERIES[name], "variables": variables}).encode()
    request = Request(f"{address}/graphql", body, {"Content-Type": "application/json"})  # noqa: S310
    with urlopen(request, timeout=60) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
    if "errors" in found:
        raise BenchmarkError(json.dumps(found["errors"])[:2000])
    data: dict[str, Any] = found["data"]
    return data
