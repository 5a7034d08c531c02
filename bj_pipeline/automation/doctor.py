"""``bj-pipeline doctor``: what is configured, reachable and fresh, and what to do where it is not.

What belongs here: questions about the installation. What does not: questions about data, which the
checks ask. Nothing is made or changed, and no secret is shown. Without ``--online`` nothing leaves
the machine, except for the folders that lie in an object store: an object is put there and removed.
"""

import os
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import combinations
from pathlib import Path

from bj_pipeline.characters import shown
from bj_pipeline.counted import counted
from bj_pipeline.errors import PipelineError
from bj_pipeline.settings import FOLDERS, Settings
from bj_pipeline.storage import ObjectPath, StorageError, sizes, try_out

OK, WARN, FAIL = "OK", "WARN", "FAIL"

_HORIZON_DAYS = 60
_SILENT_SECONDS = 300
_TIGHT_BYTES = 2 * 1024**3
_FULL_BYTES = 200 * 1024**2
_TIMEOUT_SECONDS = 5
_AKSHARE_URL = "https://push2his.eastmoney.com/"
_TUSHARE_URL = "http://api.tushare.pro/"
_VENDOR_PACKAGES = ("akshare", "tushare")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis.

    Attributes:
        level: ``OK``, ``WARN`` or ``FAIL``.
        subject: What was looked at.
        found: How it is.
        remedy: What to do; empty if nothing.
    """

    level: str
    subject: str
    found: str
    remedy: str = ""


Question = Callable[[Settings, datetime], Iterator[Finding]]


def diagnose(settings: Settings, now: datetime, *, online: bool = False) -> list[Finding]:
    """Ask everything; a question that cannot be answered is a failure of its subject.

    Args:
        settings: The installation's settings.
        now: The present moment, with its zone.
        online: Whether to try the vendors' network too.
    """
    findings: list[Finding] = []
    questions = [*_QUESTIONS, vendors_network] if online else _QUESTIONS
    for question in questions:
        try:
            findings += question(settings, now)
        except PipelineError as error:
            findings.append(Finding(FAIL, _subject(question), str(error)))
        except Exception as error:  # noqa: BLE001 - one broken part must not hide the others
            told = f"{type(error).__name__}: {error}"
            remedy = "See the message; the rest of this table does not depend on it."
            findings.append(Finding(FAIL, _subject(question), told, remedy))
    return findings


def table(findings: list[Finding]) -> str:
    """The diagnosis for the terminal: one line a subject, then what to do."""
    wide = max(len(finding.subject) for finding in findings)
    lines = [f"{one.level:<4}  {one.subject:<{wide}}  {one.found}" for one in findings]
    todo = [f"{one.subject}: {one.remedy}" for one in findings if one.remedy]
    return "\n".join([*lines, *(["", "What to do"] if todo else []), *todo])


def _subject(question: Question) -> str:
    return question.__name__.replace("_", " ")


# --- sources


def source(settings: Settings, _: datetime) -> Iterator[Finding]:
    """Whether runs know where data comes from."""
    from bj_pipeline.sources.registry import SOURCES, is_profile  # noqa: PLC0415

    names = _used(settings)
    unknown = sorted(names - set(SOURCES))
    shown = f"{settings.source}: {', '.join(sorted(names))}"
    found = shown if is_profile(settings.source) else settings.source
    if unknown:
        remedy = f"Set BJ_SOURCE to one of {', '.join(SOURCES)}, or to a profile of them."
        yield Finding(FAIL, "source", f"there is no source {', '.join(unknown)}", remedy)
    elif names == {"sample"}:
        remedy = "For real reports set BJ_SOURCE, such as BJ_SOURCE=akshare."
        yield Finding(OK, "source", "the embedded sample (made-up market)", remedy)
    else:
        yield Finding(OK, "source", found)


def files_folder(settings: Settings, _: datetime) -> Iterator[Finding]:
    """Whether the folder of the source ``files`` is there."""
    is_used = "files" in _used(settings)
    folder = settings.input
    if folder is None:
        level = FAIL if is_used else OK
        remedy = "Set BJ_INPUT to the folder of vendors' files." if is_used else ""
        yield Finding(level, "files folder", "not configured", remedy)
    elif not folder.is_dir():
        remedy = "Correct BJ_INPUT, or make the folder."
        yield Finding(FAIL if is_used else WARN, "files folder", f"{folder} does not exist", remedy)
    else:
        count = sum(1 for path in folder.iterdir() if path.is_file())
        yield Finding(OK, "files folder", f"{folder}, {counted(count, 'file')}")


def vendors(settings: Settings, _: datetime) -> Iterator[Finding]:
    """Whether the vendors' packages are installed, and the token is set."""
    used = _used(settings)
    for package in _VENDOR_PACKAGES:
        is_used = package in used
        try:
            found, remedy, level = f"package {version(package)}", "", OK
        except PackageNotFoundError:
            found, level = "package not installed", FAIL if is_used else OK
            remedy = f"pip install 'bj-pipeline[{package}]'" if is_used else ""
        if package == "tushare":
            has_token = bool(settings.tushare_token.get_secret_value())
            found += ", token set" if has_token else ", no token"
            if is_used and not has_token:
                level = FAIL
                remedy = f"{remedy} Set BJ_TUSHARE_TOKEN.".strip()
        yield Finding(level, package, found if is_used else f"{found} (not used)", remedy)


def vendors_network(settings: Settings, _: datetime) -> Iterator[Finding]:
    """Whether the vendors' servers answer."""
    used = _used(settings)
    urls = {"akshare": _AKSHARE_URL, "tushare": settings.tushare_url or _TUSHARE_URL}
    for name, url in urls.items():
        answer = _answers(url)
        level = OK if answer is None else FAIL if name in used else WARN
        remedy = "" if answer is None else "Look at the network, the proxy and the firewall."
        yield Finding(level, f"{name} online", answer or "answers", remedy)


def _answers(url: str) -> str | None:
    """None if a server answers, whatever it says; else why not."""
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS):  # noqa: S310 - ours
            return None
    except urllib.error.HTTPError:
        return None
    except (OSError, ValueError) as error:
        return f"does not answer ({getattr(error, 'reason', error)})"


def _used(settings: Settings) -> set[str]:
    """Names of the sources that runs read from."""
    from bj_pipeline.sources.registry import is_profile  # noqa: PLC0415

    if not is_profile(settings.source):
        return {settings.source}
    from bj_pipeline.sources.combined import read_profile  # noqa: PLC0415

    return {name for names in read_profile(Path(settings.source)).values() for name in names}


# --- what this installation keeps


def home(settings: Settings, _: datetime) -> Iterator[Finding]:
    """Whether there is room, and the right to write."""
    folder = settings.home.absolute()
    if problem := _unwritable(folder):
        remedy = "Give this user the right to write there, or set BJ_HOME."
        yield Finding(FAIL, "home", problem, remedy)
        return
    free = shutil.disk_usage(_nearest(folder)).free
    level = FAIL if free < _FULL_BYTES else WARN if free < _TIGHT_BYTES else OK
    remedy = "" if level == OK else "Make room: an issue needs some 10 MB."
    yield Finding(level, "home", f"{folder}, {free / 1024**3:.1f} GB free", remedy)


def folders(settings: Settings, _: datetime) -> Iterator[Finding]:
    """Whether the folders that lie elsewhere can be read and written."""
    for name in FOLDERS:
        folder = getattr(settings, name)
        if isinstance(folder, ObjectPath):
            try:
                try_out(folder)
            except StorageError as error:
                yield Finding(FAIL, f"{name} folder", str(error))
                continue
        elif folder.is_relative_to(settings.home.absolute()):
            continue  # the home stands for it
        elif problem := _unwritable(folder):
            remedy = f"Give this user the right to write there, or set BJ_{name.upper()}."
            yield Finding(FAIL, f"{name} folder", problem, remedy)
            continue
        yield Finding(OK, f"{name} folder", f"{folder} can be read and written")


def database(settings: Settings, _: datetime) -> Iterator[Finding]:
    """Whether the warehouse answers, and has its tables."""
    from sqlalchemy import inspect  # noqa: PLC0415

    from bj_pipeline.warehouse import address, tables  # noqa: PLC0415
    from bj_pipeline.warehouse.store import Warehouse  # noqa: PLC0415

    shown = address.shown(address.parse(settings.warehouse_url))
    if _is_empty(settings):
        remedy = "It is made by the first run: bj-pipeline run --issue 65"
        yield Finding(WARN, "database", f"{shown}, not there yet", remedy)
        return
    engine = Warehouse(settings.warehouse_url).engine
    there = {
        f"{table}.{column['name']}"
        for (_, table), columns in inspect(engine).get_multi_columns().items()
        for column in columns
    }
    wanted = {f"{table}.{one.name}" for table, it in tables.METADATA.tables.items() for one in it.c}
    missing = sorted(wanted - there)
    if missing:
        found = f"{shown} lacks {counted(len(missing), 'column')}, such as {missing[0]}"
        yield Finding(FAIL, "database", found, "Run bj-pipeline migrate, or restore a backup.")
    else:
        yield Finding(OK, "database", f"{shown}, {len(tables.METADATA.tables)} tables")


def landing(settings: Settings, _: datetime) -> Iterator[Finding]:
    """Whether every landed file is there with its size; reads none of them."""
    if _is_empty(settings):
        return
    from sqlalchemy import select  # noqa: PLC0415

    from bj_pipeline.warehouse import tables  # noqa: PLC0415
    from bj_pipeline.warehouse.store import Warehouse  # noqa: PLC0415

    index = tables.table(tables.LANDING)
    query = select(index.c.sha256, index.c.bytes).distinct()
    with Warehouse(settings.warehouse_url).engine.connect() as connection:
        rows = connection.execute(query).all()
    there = sizes(settings.landing)
    lost = [sha for sha, size in rows if there.get(f"{sha[:2]}/{sha}") != size]
    if lost:
        found = f"gone or cut: {len(lost)} of {counted(len(rows), 'file')}, such as {lost[0][:12]}"
        yield Finding(FAIL, "landing", found, "bj-pipeline landing verify names them all.")
    else:
        yield Finding(OK, "landing", f"{counted(len(rows), 'file')}, all there")


def published(settings: Settings, _: datetime) -> Iterator[Finding]:
    """Whether the warehouse knows of an approval of every issue that is published."""
    from bj_pipeline.issues import all_issues  # noqa: PLC0415
    from bj_pipeline.warehouse import tables  # noqa: PLC0415
    from bj_pipeline.warehouse.store import Warehouse  # noqa: PLC0415

    there = {name.partition("/")[0] for name in sizes(settings.published)}
    numbers = {issue.folder: issue.number for issue in all_issues() if issue.folder in there}
    known: set[int] = set()
    if numbers and not _is_empty(settings):
        warehouse = Warehouse(settings.warehouse_url)
        known = set(warehouse.values(tables.APPROVALS, "issue", numbers.values()))
    if unknown := [folder for folder, number in numbers.items() if number not in known]:
        found = f"{counted(len(unknown), 'issue')} that nobody approved in this warehouse, such as"
        yield Finding(
            FAIL,
            "published",
            f"{found} {settings.published / unknown[0]}",
            "If the warehouse was lost or emptied, bj-pipeline restore brings it back; else move "
            "the folders away.",
        )
    elif numbers:
        yield Finding(OK, "published", f"{counted(len(numbers), 'issue')}, all approved")


def inbox(settings: Settings, _: datetime) -> Iterator[Finding]:
    """Whether something in the inbox waits for a person."""
    from bj_pipeline.automation.inbox_sensor import REASON, REJECTED  # noqa: PLC0415

    folder = settings.inbox
    refused = len(list((folder / REJECTED).glob(f"*{REASON}")))
    waiting = sum(1 for path in folder.glob("*") if path.is_file())
    found = f"{folder}, {counted(waiting, 'file')} waiting, {refused} rejected"
    if refused:
        remedy = f"Read the reasons in {folder / REJECTED}, and delete what is settled."
        yield Finding(WARN, "inbox", found, remedy)
    else:
        yield Finding(OK, "inbox", found)


def curated_files(settings: Settings, _: datetime) -> Iterator[Finding]:
    """Whether the pool, the AI chain, the indices and the buckets keep their rules."""
    from bj_pipeline.reference import FEWEST_OF_A_SECTOR, load_reference  # noqa: PLC0415

    reference = load_reference(settings.reference)
    found = f"{len(reference.memberships)} rows of the pool, {len(reference.chain)} of the AI chain"
    yield Finding(OK, "curated files", found)
    codes = {sector: set[str]() for sector in reference.sectors}
    for row in reference.memberships:
        codes[row.sector].add(row.code)
    for sector, its in codes.items():
        if len(its) < FEWEST_OF_A_SECTOR:
            remedy = "Look in pool.csv whether its name is misspelt; leave it if it is meant so."
            told = f"{shown(sector)} has {counted(len(its), 'company', 'companies')}"
            yield Finding(WARN, "sectors", f"{told}: {', '.join(sorted(its))}", remedy)
    for one, other in combinations(reference.segments, 2):
        if _one_character_apart(one, other):
            remedy = "Look in ai_chain.csv whether one is misspelt; leave them if both are meant."
            yield Finding(WARN, "segments", f"{shown(one)} and {shown(other)} are alike", remedy)


def _one_character_apart(one: str, other: str) -> bool:
    return any(
        one[:at] == other[:at]
        and (
            one[at + 1 :] == other[at + 1 :]
            or one[at:] == other[at + 1 :]
            or one[at + 1 :] == other[at:]
        )
        for at in range(max(len(one), len(other)))
    )


def content(settings: Settings, _: datetime) -> Iterator[Finding]:
    """Whether the house's words, colours, labels and logo keep their rules."""
    from bj_pipeline.report.house import HOUSE_FILE, load_house  # noqa: PLC0415

    house = load_house(settings.content / HOUSE_FILE.name)
    yield Finding(OK, "content", f"{settings.content}, of {house.name}")


def font(_settings: Settings, _: datetime) -> Iterator[Finding]:
    """Whether reports can be typeset."""
    from bj_pipeline.report.fonts import FAMILY, font_file  # noqa: PLC0415

    yield Finding(OK, "font", f"{FAMILY}, {font_file().name}")


# --- what is fresh


def calendar(_settings: Settings, now: datetime) -> Iterator[Finding]:
    """How long the list of issues still lasts."""
    from bj_pipeline.issues import all_issues  # noqa: PLC0415

    last = all_issues()[-1]
    days = (last.close_date - _shanghai(now)).days
    level = OK if days >= _HORIZON_DAYS else WARN if days >= 0 else FAIL
    remedy = "pip install -U exchange-calendars, then bj-pipeline issues extend"
    found = (
        f"issues are known up to {last.number} ({last.close_date}), {counted(days, 'day')} ahead"
    )
    yield Finding(level, "calendar", found, "" if level == OK else remedy)


def issues(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Which issue is the newest, and whether one is due."""
    from bj_pipeline.automation.schedule import due  # noqa: PLC0415
    from bj_pipeline.automation.state import BUILT, issue_states  # noqa: PLC0415

    built: list[int] = []
    if not _is_empty(settings):
        states = issue_states(settings, now)
        built = [int(number) for number in states.loc[states["state"] == BUILT, "number"]]
    newest = f"issue {max(built)} is the newest that is built" if built else "none is built"
    waiting = due(now, built)
    if waiting:
        numbers = ", ".join(issue.key for issue in waiting)
        remedy = f"bj-pipeline backfill {waiting[0].key}-{waiting[-1].key}"
        yield Finding(WARN, "issues", f"{newest}; due: {numbers}", remedy)
    else:
        yield Finding(OK, "issues", f"{newest}; none is due")


def daemon(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Whether Dagster's daemon lives, and the weekly schedule is switched on."""
    start = "Start it: bj-pipeline dev, or the dagster-daemon of deploy/."
    given = os.environ.get("DAGSTER_HOME")
    if not (Path(given) if given else settings.dagster_home).is_dir():
        yield Finding(WARN, "daemon", "Dagster has never run here", start)
        return
    import dagster as dg  # noqa: PLC0415 - slow to import

    from bj_pipeline.automation.home import dagster_environment  # noqa: PLC0415
    from bj_pipeline.automation.schedule import weekly_issue  # noqa: PLC0415

    os.environ.update(dagster_environment(settings))
    with dg.DagsterInstance.get() as instance:
        beats = [beat.timestamp for beat in instance.get_daemon_heartbeats().values()]
        running = {
            state.instigator_name for state in instance.all_instigator_state() if state.is_running
        }
    if not beats:
        yield Finding(WARN, "daemon", "has never run here", start)
    else:
        silent = int(now.timestamp() - max(beats))
        last = datetime.fromtimestamp(max(beats), UTC).isoformat(timespec="seconds")
        level = OK if silent < _SILENT_SECONDS else FAIL
        yield Finding(level, "daemon", f"last heartbeat {last}", "" if level == OK else start)
    if weekly_issue.name in running:
        yield Finding(OK, "schedule", f"{weekly_issue.name} is on")
    else:
        remedy = f"In the UI: Automation, {weekly_issue.name}, switch it on."
        yield Finding(WARN, "schedule", f"{weekly_issue.name} is off", remedy)


def _nearest(folder: Path) -> Path:
    """The folder, or the first above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def _unwritable(folder: Path) -> str:
    """Why a folder cannot be written, or made; empty if it can."""
    if folder.exists() and not folder.is_dir():
        return f"{folder} is no folder"
    there = _nearest(folder)
    try:
        with tempfile.TemporaryFile(dir=there):
            return ""
    except OSError as error:
        return f"{there} cannot be written: {error.strerror}"


def _is_empty(settings: Settings) -> bool:
    """Whether the warehouse is a SQLite file that was never made; to open it would make it."""
    from bj_pipeline.warehouse import address  # noqa: PLC0415

    url = address.parse(settings.warehouse_url)
    return url.get_backend_name() == address.SQLITE and not Path(url.database or "").is_file()


def _shanghai(now: datetime) -> date:
    from bj_pipeline.assets.partitions import SHANGHAI  # noqa: PLC0415 - imports Dagster

    return now.astimezone(SHANGHAI).date()


_QUESTIONS: tuple[Question, ...] = (
    source,
    files_folder,
    vendors,
    home,
    folders,
    database,
    landing,
    published,
    inbox,
    curated_files,
    content,
    font,
    calendar,
    issues,
    daemon,
)
