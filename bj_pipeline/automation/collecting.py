"""How often Python looks for unreachable cycles in a process that builds issues.

What belongs here: the garbage collector's thresholds. What does not: what a process keeps.

Libraries and definitions are 600,000 objects that stay. Python looks for cycles whenever 700
objects are new, and now and then at all that are there: a fifth of the time of a process that
builds one issue, a tenth of that of each further one.
"""

import gc
from functools import cache

_NEW_OBJECTS = 50_000
_YOUNGER = 10


def rarely() -> None:
    """Look for cycles among 50,000 new objects at a time; best called before heavy imports."""
    gc.set_threshold(_NEW_OBJECTS, _YOUNGER, _YOUNGER)


def after_an_issue() -> None:
    """Free what an issue has left in cycles: memory stays level from issue to issue.

    What is there after the first issue stays; Python need not look at it again with each further
    one.
    """
    _keep_what_is_there()
    gc.collect(1)


@cache
def _keep_what_is_there() -> None:
    # Once: how many objects are kept is no cheap question, each of them is counted for it.
    gc.collect()
    gc.freeze()
