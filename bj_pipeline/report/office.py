"""What the Word file and the workbook have in common.

What belongs here: which characters an Office file may hold, and the day that stands for its making.
What does not: how either file looks (:mod:`.docx`, :mod:`.xlsx`).
"""

import re
from datetime import UTC, date, datetime, time

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legal(text: str) -> str:
    """The text with U+FFFD for every character that XML cannot hold, so that the slip is seen."""
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)


def made_on(day: date) -> datetime:
    """The moment written into a file as that of its making: the same whenever it is rebuilt."""
    return datetime.combine(day, time(), UTC)
