"""How a table is declared as an asset: partitions, owner, kinds, columns, all in one place."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg

from bj_pipeline import outages
from bj_pipeline.assets.metadata import column_schema
from bj_pipeline.assets.partitions import ISSUES
from bj_pipeline.automation.conditions import condition_of
from bj_pipeline.warehouse import tables

OWNERS = {
    "raw": ["team:data"],
    "universe": ["team:research"],
    "metrics": ["team:research"],
    "report": ["team:publishing"],
}
CODE_VERSION = "1"


def stage_asset(
    name: str,
    description: str,
    *,
    group: str,
    kinds: set[str],
    ins: Mapping[str, dg.AssetIn] | None = None,
    deps: Sequence[str] = (),
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Declare an asset of one issue, named after the warehouse table that it fills, if any.

    What the operating system says inside it is told in words for the person who can act.
    """
    metadata = {}
    if name in tables.METADATA.tables:
        metadata = {"dagster/column_schema": column_schema(name), "dagster/table_name": name}
    declare = dg.asset(
        name=name,
        description=description,
        group_name=group,
        owners=OWNERS[group],
        kinds=kinds,
        ins=ins,
        deps=list(deps),
        metadata=metadata,
        partitions_def=ISSUES,
        code_version=CODE_VERSION,
        automation_condition=None if group == "raw" else condition_of(name),
    )
    return lambda function: declare(outages.explained()(function))
