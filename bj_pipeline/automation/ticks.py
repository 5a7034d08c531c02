"""What a tick of a sensor comes to: runs to start, and what to tell."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from bj_pipeline.issues import Issue
from bj_pipeline.quality import stages


@dataclass(frozen=True)
class Tick:
    """What a tick comes to.

    Attributes:
        requests: Runs to start.
        cursor: For the next tick; None if the sensor remembers nothing.
        told: For people, one sentence an entry.
    """

    requests: list[dg.RunRequest]
    cursor: str | None
    told: list[str]

    def result(self, context: dg.SensorEvaluationContext, quiet: str) -> dg.SensorResult:
        """For Dagster, which shows either runs or a reason why there are none.

        Args:
            context: Of the tick; what is told goes to its log.
            quiet: The reason where there is nothing to tell.
        """
        for line in self.told:
            context.log.info(line)
        return dg.SensorResult(
            run_requests=self.requests,
            skip_reason=None if self.requests else "\n".join(self.told) or quiet,
            cursor=self.cursor,
        )


def rebuild(
    issue: Issue,
    assets: Collection[str],
    *,
    run_key: str,
    tags: Mapping[str, str],
    also_checked: Collection[str] = (),
    run_config: Mapping[str, Any] | None = None,
) -> dg.RunRequest:
    """The run that builds a part of an issue again, with the checks of that part.

    Args:
        issue: The issue.
        assets: Names of the assets to build.
        run_key: A key asks once.
        tags: Who asks, and that nothing is carried on from the run.
        also_checked: Names of further assets whose checks look again.
        run_config: Where it differs from the installation's.
    """
    guarded = {*assets, *also_checked}
    return dg.RunRequest(
        run_key=run_key,
        partition_key=issue.key,
        asset_selection=[dg.AssetKey(name) for name in assets],
        asset_check_keys=[
            dg.AssetCheckKey(dg.AssetKey(one.asset), one.name)
            for one in stages.ALL
            if one.asset in guarded
        ],
        run_config=run_config,
        tags=tags,
    )
