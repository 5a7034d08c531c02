"""Declarative automation: how a change of one asset is carried to what depends on it.

What belongs here: the named conditions, and the sensor that evaluates them. What does not: events
that come from outside (the inbox, curated files, the calendar); they ask for their own runs.
"""

from typing import Any

import dagster as dg

from bj_pipeline.automation.jobs import ASKED_BY, BUILDS

_Condition = dg.AutomationCondition
_INTERVAL_SECONDS = 30

_OWN_FIGURES = "company_metrics"
"""Of one issue; the trend reads thirteen issues' sector figures, which follow from these."""

_CHANGED = (
    (
        _Condition.newly_updated()
        & ~_Condition.all_new_updates_have_run_tags(tag_keys={BUILDS})
        & ~_Condition.executed_with_root_target()
    )
    | _Condition.will_be_requested()
).with_label("changed by a run that does not build what follows")
_USABLE = (
    (
        ~_Condition.missing()
        & ~_Condition.in_progress()
        & _Condition.all_checks_match(
            _Condition.check_passed() | _Condition.will_be_requested(), blocking_only=True
        )
    )
    | _Condition.will_be_requested()
).with_label("there, and its blocking checks passed")

CARRIES_CHANGES_DOWN = (
    _Condition.any_deps_match(_CHANGED).since_last_handled()
    & _Condition.all_deps_match(_USABLE)
    & ~_Condition.in_progress()
).with_label("carries_changes_down")
"""Build an issue's asset once something that it reads has changed and is fit to be read.

- *Changed*: materialized since this asset was last built or asked for, or about to be in the same
  run. Runs of a job, of the inbox and of curated edits build what follows themselves and count as
  no change (their tag ``bj/builds``): a figures-only issue stays one, and a failed run is not
  repeated behind its back.
- *Fit to be read*: every dependency is there, none is being built, and the blocking checks of all
  have passed on their present data. A dependency that the same run builds is checked there, and
  blocks there.

Nothing is asked for because it is missing: an issue enters the warehouse by the schedule, the
inbox or by hand. Failure asks for nothing either.
"""

CARRIES_OWN_ISSUE_DOWN = (
    _Condition.asset_matches(_OWN_FIGURES, _CHANGED).since_last_handled()  # type: ignore[misc]
    & _Condition.asset_matches(_OWN_FIGURES, _USABLE)
    & ~_Condition.in_progress()
).with_label("carries_own_issue_down")
"""The same for the trend, which follows its own issue alone.

It reads the sector figures of twelve earlier issues as well. Were it to follow them, one rebuilt
issue would set off the reports of the twelve after it, and a backfill some eight hundred. An
earlier issue that is not there is a gap in the chart, so none of them has to be there either.
"""

CHECKS_WHAT_CHANGED = (
    _Condition.any_deps_match(_CHANGED).since_last_handled() & ~_Condition.in_progress()
).with_label("checks_what_changed")
"""Run a check again once something that it looks at has changed.

A check may look beside its asset: what is said of valuations depends on quotes too, and whatever
reads valuations refuses a result that has not seen the present quotes.
"""


def condition_of(asset: str) -> dg.AutomationCondition[Any]:
    """The condition of an asset below the raw tables."""
    return CARRIES_OWN_ISSUE_DOWN if asset == "sector_trends" else CARRIES_CHANGES_DOWN


carry_changes_down = dg.AutomationConditionSensorDefinition(
    name="carry_changes_down",
    target=dg.AssetSelection.all(),
    minimum_interval_seconds=_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    # One issue a run: a backfill run would hide a bad issue behind the good ones.
    emit_backfills=False,
    run_tags={ASKED_BY: "declarative automation", BUILDS: "what follows from a change"},
    description="When an asset was materialized by hand, builds what depends on it, issue by "
    "issue, as soon as the blocking checks have passed. On by default: it only follows what "
    "somebody else has changed.",
)
