"""``bj-pipeline dev`` as shipped: started in a home of its own, and ended with all it started."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

START_SECONDS = 150
"""How long the programs may take to start: 20 s where they have two idle cores for themselves."""
STOP_SECONDS = 20


@contextmanager
def dev_server(folder: Path, **environment: str) -> Iterator[str]:
    """Run ``bj-pipeline dev`` in a home of its own, and end all that it started.

    Args:
        folder: Where home and log lie.
        environment: Settings beside ``BJ_HOME``.

    Yields:
        Address of the UI.
    """
    port = free_port()
    program = Path(sys.executable).parent / "bj-pipeline"
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("BJ_", "DAGSTER_"))}
    log = folder / "dev.log"
    with log.open("wb") as output, _interruptible():
        process = subprocess.Popen(
            [str(program), "dev", "--port", str(port)],
            env=inherited | {"BJ_HOME": str(folder / "home")} | environment,
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _await_answer(f"{address}/server_info", process, log)
        yield address
    finally:
        _stop(process)


def free_port() -> int:
    """A port of this machine where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def _interruptible() -> Iterator[None]:
    """What is started here listens to Ctrl+C, also where the test's own process ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _await_answer(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(URLError, OSError), urlopen(url, timeout=5):  # noqa: S310 - our own server
            return
        time.sleep(0.2)
    state = "did not answer" if process.poll() is None else f"ended with {process.returncode}"
    raise AssertionError(f"bj-pipeline dev {state}:\n{log.read_text(errors='replace')[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process group: as Ctrl+C does, then by force whatever is left of it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
