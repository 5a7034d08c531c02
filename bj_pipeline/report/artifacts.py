"""Finished files: written whole or not at all, and found as one issue.

What belongs here: where the files of an issue lie, and which of them belong together. What does
not: who may see them (:mod:`bj_pipeline.automation.signoff`).

On a disk a file keeps its name, so that people find it, and is replaced in one step; a folder of
several is exchanged whole where readers meet it. An object store can do neither: it shows one
object after the other. There each form lies under its own SHA-256, where nothing that was written
before is touched, and the manifest, which names them and is written last, is what changes an issue
from one to the next. Who reads an issue begins with its manifest.
"""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypeVar

from bj_pipeline import folders, storage
from bj_pipeline.storage import ObjectPath, Place

FORMS = ("report.html", "report.pdf", "report.docx", "report.xlsx")
MANIFEST = "manifest.json"

_DIGITS = 16
_ADDRESSED = re.compile(rf"[0-9a-f]{{{_DIGITS}}}")

Written = TypeVar("Written", Path, Place)
Told = TypeVar("Told")
Files = Mapping[str, bytes]
"""Contents by path below a folder, as it would be on a disk."""


class Build(NamedTuple):
    """The finished files of one build of an issue.

    Attributes:
        manifest: Its record; None if the issue was never finished.
        forms: Those that are as the record says, by name.
        changed: Names of those that are gone, or not as the record says.
    """

    manifest: bytes | None
    forms: dict[str, bytes]
    changed: list[str]


def write(path: Written, content: bytes) -> Written:
    """Put a file in its place in one step, so that no reader sees half of it."""
    storage.write(path, content)
    return path


def sha256(content: bytes) -> str:
    """SHA-256 as hexadecimal text."""
    return hashlib.sha256(content).hexdigest()


def place_of(folder: Place, name: str, digest: str) -> Place:
    """Where a file of an issue lies that has this SHA-256.

    Args:
        folder: Of the issue.
        name: Such as ``report.pdf``; the manifest always lies on top.
        digest: Hexadecimal.
    """
    if isinstance(folder, ObjectPath) and name != MANIFEST:
        return folder / digest[:_DIGITS] / name
    return folder / name


def draft(folder: Place, name: str, digest: str) -> Place:
    """Where a form is written that is not finished before its manifest is."""
    if isinstance(folder, ObjectPath):
        return place_of(folder, name, digest)
    return folders.beside(folder) / name


def newest(folder: Place, name: str, digest: str) -> Place:
    """Where the form with this SHA-256 lies, whether its issue is finished or not."""
    begun, done = draft(folder, name, digest), place_of(folder, name, digest)
    if begun == done:
        return done
    held = storage.content(begun)
    return begun if held is not None and sha256(held) == digest else done


def finish(folder: Place, manifest: bytes) -> Place:
    """Let readers meet a manifest and the forms that it names, all at once.

    What else people have put into the folder stays there.
    """
    if isinstance(folder, ObjectPath):
        return write(folder / MANIFEST, manifest)
    new = folders.beside(folder)
    forms = {
        name: newest(folder, name, digest).read_bytes()
        for name, digest in digests(manifest).items()
    }
    shutil.rmtree(new, ignore_errors=True)
    put(new, {**forms, MANIFEST: manifest})
    for other in folder.iterdir() if folder.is_dir() else ():
        is_ours = other.name in (*FORMS, MANIFEST)
        if other.is_dir() and is_ours:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(other))
        if other.is_dir():
            shutil.copytree(other, new / other.name, symlinks=True)
        elif not is_ours and not other.name.startswith("."):
            shutil.copy2(other, new / other.name, follow_symlinks=False)
    folders.put_in_place(new, folder)
    return folder / MANIFEST


def finished(folder: Place) -> dict[str, Place]:
    """The forms of an issue and its manifest, by name, as far as they are there.

    In an object store those that its manifest names; none without one.
    """
    if not isinstance(folder, ObjectPath):
        return {name: folder / name for name in (*FORMS, MANIFEST) if (folder / name).is_file()}
    record = storage.content(folder / MANIFEST)
    if record is None:
        return {}
    named = {name: place_of(folder, name, digest) for name, digest in digests(record).items()}
    return {**named, MANIFEST: folder / MANIFEST}


def build_in(folder: Place) -> Build:
    """The finished files of an issue, all of one build although another may end meanwhile."""
    while True:
        record = storage.content(folder / MANIFEST)
        named = digests(record or b"")
        held = {
            name: storage.content(place_of(folder, name, digest)) for name, digest in named.items()
        }
        forms = {
            name: form
            for name, form in held.items()
            if form is not None and sha256(form) == named[name]
        }
        changed = [name for name in named if name not in forms]
        if not changed or storage.content(folder / MANIFEST) == record:
            return Build(record, forms, changed)


def manifests(folder: Place, issues: Iterable[str]) -> dict[str, bytes]:
    """The manifests of issues that have one, by the issue's folder.

    Args:
        folder: Of all issues.
        issues: Names of their folders, such as ``issue-065``.
    """
    names = {f"{issue}/{MANIFEST}": issue for issue in issues}
    # An object store lists faster than it says of each object that it is not there.
    there = storage.sizes(folder) if isinstance(folder, ObjectPath) else names
    found = storage.contents(folder, [name for name in names if name in there])
    return {names[name]: held for name, held in found.items()}


