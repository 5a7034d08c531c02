"""Sign-off: which revision of an issue people may see, who said so, and over which bytes.

What belongs here: approving, withdrawing, the folder ``published/`` and what state an issue is in.
What does not: what differs between revisions (:mod:`bj_pipeline.report.revisions`).

Who and when go to the warehouse and never into a file, so that an approved issue is built again to
the same bytes. Only :func:`approve` puts anything into ``published/``: the present revision in
``issue-065/``, each former one below it in ``revision-1/``. What was withdrawn is kept in
``withdrawn/``. Each of these folders may lie in an object store.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import pandas as pd
from sqlalchemy.exc import IntegrityError

from bj_pipeline.characters import seen
from bj_pipeline.errors import ConfigurationError, MissingDataError, PipelineError
from bj_pipeline.issues import Issue, all_issues, by_number
from bj_pipeline.quality.stages import ALL, require_passed
from bj_pipeline.report import artifacts, revisions
from bj_pipeline.report.artifacts import MANIFEST
from bj_pipeline.report.document import Document
from bj_pipeline.settings import Settings
from bj_pipeline.site import kept
from bj_pipeline.storage import ObjectPath, Place, content, sizes
from bj_pipeline.warehouse import approved, tables
from bj_pipeline.warehouse.rows import understood
from bj_pipeline.warehouse.store import Warehouse

_FORMER = "revision-"


class SignOffError(PipelineError):
    """What was asked for does not fit the issue's state, or its files are not what they were."""

    exit_code = 10


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the record of approvals.

    Attributes:
        state: ``approved`` or ``withdrawn``.
        at: When, UTC.
        hashes: SHA-256 of the published files, by name.
        note: What the person said; for a withdrawal: why.
    """

    issue: int
    revision: int
    state: str
    by: str
    at: datetime
    hashes: Mapping[str, str]
    note: str

    @property
    def is_approved(self) -> bool:
        """Whether the revision may be seen."""
        return self.state == tables.APPROVED


@dataclass(frozen=True, slots=True)
class Difference:
    """What the present build changes against the revision that it replaces.

    Attributes:
        revision: Revision of the present build.
        former: Revision that it replaces; None for a first one.
        found: What differs.
        entry: The present build's own approval, if it has one.
        looks: Files of an approved revision whose bytes differ while facts and texts do not.
        is_outdated: It was built before the last sign-off, and bears another number.
    """

    revision: int
    former: int | None
    found: revisions.Differences
    entry: Entry | None
    looks: tuple[str, ...]
    is_outdated: bool


# --- The record ----------------------------------------------------------------------------------


def latest(warehouse: Warehouse) -> dict[int, Entry]:
    """The last word on each issue that was ever approved."""
    return {entry.issue: entry for entry in _entries(warehouse)}


def approved_issues(warehouse: Warehouse) -> dict[int, Entry]:
    """The approval of each issue that may be seen, by issue."""
    return {issue: entry for issue, entry in latest(warehouse).items() if entry.is_approved}


def _entries(warehouse: Warehouse) -> list[Entry]:
    """The whole record by issue, then by revision; an approval comes before its withdrawal."""
    return [_entry(row) for row in warehouse.read(tables.APPROVALS).to_dict("records")]


def _entry(row: Mapping[Any, Any]) -> Entry:
    with understood(f"table {tables.APPROVALS} of issue {row['issue']}"):
        if row["state"] not in {tables.APPROVED, tables.WITHDRAWN}:
            raise ValueError(row["state"])
        return Entry(
            issue=int(row["issue"]),
            revision=int(row["revision"]),
            state=row["state"],
            by=row["by"],
            at=datetime.fromisoformat(row["at"]),
            hashes=dict(json.loads(row["hashes"])),
            note=row["note"],
        )


def _row(entry: Entry, versions: Mapping[str, str]) -> pd.DataFrame:
    row = {
        "revision": entry.revision,
        "state": entry.state,
        "by": entry.by,
        "at": entry.at.isoformat(timespec="seconds"),
        "hashes": json.dumps(dict(entry.hashes), ensure_ascii=False, sort_keys=True),
        "data_versions": json.dumps(dict(versions), sort_keys=True),
        "note": entry.note,
    }
    return pd.DataFrame([row])


def _named(person: str, option: str) -> str:
    named = _said(person)
    if not named:
        raise ConfigurationError(f"{option} must not be empty.")
    return named


def _said(text: str) -> str:
    """What a person says, on one line: messages of one line tell it."""
    return " ".join(seen(text).split())


# --- Approving -----------------------------------------------------------------------------------


def approve(
    settings: Settings, number: int, by: str, note: str = "", now: datetime | None = None
) -> Entry:
    """Sign an issue off as it lies in ``artifacts/``, and publish it.

    Args:
        settings: Of the installation.
        number: The issue.
        by: Who approves.
        note: What the person wants to say.
        now: When; now if not given.

    Raises:
        MissingDataError: It was never built.
        CheckFailedError: A blocking check failed, or has not seen the present data.
        SignOffError: It is approved already, or its files are not those that were built.
    """
    by, issue, warehouse = _named(by, "--by"), by_number(number), Warehouse(settings.warehouse_url)
    document = _document(warehouse, number)
    for asset in sorted({check.asset for check in ALL if check.blocks}):
        require_passed(warehouse, number, asset)
    files = _built_files(settings.artifacts / issue.folder, warehouse, issue)
    former = _history(warehouse, number)
    last = latest(warehouse).get(number)
    _forget_mark(settings.published / issue.folder, last)
    _require_next(document, last)
    taken = _snapshot(warehouse, document)
    entry = Entry(
        issue=number,
        revision=document.revision,
        state=tables.APPROVED,
        by=by,
        at=(now or datetime.now(UTC)).astimezone(UTC),
        hashes={name: artifacts.sha256(content) for name, content in files.items()},
        note=_said(note),
    )
    if revisions.succession(taken, former)[0] != document.revision:
        raise SignOffError(_outdated(number))
    record = {
        **revisions.frames(taken, document.revision),
        tables.APPROVED_FIGURES: kept.frame(warehouse, document),
    }
    sealed = {**taken.versions, **approved.seals(record)}
    record[tables.APPROVALS] = _row(entry, sealed)
    with _recording(warehouse, number, record, f"Issue {number}, revision {document.revision}"):
        _publish(settings, issue, files, last)
    _mark(settings.published / issue.folder).unlink(missing_ok=True)
    return entry


def _document(warehouse: Warehouse, number: int) -> Document:
    frame = warehouse.read(tables.REPORT_DOCUMENT, number)
    return Document.model_validate_json(frame["document"].iloc[0])


def _history(warehouse: Warehouse, number: int) -> tuple[revisions.Approved, ...]:
    return revisions.history(*approved.read(warehouse, number))


def _snapshot(warehouse: Warehouse, document: Document) -> revisions.Snapshot:
    names = revisions.names_of(warehouse.read(tables.COMPANY_METRICS, document.issue))
    return revisions.snapshot(document, names, warehouse.versions(document.issue))


def _outdated(number: int) -> str:
    return (
        f"Issue {number} was signed off or withdrawn after it was built. Build it again with "
        f"`bj-pipeline run --issue {number}`, look at it, and approve that."
    )


def _require_next(document: Document, last: Entry | None) -> None:
    """Refuse a revision that already had its approval."""
    if last is None or document.revision == last.revision + 1:
        return
    if last.is_approved and document.revision == last.revision:
        raise SignOffError(
            f"Issue {document.issue}, revision {last.revision}, was approved already by {last.by} "
            f"on {last.at:%Y-%m-%d %H:%M} UTC. There is nothing new to approve."
        )
    raise SignOffError(_outdated(document.issue))


def _built_files(folder: Place, warehouse: Warehouse, issue: Issue) -> dict[str, bytes]:
    """Every form and the manifest, which vouches for the forms and for the data.

    Raises:
        MissingDataError: There is no manifest: the issue was never finished.
        SignOffError: A file, or the warehouse, is not what the manifest says.
    """
    again = f"Build the issue again with `bj-pipeline run --issue {issue.number}`."
    record, forms, changed = artifacts.build_in(folder)
    if record is None:
        raise MissingDataError(f"{folder / MANIFEST} is missing. {again}")
    versions = artifacts.data_versions(record)
    if versions is None or {*forms, *changed} != set(artifacts.FORMS):
        raise SignOffError(f"{folder / MANIFEST} is not as it was written. {again}")
    if changed:
        raise SignOffError(
            f"{', '.join(changed)} in {folder} changed after the issue was built. {again}"
        )
    present = warehouse.versions(issue.number)
    moved = sorted(name for name in versions if versions[name] != present.get(name))
    if moved:
        raise SignOffError(
            f"The files of issue {issue.number} were made from other data than the warehouse now "
            f"holds ({', '.join(moved)}). {again}"
        )
    return {**forms, MANIFEST: record}


# --- Withdrawing ---------------------------------------------------------------------------------


def withdraw(
    settings: Settings, number: int, by: str, why: str, now: datetime | None = None
) -> Entry:
    """Take the approved revision of an issue out of ``published/``, and keep it in ``withdrawn/``.

    Raises:
        SignOffError: No revision of it is approved.
    """
    by, why = _named(by, "--by"), _named(why, "--why")
    issue, warehouse = by_number(number), Warehouse(settings.warehouse_url)
    last = latest(warehouse).get(number)
    if last is None or not last.is_approved:
        told = "was never approved" if last is None else f"was withdrawn already by {last.by}"
        raise SignOffError(f"Issue {number} {told}: there is nothing to withdraw.")
    entry = Entry(
        issue=number,
        revision=last.revision,
        state=tables.WITHDRAWN,
        by=by,
        at=(now or datetime.now(UTC)).astimezone(UTC),
        hashes=last.hashes,
        note=why,
    )
    record = {tables.APPROVALS: _row(entry, {})}
    folder = settings.published / issue.folder
    with _recording(warehouse, number, record, f"Issue {number}, revision {last.revision}"):
        _take_back_unrecorded(folder, last)
        _take_away(folder, _withdrawn(settings, issue, last.revision))
    return entry


def _withdrawn(settings: Settings, issue: Issue, revision: int) -> Place:
    return settings.withdrawn / issue.folder / f"{_FORMER}{revision}"


# --- Folders -------------------------------------------------------------------------------------


@contextmanager
def _recording(
    warehouse: Warehouse, number: int, record: Mapping[str, pd.DataFrame], what: str
) -> Iterator[None]:
    """Enter the record and move the files: both or neither."""
    try:
        with warehouse.appending(number, record):
            yield
    except IntegrityError as error:
        raise SignOffError(f"{what}, was signed off or withdrawn by someone else just now.") from (
            error
        )


def _publish(
    settings: Settings, issue: Issue, files: Mapping[str, bytes], last: Entry | None
) -> None:
    """Put a revision into ``published/``, with every former one below it.

    The warehouse's lock is held, so nobody else is here. Whatever an earlier attempt left when it
    was killed is put right first.
    """
    target = settings.published / issue.folder
    artifacts.restore_interrupted(target)
    hashes = {name: artifacts.sha256(form) for name, form in files.items()}
    if artifacts.lies(target):
        if not _changed(target, hashes):
            return
        _take_back_unrecorded(target, last)
        if artifacts.lies(target) and (last is None or not last.is_approved):
            raise SignOffError(
                f"{target} holds files that nobody approved in this warehouse. Move them away."
            )
    formers = {} if last is None else _formers(settings, issue, last)
    artifacts.write(_mark(target), hashes[MANIFEST].encode())
    artifacts.replace(target, {**formers, **files})


def _mark(folder: Place) -> Place:
    """Names the manifest that is being published, for as long as no record may tell of it."""
    return folder.parent / f".{folder.name}.unrecorded"


def _forget_mark(folder: Place, last: Entry | None) -> None:
    """Remove the mark of an approval that was killed after its record was there."""
    told = last.hashes[MANIFEST].encode() if last is not None and last.is_approved else None
    if told is not None and content(_mark(folder)) == told:
        _mark(folder).unlink(missing_ok=True)


def _take_back_unrecorded(folder: Place, last: Entry | None) -> None:
    """Undo what an approval has published that was killed before its record was there."""
    record = content(folder / MANIFEST)
    present = artifacts.sha256(record or b"")
    if content(_mark(folder)) != present.encode():
        return
    if last is None or not last.is_approved:
        artifacts.remove(folder)
    elif present != last.hashes[MANIFEST]:
        former = f"{_FORMER}{last.revision}/"
        there = artifacts.contents(folder)
        kept = {name.removeprefix(former): held for name, held in there.items() if "/" in name}
        artifacts.replace(folder, kept)


def _formers(settings: Settings, issue: Issue, last: Entry) -> dict[str, bytes]:
    """Every former revision that nobody withdrew, by path below the issue.

    Raises:
        SignOffError: The published files are not those that were approved.
    """
    folder = settings.published / issue.folder
    if not last.is_approved:
        folder = _withdrawn(settings, issue, last.revision)
    elif changed := _changed(folder, last.hashes):
        raise SignOffError(
            f"{', '.join(changed)} in {folder} is not as approved. Restore the folder from a "
            f"backup, or withdraw the revision with `bj-pipeline withdraw {issue.number}`."
        )
    there = artifacts.contents(folder)
    formers = {name: held for name, held in there.items() if name.startswith(_FORMER)}
    if last.is_approved:
        formers |= {f"{_FORMER}{last.revision}/{name}": there[name] for name in last.hashes}
    return formers


def _changed(folder: Place, hashes: Mapping[str, str]) -> list[str]:
    """Names of files that are missing or not what they were."""
    there = artifacts.finished(folder)
    held = {name: content(there[name]) if name in there else None for name in hashes}
    return [
        name for name, expected in hashes.items() if artifacts.sha256(held[name] or b"") != expected
    ]


def damaged(warehouse: Warehouse, published: Place) -> dict[int, list[str]]:
    """Published files that are not what was approved, by issue and by their path in its folder.

    Of an object store, which sees to it itself that what it keeps stays as it is, only those that
    are gone: to fetch all of them every hour takes too long.
    """
    entries = _entries(warehouse)
    last = {entry.issue: entry for entry in entries}
    found: dict[int, list[str]] = {}
    for entry in entries:
        if not (entry.is_approved and last[entry.issue].is_approved):
            continue
        folder, inside = published / by_number(entry.issue).folder, ""
        if entry is not last[entry.issue]:
            inside = f"{_FORMER}{entry.revision}"
            folder = folder / inside
            if not artifacts.lies(folder):
                continue  # it was withdrawn
        if isinstance(folder, ObjectPath):
            changed = sorted(entry.hashes.keys() - artifacts.finished(folder).keys())
        else:
            changed = _changed(folder, entry.hashes)
        if changed:
            paths = [str(PurePosixPath(inside, name)) for name in changed]
            found[entry.issue] = found.get(entry.issue, []) + paths
    return found


def take_back_killed(settings: Settings) -> list[str]:
    """Take out of ``published/`` what approvals left there that were killed before their record.

    The approved revision, if there is one, is there again afterwards.

    Returns:
        What was done, one sentence an issue.
    """
    there, told = sizes(settings.published), []
    for issue in all_issues():
        folder = settings.published / issue.folder
        if _mark(folder).name not in there:
            continue
        warehouse = Warehouse(settings.warehouse_url)
        # An approval that still goes on has its mark there too, and holds the lock.
        with warehouse.writing():
            last = latest(warehouse).get(issue.number)
            _forget_mark(folder, last)
            if content(_mark(folder)) is None:
                continue
            artifacts.restore_interrupted(folder)
            _take_back_unrecorded(folder, last)
            _mark(folder).unlink(missing_ok=True)
        told.append(
            f"An approval of issue {issue.number} was killed before it was on record; what it had "
            f"published was taken back. Approve it again with `bj-pipeline approve {issue.number}`."
        )
    return told


def _take_away(folder: Place, target: Place) -> None:
    """Move published files aside; what somebody deleted by hand can be withdrawn all the same."""
    artifacts.restore_interrupted(folder)
    if not artifacts.lies(folder):
        artifacts.remove(folder)  # whatever a killed withdrawal left of it
        return
    if artifacts.lies(target) and artifacts.contents(target) != artifacts.contents(folder):
        raise SignOffError(f"{target} exists already. Move it away and withdraw again.")
    artifacts.take_away(folder, target)


# --- What is what --------------------------------------------------------------------------------


def difference(settings: Settings, number: int) -> Difference:
    """What the present build of an issue changes against the revision that it replaces.

    Raises:
        MissingDataError: It was never built.
    """
    warehouse = Warehouse(settings.warehouse_url)
    history, last = _history(warehouse, number), latest(warehouse).get(number)
    document = _document(warehouse, number)
    current = _snapshot(warehouse, document)
    revision, former = revisions.succession(current, history)
    found = revisions.differences(former.snapshot if former else current, current)
    entry = last if last is not None and last.revision == revision else None
    folder = settings.artifacts / by_number(number).folder
    forms = {name: sha for name, sha in (entry.hashes if entry else {}).items() if name != MANIFEST}
    return Difference(
        revision=revision,
        former=former.revision if former else None,
        found=found,
        entry=entry,
        looks=tuple(_changed(folder, forms)),
        is_outdated=document.revision != revision,
    )


def told(number: int, difference: Difference) -> str:
    """A difference as people read it."""
    revision, former, entry = difference.revision, difference.former, difference.entry
    signed = f"approved by {entry.by} on {entry.at:%Y-%m-%d %H:%M} UTC" if entry else "a draft"
    lines = [f"Issue {number} as built is revision {revision}, {signed}."]
    if difference.is_outdated:
        lines.append(_outdated(number))
    if difference.looks:
        lines.append(
            f"Its facts and texts are those that were approved, but {', '.join(difference.looks)} "
            "in artifacts/ look different (built by another version?). published/ is unchanged."
        )
    if former is None:
        lines.append("There is no earlier revision to compare it with.")
        return "\n".join(lines)
    found = difference.found
    lines.append(
        f"Against revision {former}:" if found else f"It says the same as revision {former}."
    )
    if found.facts:
        lines.append(f"\nNumbers ({len(found.facts)}):")
        lines += [f"  {one.label}: {one.was} → {one.reads}" for one in found.facts]
    if found.texts:
        lines.append(f"\nTexts ({len(found.texts)}):")
        for text in found.texts:
            lines += [f"  {text.heading}" + (": in another order" if _is_order(text) else "")]
            lines += [f"    - {text.old}"] if text.old is not None else []
            lines += [f"    + {text.new}"] if text.new is not None else []
    if found.unseen:
        lines.append(f"\nPrinted the same, but of another value or origin ({len(found.unseen)}):")
        lines += [f"  {name}" for name in found.unseen]
    if found.sheets:
        lines.append(f"\nTables of the workbook that changed: {', '.join(found.sheets)}")
    return "\n".join(lines)


def _is_order(text: revisions.TextChange) -> bool:
    return text.old is None and text.new is None


def state_of(built_revision: int | None, last: Entry) -> str:
    """An issue's state of sign-off in words.

    Args:
        built_revision: Revision of the finished files in ``artifacts/``; None without any.
        last: The last word on the issue.
    """
    if built_revision is not None and built_revision > last.revision:
        return f"draft of revision {built_revision}"
    return last.state if last.revision == 1 else f"{last.state}, revision {last.revision}"
