"""What a tick of a sensor comes to: runs to start, and what to tell."""

from dataclasses import dataclass

import dagster as dg


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