def digests(manifest: bytes) -> dict[str, str]:
    """SHA-256 of each form that a manifest vouches for, by name; empty if it is none."""
    return _each_form(manifest, lambda form: str(form["sha256"]))


def lengths(manifest: bytes) -> dict[str, int]:
    """Bytes of each form that a manifest vouches for, by name; empty if it is none."""
    return _each_form(manifest, lambda form: int(form["bytes"]))


def data_versions(manifest: bytes) -> dict[str, str] | None:
    """What the forms were made from, by table; None if a manifest does not tell."""
    try:
        versions = json.loads(manifest)["data_versions"]
        return {str(table): str(version) for table, version in versions.items()}
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _each_form(manifest: bytes, told: Callable[[Any], Told]) -> dict[str, Told]:
    try:
        return {str(form["name"]): told(form) for form in json.loads(manifest)["artifacts"]}
    except (ValueError, LookupError, TypeError):
        return {}


def catalogue(folder: Place) -> dict[str, Place]:
    """Every finished file below a folder, by the path that it has on a disk.

    Forms in an object store that no manifest names (any more) are left out, and so is what is being
    written.
    """
    names = [
        name
        for name in storage.sizes(folder)
        if not any(part.startswith(".") for part in PurePosixPath(name).parts)
    ]
    if not isinstance(folder, ObjectPath):
        return {name: folder / name for name in names}
    named = {key: name for name, key in _named(folder, names).items()}
    return {
        named.get(key, key): folder / key for key in names if key in named or not _is_addressed(key)
    }


def leftovers(folder: ObjectPath, kept: Iterable[str] = ()) -> dict[str, int]:
    """Bytes of the forms below a folder that no manifest names, by path.

    Args:
        folder: In an object store.
        kept: SHA-256 that something else names.
    """
    found = storage.sizes(folder)
    named = set(_named(folder, found).values())
    begun = {digest[:_DIGITS] for digest in kept}
    return {
        key: size
        for key, size in found.items()
        if _is_addressed(key) and key not in named and PurePosixPath(key).parts[-2] not in begun
    }


def replace(folder: Place, files: Files) -> None:
    """Put files in the place of whatever a folder holds; readers meet the old ones or the new ones.

    The caller sees to it that nobody else does this at the same time.
    """
    if isinstance(folder, ObjectPath):
        put(folder, files)
        return
    with folders.replaced(folder) as new:
        put(new, files)


def lies(folder: Place) -> bool:
    """Whether there is anything that readers meet in a folder."""
    return (folder / MANIFEST).is_file() if isinstance(folder, ObjectPath) else folder.exists()


def restore_interrupted(folder: Place) -> None:
    """Put back what :func:`replace` was moving when it was killed; in an object store, nothing."""
    if isinstance(folder, Path):
        folders.restore_interrupted(folder)


def put(folder: Place, files: Files) -> None:
    """Write files below a folder, the manifests last and the one on top after all others."""
    manifests_last = _in_order(files)
    forms = [name for name in manifests_last if not _is_manifest(name)]
    storage.write_contents(folder, {_key(folder, files, name): files[name] for name in forms})
    for name in manifests_last[len(forms) :]:
        storage.write(folder / name, files[name])


def take_away(folder: Place, target: Place) -> None:
    """Move a folder, or remove it where it was moved already.

    Between a disk and another one or an object store, or within one, it is copied first: a killed
    move is done again.
    """
    if isinstance(folder, Path) and isinstance(target, Path) and not target.exists():
        folders.move(folder, target)
        return
    put(target, contents(folder))
    remove(folder)


def contents(folder: Place) -> dict[str, bytes]:
    """What every finished file below a folder holds, by its path on a disk."""
    return {name: path.read_bytes() for name, path in catalogue(folder).items()}


def remove(folder: Place) -> None:
    """Remove a folder, if there is one: in an object store that by which readers find it first."""
    if isinstance(folder, Path):
        folders.remove(folder)
        return
    for key in reversed(_in_order(storage.sizes(folder))):
        (folder / key).unlink(missing_ok=True)


def _key(folder: Place, files: Files, name: str) -> str:
    """Where a file lies below that folder, of which it has this path on a disk."""
    path = PurePosixPath(name)
    digest = digests(files.get(str(path.with_name(MANIFEST)), b"")).get(path.name)
    if isinstance(folder, ObjectPath) and digest == sha256(files[name]):
        return str(path.parent / digest[:_DIGITS] / path.name)
    return name


def _in_order(names: Iterable[str]) -> list[str]:
    """Forms before manifests, and the manifest on top after all others."""
    return sorted(names, key=lambda name: (_is_manifest(name), -name.count("/"), name))


def _named(folder: ObjectPath, keys: Iterable[str]) -> dict[str, str]:
    """Keys of the forms that the manifests among these keys name, by their path on a disk."""
    there = set(keys)
    records = storage.contents(folder, filter(_is_manifest, there))
    found = {}
    for manifest, record in records.items():
        home = PurePosixPath(manifest).parent
        for name, digest in digests(record).items():
            key = str(home / digest[:_DIGITS] / name)
            if key in there:
                found[str(home / name)] = key
    return found


def _is_manifest(key: str) -> bool:
    return PurePosixPath(key).name == MANIFEST


def _is_addressed(key: str) -> bool:
    """Whether a file lies under its SHA-256."""
    return _ADDRESSED.fullmatch(PurePosixPath(key).parent.name) is not None
