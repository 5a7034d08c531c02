"""Edits of curated data: what depends on them is built again, from the changed asset down.

What belongs here: which issues an edit of the pool, the AI chain, the buckets or a topic page
touches, and who asks for their runs. What does not: rules for these files (``reference``,
``report.topic``).

An issue is touched if what the files say *for it* differs: a company that joins the pool next week
changes nothing of the weeks before. Signatures are kept for every issue, built or not, so that an
edit that is made while an issue is being built is not missed.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

from bj_pipeline.assets.metrics import METRICS_ASSETS
from bj_pipeline.assets.raw import RAW_ASSETS
from bj_pipeline.assets.report import REPORT_ASSETS
from bj_pipeline.assets.resources import is_from_sample
from bj_pipeline.assets.universe import UNIVERSE_ASSETS
from bj_pipeline.automation.jobs import ASKED_BY, BUILDS, FIGURES
from bj_pipeline.automation.ticks import Tick, rebuild
from bj_pipeline.counted import counted
from bj_pipeline.errors import DataError
from bj_pipeline.issues import Issue, all_issues
from bj_pipeline.report.artifacts import MANIFEST
from bj_pipeline.settings import Settings, load_settings
from bj_pipeline.storage import content
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse

FILES = ("pool.csv", "ai_chain.csv", "buckets.csv")
POOL, CHAIN_COMPANIES, CHAIN, BUCKETS, TOPIC = (
    "pool",
    "chain companies",
    "chain",
    "buckets",
    "topic",
)
STARTS_AT: Mapping[str, str] = {
    POOL: tables.COMPANY_UNIVERSE,
    CHAIN_COMPANIES: tables.COMPANY_UNIVERSE,
    CHAIN: tables.AI_CHAIN_CLASSIFICATION,
    BUCKETS: tables.BUCKET_COUNTS,
    TOPIC: tables.REPORT_DOCUMENT,
}
"""Kind of edit → the first asset that depends on it."""

_COVERAGE = frozenset({POOL, CHAIN_COMPANIES})
"""Edits that change whose quotes the checks of ``raw_quotes`` look at."""
_LENGTH = 12
_INTERVAL_SECONDS = 30


@dataclass
class Cursor:
    """What the previous tick knew.

    Attributes:
        settled: Stamp of the files whose signatures these are; empty before the first tick.
        seen: Stamp of the files as the previous tick saw them.
        signatures: Issue → kind of edit → what the files say for it.
    """

    settled: str = ""
    seen: str = ""
    signatures: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """The cursor that Dagster kept; an empty one at first."""
        return cls(**json.loads(text)) if text else cls()

    def text(self) -> str:
        """As Dagster keeps it."""
        return json.dumps(vars(self), sort_keys=True, separators=(",", ":"))


@dg.sensor(
    target=dg.AssetSelection.all(),
    minimum_interval_seconds=_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="An edit of pool.csv, ai_chain.csv, buckets.csv or of an issue's topic page builds "
    "the issues that it touches again, from the first asset that depends on it down, once the "
    "files have not changed from one tick to the next. A file with an error is named and waited "
    "for. On by default: the first tick only takes note, and without an edit it does nothing.",
)
def curated_edits(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Ask for what depends on files that were edited."""
    return tick(load_settings(), context.cursor).result(context, "No edit.")


def tick(settings: Settings, cursor_text: str | None) -> Tick:
    """Compare the curated files with what the previous tick knew of them."""
    cursor = Cursor.parse(cursor_text)
    stamp = _stamp(settings)
    if stamp == cursor.settled == cursor.seen:
        return Tick([], cursor_text, [])
    if stamp == cursor.settled:
        cursor.seen = stamp
        return Tick([], cursor.text(), [])
    if cursor.settled and stamp != cursor.seen:
        cursor.seen = stamp
        told = "Curated files are being edited; the next tick looks whether they are finished."
        return Tick([], cursor.text(), [told])
    try:
        present = signatures(settings)
    except DataError as error:
        return Tick([], cursor.text(), [f"Waiting for a correction. {error}"])
    if not cursor.settled:
        told = f"Took note of the curated files for {counted(len(present), 'issue')}."
        return Tick([], Cursor(stamp, stamp, present).text(), [told])
    warehouse = Warehouse(settings.warehouse_url)
    held = set(warehouse.issues(tables.RAW_QUOTES))
    errors = _put_back_wrong_topics(settings, held, cursor.signatures, present)
    changed = {
        issue: kinds
        for issue in all_issues()
        if issue.number in held
        and (kinds := _differences(cursor.signatures.get(issue.key), present[issue.key]))
    }
    requests = [
        request
        for issue, kinds in changed.items()
        if (request := _request(settings, warehouse, issue, kinds, stamp)) is not None
    ]
    # As long as there is an error the files are not settled, so that every tick tells it.
    settled = cursor.settled if errors else stamp
    after = Cursor(settled, stamp, present)
    return Tick(requests, after.text(), errors or ["The edit touches no issue in the warehouse."])


# --- what the files say


def _stamp(settings: Settings) -> str:
    """Changes whenever a curated file does; reads no file."""
    paths = [settings.reference / name for name in FILES]
    for folder in sorted(_topics(settings).glob("*")):
        paths += sorted(folder.glob("*"))
    lines = []
    for path in paths:
        try:
            about = path.stat()
        except FileNotFoundError:
            continue
        lines.append(f"{path} {about.st_ino} {about.st_size} {about.st_mtime_ns}")
    return _hash("\n".join(lines))


