"""The floor under an issue: what no report on these libraries can do without.

What belongs here: importing the libraries, a Dagster graph of the same shape in which nothing
happens, plain charts, and a PDF of plain pages. What does not: anything of the pipeline; its graph,
its numbers of charts and pages and its font come in a plan (:mod:`.issue`).

As a program it runs once, with a plan's path: ``python -m … PLAN ISSUE``.
"""

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import great_expectations  # noqa: F401 - that it is imported is the point
import pandas as pd  # noqa: F401
import typst
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

_BARS = 6
_LETTERS_A_PAGE = 700


class _Nothing(dg.IOManager):
    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Keep nothing."""

    def load_input(self, context: dg.InputContext) -> None:
        """Load nothing."""


def prepare(plan_path: str) -> Callable[[str], None]:
    """What one issue takes; told the partition."""
    plan = json.loads(Path(plan_path).read_text(encoding="utf-8"))
    definitions = _definitions(plan)
    job = definitions.resolve_job_def("issue")
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

    def issue(partition: str) -> None:
        with dg.DagsterInstance.get() as instance:
            done = job.execute_in_process(
                instance=instance, partition_key=partition, run_config=quiet
            )
        if not done.success:
            raise RuntimeError("The floor's run failed.")
        charts = [_chart() for _ in range(plan["charts"])]
        _pdf(plan, charts)

    return issue


def _definitions(plan: dict[str, Any]) -> dg.Definitions:
    partitions = dg.StaticPartitionsDefinition(plan["partitions"])
    assets = [_asset(name, above, partitions) for name, above in plan["assets"].items()]
    checks = [_stage(name, of, partitions) for name, of in plan["stages"].items()]
    job = dg.define_asset_job("issue", dg.AssetSelection.assets(*assets))
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
        jobs=[job],
        resources={"io_manager": _Nothing()},
        executor=dg.in_process_executor,
    )


def _asset(
    name: str, above: list[str], partitions: dg.StaticPartitionsDefinition
) -> dg.AssetsDefinition:
    @dg.asset(name=name, deps=above, partitions_def=partitions)
    def nothing() -> None:
        pass

    return nothing


def _stage(
    name: str, checks: list[dict[str, Any]], partitions: dg.StaticPartitionsDefinition
) -> dg.AssetChecksDefinition:
    specs = [dg.AssetCheckSpec(**check, partitions_def=partitions) for check in checks]

    @dg.multi_asset_check(name=name, specs=specs, can_subset=True)
    def all_is_well(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        for key in context.selected_asset_check_keys:
            yield dg.AssetCheckResult(check_name=key.name, asset_key=key.asset_key, passed=True)

    return all_is_well


def _chart() -> bytes:
    sheet = Figure(figsize=(3.3, 2.05))
    axes = sheet.add_subplot()
    axes.bar(range(_BARS), range(1, _BARS + 1))
    axes.set_xticks([])
    target = io.BytesIO()
    FigureCanvasSVG(sheet).print_svg(target)
    return target.getvalue()


def _pdf(plan: dict[str, Any], charts: list[bytes]) -> bytes:
    """As many pages of Chinese text, with the charts among them."""
    text = "北京证券交易所科技成长公司周报" * (_LETTERS_A_PAGE // 15)
    pages = [text for _ in range(plan["pages"])]
    source = (
        '#set text(font: "Noto Sans SC", lang: "zh", size: 9pt)\n'
        "#let data = json(bytes(sys.inputs.data))\n"
        "#for (at, page) in data.pages.enumerate() {\n"
        "  if at > 0 { pagebreak() }\n  page\n"
        "  for chart in data.charts.slice(\n"
        "    calc.quo(at * data.charts.len(), data.pages.len()),\n"
        "    calc.quo((at + 1) * data.charts.len(), data.pages.len()),\n"
        '  ) { image(bytes(chart), format: "svg", width: 6cm) }\n}\n'
    )
    font = typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(Path(plan["font"]).parent)],
    )
    data = json.dumps({"pages": pages, "charts": [chart.decode() for chart in charts]})
    result: bytes = typst.compile(source.encode(), font_paths=font, sys_inputs={"data": data})
    return result


if __name__ == "__main__":
    prepare(sys.argv[1])(sys.argv[2])
