"""The requests by which the UI of ``bj-pipeline dev`` launches a backfill and looks after it."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.request import Request, urlopen

from bj_pipeline_tests.benchmarks.measuring import BenchmarkError

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
