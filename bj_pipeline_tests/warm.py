"""``bj-pipeline`` as programs that start at once, for tests of what it does and not how it starts.

What belongs here: a server that has imported everything and forks for each program, and the small
program, also called ``bj-pipeline``, that asks it to. What does not: the installed program, which
takes longer to import its libraries than to do most of what tests ask of it.

A forked program has its own process, environment, folder, input and output; it begins where the
installed one is when it has read its arguments, and it ends as that does. One server is there for
all processes of a test session, and imports nothing before the first program is asked for.
"""

import atexit
import gc
import io
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from bj_pipeline_tests.command_line import PROJECT, WARM

_STREAMS = 3
_LONGEST_REQUEST = 1 << 20
_PROGRAM = """#!{python} -ISB
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    asked = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
    socket.send_fds(server, [len(asked).to_bytes(4)], [0, 1, 2])
    server.sendall(asked)
    sys.exit(int(server.recv(8) or b"137"))
"""


@contextmanager
def programs() -> Iterator[None]:
    """Run a server, and say in the environment where the program is that asks it."""
    # Not in pytest's own folder: the path of a socket may not be longer than 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="warm"))
    address, program = folder / "socket", folder / "bj-pipeline"
    program.write_text(_PROGRAM.format(python=sys.executable, address=str(address)))
    program.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(address))
        listening.listen()
        unsettled = ("BJ_", "DAGSTER_", "AWS_", "FSSPEC_")
        server = subprocess.Popen(
            [sys.executable, "-m", "bj_pipeline_tests.warm", str(listening.fileno())],
            cwd=PROJECT,
            env={k: v for k, v in os.environ.items() if not k.startswith(unsettled)},
            stdin=subprocess.PIPE,
            pass_fds=[listening.fileno()],
            start_new_session=True,
        )
    os.environ[WARM] = str(program)
    try:
        yield
    finally:
        del os.environ[WARM]
        server.communicate()  # closes its input, at whose end it ends, also if this process is gone
        shutil.rmtree(folder)


def _serve(listening: socket.socket) -> NoReturn:
    """Fork for each program that is asked for, until nobody can ask any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait
    while True:
        ready, _, _ = select.select([listening, sys.stdin], [], [])
        if sys.stdin in ready:
            os._exit(0)
        asking, _ = listening.accept()
        import bj_pipeline_tests.endurance.preloaded  # noqa: F401 - everything that a run imports

        gc.freeze()  # what was imported is no garbage, and no program needs to look
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listening.close()
            _answer(asking)
        asking.close()


def _answer(asking: socket.socket) -> NoReturn:
    """Do what one program is asked for in a process of its own, and say how that ended."""
    length, streams, _, _ = socket.recv_fds(asking, 4, _STREAMS)
    asked = b""
    while len(asked) < int.from_bytes(length):
        asked += asking.recv(_LONGEST_REQUEST)
    pid = os.fork()
    if pid == 0:
        asking.close()
        for stream, given in enumerate(streams):
            os.dup2(given, stream)
            os.close(given)
        _be(*json.loads(asked))
    for given in streams:
        os.close(given)
    _, status = os.waitpid(pid, 0)
    asking.sendall(str(os.waitstatus_to_exitcode(status) % 256).encode())
    os._exit(0)


def _be(arguments: list[str], environment: dict[str, str], folder: str) -> NoReturn:
    """Be ``bj-pipeline``, and end without taking apart all that was imported."""
    from bj_pipeline.cli import main

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    # What Python opened for the server may be of another kind than what the program is given.
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)))
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(2, "w", closefd=False)),
        errors="backslashreplace",
        line_buffering=True,
    )
    sys.argv = ["bj-pipeline", *arguments]
    code = 0
    try:
        main(prog_name="bj-pipeline")
    except SystemExit as end:
        code = end.code or 0
    except BaseException:  # noqa: BLE001 - whatever it is, the program says so and ends
        sys.excepthook(*sys.exc_info())
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as inherited:
        _serve(inherited)
