"""What must be quick because it happens all the time: the command line's help, and sensor ticks."""

import atexit
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

from bj_pipeline_tests.benchmarks.figures import Bench, Outcome
from bj_pipeline_tests.benchmarks.measuring import (
    BenchmarkError,
    child,
    environment,
    in_turn,
    program,
    python,
    worker,
)

_HELP_ROUNDS = 21
_TICK_ROUNDS = 31
_SENSORS = ("inbox", "curated_edits", "trouble_alerts", "late_alerts", "ready_alerts")
_EMPTY = "empty"


def help_page(bench: Bench) -> list[Outcome]:
    """``bj-pipeline --help``."""
    variables, log = environment(bench.folder), bench.folder / "help.log"
    commands = (program("--help"), python("-c", "import click"))
    for command in commands:
        child(command, variables, log)
    ours, floor = in_turn(
        bench.rounds(_HELP_ROUNDS),
        lambda _: child(commands[0], variables, log),
        lambda _: child(commands[1], variables, log),
    )
    return [Outcome(ours, floor)]


def tick(bench: Bench) -> list[Outcome]:
    """A tick of each sensor with nothing new: the daemon's whole tick, code server and storage."""
    home = bench.folder / "home"
    child(program("run", "--issue", 65), environment(home), bench.folder / "run.log")
    outcomes = []
    with worker("starting:ticker", environment(home), bench.folder) as evaluate:
        for name in (_EMPTY, *_SENSORS):
            for _ in range(3):
                evaluate(name)
        for name in _SENSORS:
            ours, floor = in_turn(
                bench.rounds(_TICK_ROUNDS),
                lambda _, n=name: evaluate(n),
                lambda _: evaluate(_EMPTY),
            )
            outcomes.append(Outcome(ours, floor, part=name))
    return outcomes


# --- what runs in the worker


def ticker() -> Callable[[str], None]:
    """Evaluates one sensor as Dagster's daemon does, in a code server that stays up.

    Dagster has no public call for this; its daemon's own is taken, without the wait between ticks.
    """
    from bj_pipeline.automation.home import dagster_environment
    from bj_pipeline.settings import load_settings

    os.environ.update(dagster_environment(load_settings()))
    import dagster as dg
    from dagster._core.definitions.run_request import InstigatorType
    from dagster._core.scheduler.instigation import (
        InstigatorState,
        InstigatorStatus,
        SensorInstigatorData,
    )
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import ModuleTarget
    from dagster._daemon import sensor as daemon
    from dagster._daemon.controller import create_daemon_grpc_server_registry

    closing = ExitStack()
    atexit.register(closing.close)
    instance = closing.enter_context(dg.DagsterInstance.get())
    registry = closing.enter_context(create_daemon_grpc_server_registry(instance))
    daemon.is_under_min_interval = lambda *_: False
    ticks: dict[str, Callable[[], Iterator[Any]]] = {}
    for module in ("bj_pipeline.definitions", f"{__package__}.floor_sensor"):
        target = ModuleTarget(module, None, None, module)
        process = closing.enter_context(
            WorkspaceProcessContext(instance, target, grpc_server_registry=registry)
        )
        (entry,) = process.create_request_context().get_code_location_entries().values()
        if entry.code_location is None:
            raise BenchmarkError(str(entry.load_error))
        (repository,) = entry.code_location.get_repositories().values()
        for sensor in repository.get_sensors():
            state = InstigatorState(
                sensor.get_remote_origin(),
                InstigatorType.SENSOR,
                InstigatorStatus.DECLARED_IN_CODE,
                SensorInstigatorData(min_interval=1, sensor_type=sensor.sensor_type),
            )
            instance.add_instigator_state(state)
            ticks[sensor.name] = partial(
                daemon._process_tick_generator,
                process, logging.getLogger(__name__), sensor, state, None, {}, None,
            )  # fmt: skip

    def evaluate(name: str) -> None:
        for error in ticks[name]():
            if error is not None:
                raise BenchmarkError(str(error))

    return evaluate
