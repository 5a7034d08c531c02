"""Checks as Dagster sees them: one step a stage, one asset check a question.

The step never raises for bad data. Its results go to Dagster, where a failing check shows its
offending rows, to the warehouse, where later runs look at them, and to the Data Docs.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
import pandas as pd

from bj_pipeline import outages
from bj_pipeline.assets.metadata import Plain, plain_rows
from bj_pipeline.assets.resources import PipelineResource
from bj_pipeline.automation.conditions import CHECKS_WHAT_CHANGED
from bj_pipeline.issues import by_number
from bj_pipeline.quality.check import Check, Evidence, Outcome
from bj_pipeline.quality.data_docs import DataDocs
from bj_pipeline.quality.stages import STAGES, seen
from bj_pipeline.quality.validate import run_checks
from bj_pipeline.warehouse import tables

BROKEN_RULES = "broken rules"
"""Metadata of a failed check. The UI sorts by name: this comes first."""
_ROWS_SHOWN = 20
_DIGITS_SHOWN = 10
_ROWS_IN_SUMMARY = 3
_NAMES = (
    *("code", "name", "date", "sector", "vendor", "source_file"),
    *("character", "code_point", "text"),
)
"""Columns that tell a reader which row is meant."""


def asset_checks(partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetChecksDefinition]:
    """One definition a stage."""
    return [_stage(name, checks, partitions) for name, checks in STAGES.items()]


def _stage(
    name: str, checks: tuple[Check, ...], partitions: dg.PartitionsDefinition[str]
) -> dg.AssetChecksDefinition:
    @dg.multi_asset_check(
        name=f"{name}_checks",
        specs=[_spec(one, partitions) for one in checks],
        description=f"Great Expectations suite of the stage {name}.",
        can_subset=True,
    )
    def stage(
        context: dg.AssetCheckExecutionContext, pipeline: PipelineResource
    ) -> Iterator[dg.AssetCheckResult]:
        selected = {key.name for key in context.selected_asset_check_keys}
        wanted = [one for one in checks if one.name in selected]
        evidence = pipeline.evidence(int(context.partition_key))
        with outages.explained():
            outcomes = run_checks(wanted, evidence)
        pipeline.warehouse.record_checks(evidence.issue.number, stored_results(outcomes, evidence))
        links = _published(context, pipeline, name, outcomes)
        for outcome in outcomes:
            yield _result(outcome, links.get(outcome.check.name, {}))

    return stage


def _published(
    context: dg.AssetCheckExecutionContext,
    pipeline: PipelineResource,
    stage: str,
    outcomes: Sequence[Outcome],
) -> dict[str, dict[str, dg.MetadataValue]]:
    """Write the Data Docs; return for each check the metadata that leads to them."""
    docs = DataDocs(pipeline.settings.data_docs, pipeline.settings.data_docs_url)
    issue = by_number(context.partition_key)
    try:
        docs.publish(pipeline.warehouse, issue, stage, outcomes)
    except Exception as error:  # noqa: BLE001 - a page that cannot be written stops no issue
        context.log.warning("Data Docs were not written: %s: %s", type(error).__name__, error)
        return {}
    shown: dict[str, dict[str, dg.MetadataValue]] = {}
    for outcome in outcomes:
        name = outcome.check.name
        shown[name] = {"data docs": dg.MetadataValue.path(docs.page(issue, stage))}
        if url := docs.link(issue, name):
            shown[name]["data docs page"] = dg.MetadataValue.url(url)
    return shown


def _spec(one: Check, partitions: dg.PartitionsDefinition[str]) -> dg.AssetCheckSpec:
    with warnings.catch_warnings():
        # Partitioned checks are in preview; this is the only place that uses them.
        warnings.filterwarnings("ignore", message=".*partitions_def on an AssetCheckSpec.*")
        return dg.AssetCheckSpec(
            name=one.name,
            asset=one.asset,
            # A failed warning reads *Failed* in the UI, as a critical one does.
            description=f"{one.severity.capitalize()}: {one.question}\n\nIf it fails: {one.remedy}",
            blocking=one.blocks,
            additional_deps=[
                reads for reads in one.reads if reads not in {one.asset, tables.FACTS}
            ],
            partitions_def=partitions,
            automation_condition=CHECKS_WHAT_CHANGED,
        )


def stored_results(outcomes: list[Outcome], evidence: Evidence) -> pd.DataFrame:
    """Outcomes as rows of the table ``check_results``."""
    return pd.DataFrame(
        [
            {
                "check": outcome.check.name,
                "asset": outcome.check.asset,
                "severity": outcome.check.severity,
                "passed": outcome.passed,
                "data_version": seen(outcome.check, evidence.warehouse, evidence.issue.number),
                "failed_rows": len(outcome.rows),
                "summary": _summary(outcome),
            }
            for outcome in outcomes
        ]
    )


def _summary(outcome: Outcome) -> str:
    if outcome.passed:
        return ""
    telling = [
        name for name in outcome.rows.columns if name in {*_NAMES, *outcome.columns}
    ] or list(outcome.rows.columns)
    first = "; ".join(
        ", ".join(f"{name}={value}" for name, value in row.items())
        for row in plain_rows(outcome.rows[telling].head(_ROWS_IN_SUMMARY))
    )
    more = len(outcome.rows) - _ROWS_IN_SUMMARY
    rows = f" First rows: {first}{f' and {more} more' if more > 0 else ''}." if first else ""
    return "; ".join(outcome.broken) + "." + rows


def _short(value: Plain) -> Plain:
    """A number without the digits that only binary fractions have."""
    return float(f"{value:.{_DIGITS_SHOWN}g}") if isinstance(value, float) else value


def _result(outcome: Outcome, links: Mapping[str, dg.MetadataValue]) -> dg.AssetCheckResult:
    metadata: dict[str, dg.MetadataValue] = {
        "rules evaluated": dg.MetadataValue.int(outcome.expectations),
        "failed rows": dg.MetadataValue.int(len(outcome.rows)),
    }
    if not outcome.passed:
        metadata[BROKEN_RULES] = dg.MetadataValue.text("; ".join(outcome.broken))
        metadata["remedy"] = dg.MetadataValue.text(outcome.check.remedy)
        shown = [
            {name: _short(value) for name, value in row.items()}
            for row in plain_rows(outcome.rows.head(_ROWS_SHOWN))
        ]
        if shown:
            metadata["rows"] = dg.MetadataValue.table([dg.TableRecord(row) for row in shown])
    metadata |= links
    blocks = outcome.check.blocks
    return dg.AssetCheckResult(
        check_name=outcome.check.name,
        asset_key=outcome.check.asset,
        passed=outcome.passed,
        severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )
