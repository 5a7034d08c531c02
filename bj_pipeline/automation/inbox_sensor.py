"""The inbox: a file dropped into ``$BJ_HOME/inbox`` lands, and the issues it speaks of are built.

What belongs here: which files are taken and where they are moved, and who asks for runs. What does
not: what a file means (``layouts``) and of which issues it speaks (``sources.inbox``).

Runs are asked for from what has landed, compared with what was asked for before: a daemon that is
killed at any moment asks at its next tick, and run keys keep it from asking twice.
"""

import hashlib
import json
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from bj_pipeline import folders
from bj_pipeline.assets.partitions import SHANGHAI, is_closed
from bj_pipeline.automation.jobs import ASKED_BY, issue_job
from bj_pipeline.automation.ticks import Tick
from bj_pipeline.characters import shown
from bj_pipeline.counted import counted
from bj_pipeline.errors import DataError
from bj_pipeline.issues import all_issues
from bj_pipeline.settings import Settings, load_settings

if TYPE_CHECKING:
    from bj_pipeline.sources import Delivery
    from bj_pipeline.sources.inbox import Arrival
    from bj_pipeline.sources.landing import Landing

DONE = "done"
REJECTED = "rejected"
REASON = ".reason.txt"

_UNFINISHED = frozenset(
    {".part", ".partial", ".filepart", ".crdownload", ".download", ".opdownload", ".tmp", ".temp"}
)
"""Suffixes under which browsers and copying programs keep a file until it is whole."""
_AT_ONCE = 100
"""Files taken in one tick, so that a tick ends before the daemon gives it up."""
_LONGEST_NAME = 200
"""Bytes of a name in ``done`` and ``rejected``: a reason's is longer, and 255 is the end."""
_KEY_LENGTH = 16
_INTERVAL_SECONDS = 30


@dataclass
class Cursor:
    """What the previous tick knew.

    Attributes:
        waiting: Size and time of change of each file that was there.
        asked: Issue → fingerprint of the dated files with which it was asked for.
        undated: Fingerprint of the files without days when they were last asked for.
    """

    waiting: dict[str, tuple[int, int]] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    undated: str = ""

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """The cursor that Dagster kept; an empty one at first."""
        given: dict[str, Any] = json.loads(text) if text else {}
        waiting = {
            name: (size, changed) for name, (size, changed) in given.pop("waiting", {}).items()
        }
        return cls(waiting=waiting, **given)

    def text(self) -> str:
        """As Dagster keeps it."""
        # In ASCII: a file name need not be text that a database can hold.
        return json.dumps(vars(self), sort_keys=True)


@dg.sensor(
    job=issue_job,
    minimum_interval_seconds=_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A file that was put into BJ_HOME/inbox is recognised, landed and moved to "
    "inbox/done (or to inbox/rejected, with the reason beside it), once its size has not changed "
    "from one tick to the next. Each closed issue that it speaks of is built; a file without days, "
    "such as a list of companies, renews the newest of them. On by default: without a file it does "
    "nothing.",
)
def inbox(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Take what has arrived, and ask for the issues that it serves."""
    found = tick(load_settings(), context.cursor, datetime.now(SHANGHAI))
    return found.result(context, "Nothing new.")


def tick(settings: Settings, cursor_text: str | None, now: datetime) -> Tick:
    """Take the files that are whole, and ask for the closed issues whose files are not the same."""
    from bj_pipeline.sources.inbox import arrivals  # noqa: PLC0415 - only where used
    from bj_pipeline.sources.landing import Landing  # noqa: PLC0415
    from bj_pipeline.warehouse.store import Warehouse  # noqa: PLC0415

    cursor = Cursor.parse(cursor_text)
    landing = Landing(settings.landing, Warehouse(settings.warehouse_url))
    folders.make(settings.inbox)
    _make_way(settings.inbox)
    there = _candidates(settings.inbox)
    whole = [name for name in there if cursor.waiting.get(name) == there[name]]
    told = []
    for name in whole[:_AT_ONCE]:
        outcome = _take(settings.inbox, name, there[name], landing)
        told.append(outcome.text)
        if outcome.is_out:
            there.pop(name)
    cursor.waiting = there
    requests: list[dg.RunRequest] = []
    if whole[_AT_ONCE:]:
        told.append(f"{counted(len(whole) - _AT_ONCE, 'more file')} to be taken at the next ticks.")
    else:
        requests = _requests(settings, cursor, arrivals(landing), now)
    if there:
        told.append(f"Waiting until they are whole: {', '.join(map(shown, sorted(there)))}.")
    return Tick(requests, cursor.text(), told)


# --- the folder


def _make_way(folder: Path) -> None:
    """Give a file another name that is called as a folder of ours, or no file could be moved."""
    for name in (DONE, REJECTED):
        path = folder / name
        if os.path.lexists(path) and not path.is_dir():
            path.rename(folder / f"{name}.{path.lstat().st_mtime_ns}")


def _candidates(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of the files that may be taken, by name."""
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            is_hidden = name.startswith((".", "~"))
            if is_hidden or Path(name).suffix.lower() in _UNFINISHED:
                continue
            try:
                about = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(about.st_mode):
                found[name] = _state(about)
    return dict(sorted(found.items()))


def _state(about: os.stat_result) -> tuple[int, int]:
    """Size and time of change, by which a file is known to be still the same."""
    return about.st_size, about.st_mtime_ns


@dataclass(frozen=True)
class _Outcome:
    """What became of a file, and whether it is out of the inbox."""

    text: str
    is_out: bool = True


def _take(folder: Path, name: str, seen: tuple[int, int], landing: "Landing") -> _Outcome:
    """Land a file and move it to ``done``, or move it to ``rejected``."""
    from bj_pipeline.sources.inbox import understood  # noqa: PLC0415 - only where used

    try:
        content = _read(folder / name, seen)
        if content is None:
            return _Outcome(f"{shown(name)} has changed while it was read.", is_out=False)
        if not name.isprintable():
            rule, remedy = "a file has a name that can be read", "Rename it."
            return _reject(folder, name, DataError(name, rule, remedy))
        delivery = understood(name, content)
    except OSError as error:
        return _Outcome(f"{shown(name)} cannot be read: {error.strerror}.", is_out=False)
    except DataError as error:
        return _reject(folder, name, error)
    except Exception as error:  # noqa: BLE001 - one file must not hold up all others
        rule, remedy = "the file can be read", "Open it and save it again, or export it anew."
        found = f"{type(error).__name__}: {error}"
        return _reject(folder, name, DataError(name, rule, remedy, found=found))
    landing.store(delivery)
    return _finish(folder, name, seen, delivery)


def _finish(folder: Path, name: str, seen: tuple[int, int], delivery: "Delivery") -> _Outcome:
    """Move a file that has landed to ``done``."""
    target = _folder(folder, DONE)
    moved = target / _free_name(target, name, delivery.sha256)
    (folder / name).rename(moved)
    if _state(moved.lstat()) != seen:
        # It was saved once more while it was understood: only the next tick may call that done.
        moved.rename(folder / name)
        return _Outcome(f"{shown(name)} has changed while it was read.", is_out=False)
    issues = delivery.parameters["issues"].replace(",", ", ") or "every issue"
    return _Outcome(f"{name} has landed: {delivery.parameters['feeds']} of {issues}.")


def _read(path: Path, seen: tuple[int, int]) -> bytes | None:
    """The bytes of a file that is no link; None if it is not what the tick has seen.

    Raises:
        DataError: It is too large.
        OSError: It is gone, or must not be read.
    """
    from bj_pipeline.sources.spreadsheets import BYTES_LIMIT  # noqa: PLC0415 - only where used

    if seen[0] > BYTES_LIMIT:
        rule = f"a file has at most {BYTES_LIMIT // 1024**2} MB"
        raise DataError(path.name, rule, "Export fewer days.", found=f"{seen[0]} bytes")
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        content = file.read(seen[0] + 1)
        about = os.fstat(file.fileno())
    unchanged = _state(about) == seen and len(content) == seen[0]
    return content if unchanged else None


def _reject(folder: Path, name: str, error: DataError) -> _Outcome:
    """Move a file to ``rejected`` with the reason beside it."""
    sha256 = _sha256(folder / name)
    target = _folder(folder, REJECTED)
    place = _free_name(target, name, sha256)
    lines = [
        f"File:   {error.file}",
        f"Line:   {error.row}" if error.row is not None else "",
        f"Rule:   {error.rule}",
        f"Found:  {error.found}" if error.found is not None else "",
        f"Remedy: {error.remedy} Then put the file into {folder.name}/ again.",
    ]
    # First the reason, then the file: a killed tick leaves no file without one.
    reason = target / f"{place}{REASON}"
    folders.write(reason, ("\n".join(filter(None, lines)) + "\n").encode())
    (folder / name).rename(target / place)
    told = f"{shown(name)} was rejected, see {folder.name}/{REJECTED}/{reason.name}"
    return _Outcome(f"{told}. {error}")


def _folder(inbox_folder: Path, name: str) -> Path:
    folder = inbox_folder / name
    folder.mkdir(exist_ok=True)
    return folder


def _free_name(folder: Path, name: str, sha256: str) -> str:
    """The file's name, with the beginning of its SHA-256 in front if another file has it.

    A name that is too long, or holds what no text can, is made one that people can read.
    """
    plain = shown(name).replace("/", "_")
    stem, suffix = Path(plain).stem, Path(plain).suffix
    short = stem.encode()[: _LONGEST_NAME - len(suffix.encode())].decode(errors="ignore") + suffix
    kept = plain if len(plain.encode()) <= _LONGEST_NAME else short
    taken = folder / kept
    if not os.path.lexists(taken) or (taken.is_file() and _sha256(taken) == sha256):
        return kept
    return f"{sha256[:8]}-{kept}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- who asks for runs


def _requests(
    settings: Settings, cursor: Cursor, known: Sequence["Arrival"], now: datetime
) -> list[dg.RunRequest]:
    """Runs of the closed issues whose files are not those of the last request; notes them."""
    from bj_pipeline.sources.inbox import fingerprint, serving, without_days  # noqa: PLC0415

    covered = {number for arrival in known for number in arrival.issues}
    closed = [one for one in all_issues() if one.number in covered and is_closed(one, now)]
    if not closed:
        return []
    newest = closed[-1]
    shared = without_days(known)
    undated = fingerprint(shared)
    requests = []
    for issue in closed:
        dated = serving(known, issue.number)
        present = fingerprint(dated)
        is_renewed = issue is newest and undated != cursor.undated
        if cursor.asked.get(issue.key) == present and not is_renewed:
            continue
        cursor.asked[issue.key] = present
        files = [*dated, *shared] if issue is newest else dated
        if not files:
            continue  # All that had come for it was withdrawn.
        content = fingerprint(files)[:_KEY_LENGTH]
        # Not the content alone: a file that comes back after another one is news.
        at = max(file.at for file in files)
        requests.append(
            dg.RunRequest(
                run_key=f"inbox-{issue.key}-{content}-{at:%y%m%d%H%M%S%f}",
                partition_key=issue.key,
                run_config=_run_config(settings),
                tags={ASKED_BY: "inbox"},
            )
        )
    cursor.undated = undated
    return requests


def _run_config(settings: Settings) -> dict[str, Any]:
    """The configured profile, which may name the inbox among others; else the inbox alone."""
    from bj_pipeline.sources.inbox import NAME  # noqa: PLC0415 - only where used
    from bj_pipeline.sources.registry import is_profile  # noqa: PLC0415

    source = settings.source if is_profile(settings.source) else NAME
    config = {"source": source, "input": str(settings.input or "")}
    return {"resources": {"pipeline": {"config": config}}}