def signatures(settings: Settings) -> dict[str, dict[str, str]]:
    """Issue → kind of edit → what the curated files say for it.

    Raises:
        DataError: A file breaks a rule; names file, line, rule and remedy.
    """
    from bj_pipeline.reference import MEASURES, load_reference  # noqa: PLC0415 - only where used

    reference = load_reference(settings.reference)
    found = {}
    for issue in all_issues():
        day = issue.close_date
        pool = [(row.code, row.name, row.sector, row.basis) for row in reference.pool(day)]
        links = [
            (link.code, link.name, link.segment, link.description)
            for link in reference.ai_chain(day)
        ]
        buckets = [reference.buckets(measure, day) for measure in MEASURES]
        found[issue.key] = {
            POOL: _hash(repr((reference.sectors, pool))),
            CHAIN_COMPANIES: _hash(repr([link[:2] for link in links])),
            CHAIN: _hash(repr((reference.segments, links))),
            BUCKETS: _hash(repr(buckets)),
            TOPIC: _topic_signature(settings, issue),
        }
    return found


def _topics(settings: Settings) -> Path:
    return settings.content / "issues"


def _topic_signature(settings: Settings, issue: Issue) -> str:
    from bj_pipeline.report.analyst_file import folder_of  # noqa: PLC0415 - only where used

    folder = folder_of(issue, _topics(settings))
    files = sorted(path for path in folder.glob("*") if path.is_file())
    return _hash("\n".join(f"{path.name} {_hash(path.read_bytes())}" for path in files))


def _put_back_wrong_topics(
    settings: Settings,
    held: set[int],
    before: Mapping[str, Mapping[str, str]],
    present: dict[str, dict[str, str]],
) -> list[str]:
    """Leave out topic pages that cannot be printed; return what is wrong with them."""
    from bj_pipeline.report.analyst_file import folder_of  # noqa: PLC0415
    from bj_pipeline.report.picks import load_picks  # noqa: PLC0415
    from bj_pipeline.report.topic import load_topic  # noqa: PLC0415

    errors = []
    for issue in all_issues():
        old = before.get(issue.key, {}).get(TOPIC, "")
        if issue.number not in held or present[issue.key][TOPIC] == old:
            continue
        try:
            folder = folder_of(issue, _topics(settings))
            load_topic(folder)
            load_picks(folder, issue)
        except DataError as error:
            present[issue.key][TOPIC] = old
            errors.append(f"Issue {issue.number} waits for a correction. {error}")
    return errors


def _differences(before: Mapping[str, str] | None, present: Mapping[str, str]) -> frozenset[str]:
    """Kinds of edit that touch an issue; none where it was not known (the list was extended)."""
    if before is None:
        return frozenset()
    return frozenset(kind for kind in STARTS_AT if before.get(kind) != present[kind])


def _hash(content: str | bytes) -> str:
    data = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()[:_LENGTH]


# --- who asks for runs


def _request(
    settings: Settings, warehouse: Warehouse, issue: Issue, kinds: frozenset[str], stamp: str
) -> dg.RunRequest | None:
    """The run from the first assets that depend on the edits down; None if none does."""
    if is_from_sample(warehouse, issue.number):
        kinds -= {POOL}  # The sample brings a pool of its own.
    chosen = affected(kinds, figures_only=_has_figures_only(warehouse, issue))
    if not chosen:
        return None
    config = {"source": _source(settings, issue), "input": ""}
    what = "-".join(sorted(kinds)).replace(" ", "-")
    return rebuild(
        issue,
        chosen,
        # Not the content alone: an edit that is made again, after it was taken back, is news.
        run_key=f"curated-{issue.key}-{what}-{stamp}",
        tags={ASKED_BY: f"edit of {', '.join(sorted(kinds))}", BUILDS: "edit"},
        also_checked=[tables.RAW_QUOTES] if kinds & _COVERAGE else [],
        run_config={"resources": {"pipeline": {"config": config}}},
    )


def affected(kinds: Iterable[str], *, figures_only: bool) -> list[str]:
    """Names of the assets from the first ones that depend on the edits down.

    Args:
        kinds: Kinds of edit.
        figures_only: The issue has no report, and is not to get one.
    """
    assets = [*RAW_ASSETS, *UNIVERSE_ASSETS, *METRICS_ASSETS, *REPORT_ASSETS]
    first = dg.AssetSelection.assets(*sorted({STARTS_AT[kind] for kind in kinds}))
    found = first.downstream().resolve(assets) if kinds else set()
    if figures_only:
        found &= FIGURES.resolve(assets)
    return sorted(key.to_user_string() for key in found)


def _has_figures_only(warehouse: Warehouse, issue: Issue) -> bool:
    """Whether the issue was computed for others' trends alone."""
    held = warehouse.versions(issue.number)
    return tables.SECTOR_METRICS in held and tables.MARKET_METRICS not in held


def _source(settings: Settings, issue: Issue) -> str:
    """The source that the issue was built from, as its manifest says."""
    manifest = content(settings.artifacts / issue.folder / MANIFEST)
    return settings.source if manifest is None else str(json.loads(manifest)["source"])
