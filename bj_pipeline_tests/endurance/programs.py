"""The command line as processes that start warm, may be killed, and run beside each other.

Each is forked from a server that has imported everything already, so that its life is work and not
imports. Nothing else is shared: each has its own environment, session and output.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

LEFT_TO_ENDURANCE = "takes a processor for minutes; make endurance does it"
"""Why the everyday suite skips what it does in another way or with another database."""
_FORKED = multiprocessing.get_context("forkserver")
_FORKED.set_forkserver_preload(["bj_pipeline_tests.endurance.preloaded"])
_PATIENCE_SECONDS = 900.0


@dataclass
class Program:
    """A process of ours.

    Attributes:
        process: Leads a group of its own.
        output: File of what it prints.
    """

    process: multiprocessing.Process
    output: Path

    def wait(self) -> int:
        """Wait for its end; return its exit code."""
        self.process.join(_PATIENCE_SECONDS)
        if self.process.exitcode is None:
            self.kill()
            raise TimeoutError(f"it did not end:\n{self.printed}")
        return self.process.exitcode

    def kill(self) -> None:
        """End it and its children at once, as ``kill -9`` does."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            self.process.kill()
        self.process.join()

    @property
    def printed(self) -> str:
        """What it printed so far."""
        return self.output.read_text(encoding="utf-8")


@dataclass(frozen=True)
class Home:
    """An installation that several programs work in.

    Attributes:
        folder: ``BJ_HOME``.
        environment: Further settings.
        outputs: Folder for what programs print; None for the one that the home lies in.
    """

    folder: Path
    environment: Mapping[str, str]
    outputs: Path | None = None

    def start(self, *arguments: object, **environment: str) -> Program:
        """Start ``bj-pipeline``."""
        return self.start_call(_command_line, tuple(map(str, arguments)), **environment)

    def start_call(self, call: Callable[..., None], *given: object, **environment: str) -> Program:
        """Start a function of a module as a program of its own."""
        outputs = self.outputs or self.folder.parent
        outputs.mkdir(parents=True, exist_ok=True)
        output = outputs / f"printed-{time.monotonic_ns()}.txt"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("BJ_", "DAGSTER_"))}
        whole = inherited | {"BJ_HOME": str(self.folder)} | dict(self.environment) | environment
        process = _FORKED.Process(target=_live, args=(call, given, whole, str(output)))
        process.start()
        return Program(process, output)

    def run(self, *arguments: object, **environment: str) -> str:
        """Run ``bj-pipeline`` to its end; return what it printed."""
        program = self.start(*arguments, **environment)
        code = program.wait()
        assert code == 0, program.printed
        return program.printed


def _live(
    call: Callable[..., None], given: tuple[object, ...], environment: dict[str, str], output: str
) -> None:
    os.setsid()
    # Also where the test's own process ignores it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    with Path(output).open("wb") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    os.chdir(Path(output).parent)
    call(*given)


def _command_line(arguments: tuple[str, ...]) -> None:
    from bj_pipeline.cli import main

    main(list(arguments))
