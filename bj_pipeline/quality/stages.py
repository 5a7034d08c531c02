"""Every check by stage: the explicit list of what ships."""

from collections.abc import Mapping

from bj_pipeline.errors import CheckFailedError
from bj_pipeline.quality import metrics, raw, report, universe
from bj_pipeline.quality.check import Check
from bj_pipeline.warehouse.store import Warehouse

STAGES: dict[str, tuple[Check, ...]] = {
    "raw": raw.CHECKS,
    "universe": universe.CHECKS,
    "metrics": metrics.CHECKS,
    "report": report.CHECKS,
    "proofreading": report.PROOFREADING,
}
ALL = tuple(one for checks in STAGES.values() for one in checks)


def blocking(asset: str) -> tuple[Check, ...]:
    """Checks whose failure blocks whatever reads the asset."""
    return tuple(one for one in ALL if one.asset == asset and one.blocks)


def require_passed(warehouse: Warehouse, issue: int, asset: str) -> None:
    """Refuse an asset whose blocking checks failed, or have not seen its present data.

    Dagster's blocking checks stop only their own run; this holds for every later run too, because
    it looks at the stored results.

    Raises:
        CheckFailedError: Names the check, what is wrong and the remedy.
    """
    checks = blocking(asset)
    if not checks:
        return
    results = warehouse.check_results(issue, [one.name for one in checks])
    versions = warehouse.versions(issue, files=True)
    for one in checks:
        result = results.get(one.name)
        if result is None:
            raise CheckFailedError(
                f"Issue {issue}: the check {one.name} of {asset} has not run. "
                f"Materialize {asset} together with its checks."
            )
        if result.data_version != _told(one, versions):
            raise CheckFailedError(
                f"Issue {issue}: the check {one.name} of {asset} has not seen the present data. "
                f"Run the check again."
            )
        if not result.passed:
            raise CheckFailedError(
                f"Issue {issue}: blocked by the check {one.name} of {asset}: {result.summary} "
                f"{one.remedy}"
            )


def seen(one: Check, warehouse: Warehouse, issue: int) -> str:
    """Versions of the data that a check looks at, as they are now."""
    return _told(one, warehouse.versions(issue, files=True))


def _told(one: Check, versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={versions.get(name, 'none')}" for name in sorted(one.reads))
