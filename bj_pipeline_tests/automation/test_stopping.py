"""Ctrl+C: the run ends as cancelled, is nobody's failure, and is stopped however it is pressed."""

import gc
import signal
import weakref
from types import FunctionType
from uuid import uuid4

import dagster as dg
import pytest

from bj_pipeline.automation.abandoned import cancel, cancel_stopped_runs
from bj_pipeline.automation.inventory import last_runs
from bj_pipeline.automation.jobs import ASKED_BY
from bj_pipeline.automation.stopping import cancelled_if_stopped, interrupts_noted
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline.warehouse.turns import turn

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
OF_65 = {"dagster/partition": "65", ASKED_BY: "command line"}


@pytest.fixture(autouse=True)
def _heeded():
    """A suite that a shell starts in the background would ignore Ctrl+C."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


def press() -> None:
    signal.raise_signal(signal.SIGINT)


class Going:
    """An object at whose end Ctrl+C is pressed: Python prints what is raised there, and goes on."""

    def __del__(self) -> None:
        press()


def press_while_an_object_goes() -> None:
    Going()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("pressed", [press, press_while_an_object_goes])
def test_a_run_that_is_stopped_ends_as_cancelled_and_not_as_failed(pressed):
    @dg.op
    def first(context: dg.OpExecutionContext) -> None:
        pressed()
        context.log.info("on and on")
        pytest.fail("it goes on")

    @dg.job
    def job():
        first()

    run_id = str(uuid4())
    with dg.DagsterInstance.ephemeral() as instance:
        with interrupts_noted() as were_noted, cancelled_if_stopped(instance, run_id):
            job.execute_in_process(
                QUIET, instance=instance, raise_on_error=False, run_id=run_id, tags=OF_65
            )
            assert were_noted()
        assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.CANCELED
        assert last_runs(instance) == {}
        assert not instance.fetch_run_status_changes(dg.DagsterEventType.RUN_FAILURE, 1).records


def test_a_run_that_has_ended_leaves_nobody_listening():
    listened = []

    @dg.op
    def only() -> None:
        functions = [one for one in gc.get_objects() if isinstance(one, FunctionType)]
        listening = [one for one in functions if one.__module__ == cancelled_if_stopped.__module__]
        listened.extend(weakref.ref(one) for one in listening if one.__name__ == "hear")

    @dg.job
    def job():
        only()

    run_id = str(uuid4())
    with dg.DagsterInstance.ephemeral() as instance:
        with cancelled_if_stopped(instance, run_id):
            job.execute_in_process(QUIET, instance=instance, run_id=run_id, tags=OF_65)
        gc.collect()
        assert listened
        assert [one for one in listened if one() is not None] == []


def test_a_run_that_is_stopped_before_it_has_begun_ends_as_cancelled():
    run_id = str(uuid4())
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_run(dg.DagsterRun("issue", run_id=run_id, tags=OF_65))
        with pytest.raises(KeyboardInterrupt), cancelled_if_stopped(instance, run_id):
            press()
        assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.CANCELED


def test_a_run_that_has_ended_well_stays_so_however_late_ctrl_c_comes():
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.DagsterRun("issue", run_id=str(uuid4()), status=dg.DagsterRunStatus.SUCCESS)
        instance.add_run(run)
        cancel(instance, run.run_id)
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.SUCCESS


def test_of_a_stopped_backfill_only_its_own_runs_end_as_cancelled(tmp_path):
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'w.db'}")
    with dg.DagsterInstance.ephemeral() as instance:
        for issue in ("63", "64", "65"):
            started = dg.DagsterRunStatus.STARTED
            tags = {"dagster/partition": issue}
            instance.add_run(dg.DagsterRun("issue", run_id=issue, status=started, tags=tags))
        # Somebody else is at issue 64 by now; 65 was not asked for.
        with turn(warehouse.engine, 64):
            cancel_stopped_runs(instance, warehouse, [63, 64])
        states = {run.run_id: run.status.value for run in instance.get_runs()}
    assert states == {"63": "CANCELED", "64": "STARTED", "65": "STARTED"}
