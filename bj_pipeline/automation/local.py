"""Building issues in this process, as ``bj-pipeline run`` does.

A run is recorded in Dagster's own storage, so the UI shows it beside the others.
"""

import os
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import dagster as dg
import pandas as pd

from bj_pipeline import errors
from bj_pipeline.assets.partitions import closed_issue
from bj_pipeline.automation import collecting, dagster_storage
from bj_pipeline.automation.abandoned import close_former_runs
from bj_pipeline.automation.home import dagster_environment
from bj_pipeline.automation.inventory import was_interrupted
from bj_pipeline.automation.jobs import FIGURES_JOB, ISSUE_JOB
from bj_pipeline.automation.progress import PROGRESS, progress_bar
from bj_pipeline.automation.stopping import cancelled_if_stopped
from bj_pipeline.issues import by_number, trailing
from bj_pipeline.quality.stages import ALL
from bj_pipeline.report import typesetting
from bj_pipeline.report.artifacts import finished
from bj_pipeline.settings import Settings
from bj_pipeline.sources.registry import open_source
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline.warehouse.turns import turn


@dataclass
class Runner:
    """Builds issues from one source.

    Attributes:
        settings: The installation's settings.
        source: ``sample`` or ``files``.
        folder: Folder of the source ``files``.
    """

    settings: Settings
    source: str
    folder: Path | None

    def __post_init__(self) -> None:
        """Whoever makes a runner builds issues."""
        collecting.rarely()

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse that runs write to."""
        return Warehouse(self.settings.warehouse_url)

    @cached_property
    def definitions(self) -> dg.Definitions:
        """The definitions, with Dagster's home set up first."""
        os.environ.update(dagster_environment(self.settings))
        from bj_pipeline.definitions import build  # noqa: PLC0415 - reads the environment

        return build(self.settings)

    @cached_property
    def instance(self) -> dg.DagsterInstance:
        """Dagster's storage, open as long as the runner is in use."""
        opened = dagster_storage.instance(Path(os.environ["DAGSTER_HOME"]), in_terminal=True)
        weakref.finalize(self, opened.dispose)
        return opened

    def build(self, number: int) -> str:
        """Build one issue; return what to tell the user.

        Raises:
            PipelineError: What stopped the run, for the person who can act.
        """
        issue = closed_issue(str(number))
        remarks = open_source(self.source, self.folder, self.settings).remarks()
        try:
            self._run(ISSUE_JOB, number)
        except errors.PipelineError as error:
            # What stops the run is told as its error.
            _tell_unused(remark for remark in remarks if remark not in str(error))
            raise
        _tell_unused(remarks)
        ready = finished(self.settings.artifacts / issue.folder)
        lines = [*self._remarks(number), f"Issue {number} is ready:"]
        lines += [f"  {path}" for path in ready.values()]
        return "\n".join(lines)

    def build_quietly(self, number: int, assets: Sequence[str] = ()) -> None:
        """Build one issue, or some of its assets, without a word.

        Raises:
            PipelineError: What stopped the run, for the person who can act.
        """
        closed_issue(str(number))
        self._execute(ISSUE_JOB, number, PROGRESS, "backfill", assets)
        typesetting.forget()
        collecting.after_an_issue()

    def build_history(self, number: int, count: int) -> None:
        """Compute sector figures of earlier issues that are missing; a failure is only told."""
        there = set(self.warehouse.issues(tables.SECTOR_METRICS)) if count else set()
        for issue in trailing(by_number(number), count + 1)[:-1]:
            if issue.number in there:
                continue
            try:
                self._run(FIGURES_JOB, issue.number)
            except errors.PipelineError as error:
                click.echo(f"Issue {issue.number} stays a gap in trends: {error}", err=True)

    def _run(self, job_name: str, number: int) -> None:
        steps = len(self.definitions.resolve_job_def(job_name).graph.node_dict)
        label = f"Issue {number}" if job_name == ISSUE_JOB else f"Issue {number}, figures"
        with progress_bar(label, steps) as logger_name:
            self._execute(job_name, number, logger_name, "command line")

    def _execute(
        self,
        job_name: str,
        number: int,
        logger_name: str,
        asked_by: str,
        assets: Sequence[str] = (),
    ) -> None:
        # Asked first: Dagster waits long for a database that does not answer, and says less.
        self.warehouse.versions(number)
        job = self.definitions.resolve_job_def(job_name)
        run_id = str(uuid4())
        with (
            turn(self.warehouse.engine, number, tell=partial(click.echo, err=True)),
            cancelled_if_stopped(self.instance, run_id),
        ):
            close_former_runs(self.instance, number)
            result = job.execute_in_process(
                partition_key=str(number),
                instance=self.instance,
                run_id=run_id,
                raise_on_error=False,
                asset_selection=[dg.AssetKey(name) for name in assets] or None,
                tags={"bj/asked_by": asked_by},
                run_config={
                    "resources": {
                        "pipeline": {
                            "config": {"source": self.source, "input": str(self.folder or "")}
                        }
                    },
                    "loggers": {logger_name: {}},
                },
            )
            if any(was_interrupted(event) for event in result.all_events):
                raise KeyboardInterrupt  # which Dagster makes a failed step of
        if not result.success:
            raise self._failure(number, result)

    def _failure(self, number: int, result: dg.ExecuteInProcessResult) -> errors.PipelineError:
        checks = self.warehouse.read(tables.CHECK_RESULTS, number)
        failed = checks[~checks["passed"] & (checks["severity"] == "critical")]
        causes = list(_causes(result))
        stopped = [cause for cause in causes if not isinstance(cause, errors.CheckFailedError)]
        if stopped:
            return stopped[0]
        if not failed.empty:
            told = "\n".join(f"  {line}" for line in _told(failed))
            return errors.CheckFailedError(
                f"Issue {number} was stopped by a check; nothing after it was built.\n{told}"
            )
        return causes[0] if causes else errors.PipelineError(f"The run of issue {number} failed.")

    def _remarks(self, number: int) -> list[str]:
        """What the user should know of a report that was built all the same."""
        checks = self.warehouse.read(tables.CHECK_RESULTS, number)
        remarks = [f"Warning: {line}" for line in _told(checks[~checks["passed"]])]
        document = self.warehouse.read(tables.REPORT_DOCUMENT, number)["document"].iloc[0]
        from bj_pipeline.report.document import Document  # noqa: PLC0415

        parsed = Document.model_validate_json(document)
        remarks += [f"Missing: {parsed.text(line)}" for line in parsed.notices]
        if parsed.revision > 1:
            remarks.append(
                f"Revision {parsed.revision}: `bj-pipeline diff {number}` shows what it changes."
            )
        return remarks


