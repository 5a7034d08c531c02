"""The other end of :class:`.measuring.Worker`: measures calls, and answers in lines of JSON.

Standard output belongs to the answers; whatever else is printed goes to the log.
"""

import importlib
import json
import os
import resource
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any


def main(name: str, *arguments: str) -> None:
    """Prepare a function, say so, and measure a call for each line that comes in."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    module, _, function = name.partition(":")
    prepare = getattr(importlib.import_module(f"{__package__}.{module}"), function)
    call: Callable[[Any], Any] = prepare(*arguments)
    print("ready", file=answers)
    for line in sys.stdin:
        argument = json.loads(line)
        cpu, started = _cpu(), perf_counter()
        result = call(argument)
        seconds, used = perf_counter() - started, _cpu() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        answer = {"seconds": seconds, "cpu": used, "peak": peak, "result": result}
        print(json.dumps(answer), file=answers)


def _cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    main(*sys.argv[1:])