def _told(failed: pd.DataFrame) -> list[str]:
    """One line a failed check: its name, what is wrong, the first rows, and what to do."""
    remedies = {one.name: one.remedy for one in ALL}
    return [
        f"{row['check']} ({row['asset']}): {row['summary']} {remedies.get(row['check'], '')}"
        for row in failed.to_dict("records")
    ]


def _causes(result: dg.ExecuteInProcessResult) -> Iterator[errors.PipelineError]:
    """What failed, in the pipeline's own error types where they say so."""
    kinds = {kind.__name__: kind for kind in _error_types(errors.PipelineError)}
    for event in result.all_events:
        data: Any = event.event_specific_data
        error = getattr(data, "error", None) if event.is_step_failure else None
        while error is not None:
            if error.cls_name in kinds:
                kind = kinds[error.cls_name]
                told = errors.PipelineError(error.message.split(": ", 1)[-1].strip())
                told.exit_code = kind.exit_code
                if kind is errors.CheckFailedError:
                    told = errors.CheckFailedError(str(told))
                yield told
                break
            if error.cause is None and error.cls_name != "DagsterAssetCheckFailedError":
                yield errors.PipelineError(f"Step {event.step_key}: {error.message.strip()}")
            error = error.cause


def _error_types(kind: type[errors.PipelineError]) -> Iterator[type[errors.PipelineError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _error_types(child)


def _tell_unused(remarks: Iterable[str]) -> None:
    for remark in remarks:
        click.echo(f"Not used: {remark}", err=True)
