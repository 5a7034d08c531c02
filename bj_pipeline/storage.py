"""Files and folders that lie on this machine or in an object store.

What belongs here: what both kinds of place can do, and the errors of object stores in words for the
person who can act. What does not: which files belong together (:mod:`bj_pipeline.report.artifacts`)
and what they hold.

A place is a :class:`pathlib.Path` or an :class:`ObjectPath`, which has the few members of it that
we need. On a disk a file is written aside and renamed; in an object store one PUT shows the whole
object or none of it. Nothing of an object store is imported before the first URL is used.
"""

import errno
import os
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias, TypeVar
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from bj_pipeline import folders
from bj_pipeline.errors import PipelineError

_LOCAL = ("file", "local")
_EXTRAS = {"s3": "s3", "s3a": "s3", "oss": "oss"}
"""Our extra that brings the package of a kind of URL."""
_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE)",
    "oss": "FSSPEC_OSS_KEY, FSSPEC_OSS_SECRET and FSSPEC_OSS_ENDPOINT",
}
_ADDRESS = {"s3": "AWS_ENDPOINT_URL", "oss": "FSSPEC_OSS_ENDPOINT"}

_PATIENCE_SECONDS = 10.0
"""How long a store that does not answer is asked again; botocore's own attempts come on top."""
_FIRST_PAUSE_SECONDS = 0.5

_REFUSED = ("credential", "accesskey", "signature", "token", "accessdenied", "forbidden")
_AWAY = ("connect", "timeout", "endpoint", "httpclient", "requesterror", "unavailable", "slowdown")
"""Parts of the names of errors; each package has types of its own."""
_SECRET = re.compile(r"^(AWS|OSS|FSSPEC|AZURE|GOOGLE|GCS)_.*(KEY|SECRET|TOKEN|PASSWORD|SAS)")
_HIDDEN = "***"

Answer = TypeVar("Answer")


class StorageError(PipelineError):
    """An object store is not there, or does not let us in."""

    exit_code = 11


@dataclass(frozen=True, order=True, slots=True)
class ObjectPath:
    """A file or folder in an object store: the part of :class:`pathlib.Path` that we need.

    What others wrote a moment ago is seen: no listing is kept.

    Attributes:
        url: Without a slash at the end, such as ``s3://bucket/artifacts``.
        setting: The setting that it comes from, for messages.
    """

    url: str
    setting: str = field(default="", compare=False)

    def __str__(self) -> str:
        """The URL; it never holds a password."""
        return self.url

    def __truediv__(self, part: str) -> "ObjectPath":
        return replace(self, url=f"{self.url}/{part}")

    @property
    def name(self) -> str:
        """The last part."""
        return self.url.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The ending of the name, with its dot."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> "ObjectPath":
        """The folder that it lies in."""
        return replace(self, url=self.url.rpartition("/")[0])

    def is_file(self) -> bool:
        """Whether there is an object of that name."""
        return self.size() is not None

    def size(self) -> int | None:
        """Size in bytes; None if there is no such object."""
        try:
            found = self._ask("read", lambda store, path: store.info(path))
        except FileNotFoundError:
            return None
        return int(found["size"]) if found["type"] == "file" else None

    def modified(self) -> datetime:
        """When it was last written."""
        when: datetime = self._ask("read", _modified)
        return when if when.tzinfo else when.replace(tzinfo=UTC)

    def read_bytes(self) -> bytes:
        """The whole object.

        Raises:
            FileNotFoundError: There is none.
        """
        return bytes(self._ask("read", lambda store, path: store.cat_file(path)))

    def read_text(self, encoding: str = "utf-8") -> str:
        """The whole object as text."""
        return self.read_bytes().decode(encoding)

    def write_bytes(self, content: bytes) -> None:
        """Put the object there in one step; of several writers, the last one's is kept whole."""
        self._ask("written", lambda store, path: store.pipe_file(path, content))

    def write_contents(self, files: Mapping[str, bytes]) -> None:
        """Put objects below it, several at a time and in any order."""
        if files:
            self._ask(
                "written",
                lambda store, root: store.pipe(
                    {f"{root}/{name}": content for name, content in files.items()}
                ),
            )

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Remove the object."""
        try:
            self._ask("written", lambda store, path: store.rm_file(path))
        except FileNotFoundError:
            if not missing_ok:
                raise

    def sizes(self) -> dict[str, int]:
        """Bytes of every object below it, by path from here."""
        found, root = self._ask("read", lambda store, path: (_find(store, path), path))
        return {
            str(key)[len(root) + 1 :]: int(entry["size"])
            for key, entry in sorted(found.items())
            if key != root
        }

    def contents(self, names: Iterable[str]) -> dict[str, bytes]:
        """Those of the objects below it that are there, several at a time."""
        wanted = sorted(names)
        if not wanted:
            return {}

        def fetch(store: Any, root: str) -> dict[str, bytes]:
            got = store.cat([f"{root}/{name}" for name in wanted], on_error="return")
            for error in got.values():
                if isinstance(error, Exception) and not _is_absence(error):
                    raise error
            found = {name: got.get(f"{root}/{name}") for name in wanted}
            return {name: held for name, held in found.items() if isinstance(held, bytes)}

        return self._ask("read", fetch)

    def _ask(self, doing: str, question: Callable[[Any, str], Answer]) -> Answer:
        """Ask the store; wait for one that is away.

        Raises:
            FileNotFoundError: There is no such object.
            StorageError: Anything else, in one line and without a secret.
        """
        from tenacity import (  # noqa: PLC0415 - only with an object store
            Retrying,
            retry_if_exception,
            stop_after_delay,
            wait_random_exponential,
        )

        patiently = Retrying(
            retry=retry_if_exception(_is_away),
            stop=stop_after_delay(_PATIENCE_SECONDS),
            wait=wait_random_exponential(multiplier=_FIRST_PAUSE_SECONDS),
            reraise=True,
        )
        try:
            answer: Answer = patiently(self._ask_once, question)
        except Exception as error:
            if _is_absence(error):
                raise
            # From None: the stores' own errors may repeat the access key.
            raise self._explained(error, doing) from None
        return answer

    def _ask_once(self, question: Callable[[Any, str], Answer]) -> Answer:
        import fsspec  # type: ignore[import-untyped]  # noqa: PLC0415 - only with an object store

        # ossfs needs a place for listings, and answers from it: so each question has its own.
        fresh = (
            {"skip_instance_cache": True} if _is_oss(self.url) else {"use_listings_cache": False}
        )
        store, path = fsspec.url_to_fs(self.url, **fresh)
        return question(store, path)

    def _explained(self, error: Exception, doing: str) -> StorageError:
        kind = self.url.partition("://")[0].removesuffix("a")
        setting = self.setting or "the setting that names it"
        if isinstance(error, ImportError):
            extra = _EXTRAS.get(kind)
            remedy = f"pip install 'bj-pipeline[{extra}]'" if extra else f"{_first_line(error)}"
            told = f"the package for {kind}:// is not installed. Install it: {remedy}."
        elif isinstance(error, FileNotFoundError) or "nosuchbucket" in _name(error):
            told = f"there is no such bucket. Make it, or correct {setting}."
        elif _is_refusal(error):
            told = (
                f"the store does not let us in ({_first_line(error)}). Set "
                f"{_CREDENTIALS.get(kind, 'its credentials')}, and give them the right to list, "
                "read, write and delete there."
            )
        elif _is_away(error):
            told = (
                f"the store does not answer ({type(error).__name__}). See that it runs and that "
                f"{_ADDRESS.get(kind, 'its address')} is right, then start again what failed."
            )
        else:
            told = f"{type(error).__name__}: {_first_line(error)}. Correct it, and start again."
        return StorageError(f"{self.url} ({setting}) cannot be {doing}: {told}")


Place: TypeAlias = Path | ObjectPath
"""Where a file or a folder lies."""


def place(text: str, setting: str) -> Place:
    """The place that a setting names: a path, or a URL that fsspec knows.

    Raises:
        ValueError: It is no such thing, or holds a password.
    """
    kind, is_url, _ = text.partition("://")
    if not is_url:
        return Path(text).absolute()
    address = urlsplit(text)
    if kind in _LOCAL:
        if address.netloc not in {"", "localhost"} or not address.path.startswith("/"):
            raise ValueError(f"{kind}:// needs a whole path after it, such as file:///srv/reports.")
        return Path(unquote(address.path))
    if address.password is not None or address.query or address.fragment:
        raise ValueError(
            "it must hold neither a password nor ? or #: credentials belong into the environment, "
            f"such as {_CREDENTIALS.get(kind, _CREDENTIALS['s3'])}."
        )
    from fsspec import available_protocols  # noqa: PLC0415 - only with a URL

    if kind not in available_protocols() or not address.netloc:
        raise ValueError("it is neither a path nor a URL like s3://bucket/folder.")
    return ObjectPath(text.rstrip("/"), setting)


def write(path: Place, content: bytes) -> None:
    """Put a file in its place in one step, so that no reader sees half of it."""
    if isinstance(path, ObjectPath):
        path.write_bytes(content)
        return
    from bj_pipeline.outages import explained  # noqa: PLC0415 - imports SQLAlchemy

    with explained():
        folders.write(path, content)


def content(path: Place) -> bytes | None:
    """What a file holds; None if there is none."""
    try:
        # A pipe would be waited for without end.
        if isinstance(path, Path) and not path.is_file():
            return None
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None


def write_contents(folder: Place, files: Mapping[str, bytes]) -> None:
    """Put files below a folder, each in one step, in any order."""
    if isinstance(folder, ObjectPath):
        folder.write_contents(files)
        return
    for name, held in files.items():
        write(folder / name, held)


def size(path: Place) -> int | None:
    """Size of a file in bytes; None if there is none."""
    if isinstance(path, ObjectPath):
        return path.size()
    return path.stat().st_size if path.is_file() else None


def sizes(folder: Place) -> dict[str, int]:
    """Bytes of every file below a folder, by path from there; empty without the folder."""
    if isinstance(folder, ObjectPath):
        return folder.sizes()
    found = {}
    for path in sorted(folder.rglob("*")):
        with suppress(FileNotFoundError):  # a run may be going on
            if path.is_file():
                found[path.relative_to(folder).as_posix()] = path.stat().st_size
    return found


def contents(folder: Place, names: Iterable[str]) -> dict[str, bytes]:
    """Those of the files below a folder that are there."""
    if isinstance(folder, ObjectPath):
        return folder.contents(names)
    found = {name: content(folder / name) for name in names}
    return {name: held for name, held in found.items() if held is not None}


def try_out(folder: ObjectPath) -> None:
    """Write, read and remove an object, as a test of everything that is needed.

    Raises:
        StorageError: Says what does not work.
    """
    probe = folder / f".try-{uuid4().hex}"
    probe.write_bytes(b"bj-pipeline")
    try:
        probe.read_bytes()
        folder.sizes()
    finally:
        probe.unlink(missing_ok=True)


# --- What ossfs does in its own way --------------------------------------------------------------


def _find(store: Any, path: str) -> dict[str, Any]:
    """Every object below a path, in one listing, by its own path.

    By itself ossfs goes from folder to folder, and takes one that it may not read for an empty one.
    """
    if not _is_oss(store.unstrip_protocol(path)):
        return dict(store.find(path, detail=True))
    bucket, _, key = path.strip("/").partition("/")
    prefix = f"{key}/" if key else ""
    return dict(store.find(f"/{bucket}", prefix=prefix, detail=True, on_error="raise"))


def _modified(store: Any, path: str) -> datetime:
    """When an object was written; ossfs' own answer takes the store's time for a local one."""
    if _is_oss(store.unstrip_protocol(path)):
        return datetime.fromtimestamp(store.info(path)["LastModified"], UTC)
    when: datetime = store.modified(path)
    return when


def _is_oss(url: str) -> bool:
    return url.startswith("oss://")


# --- Errors of object stores ---------------------------------------------------------------------


def _is_absence(error: BaseException) -> bool:
    """Whether an object is not there, in a bucket that is."""
    is_bucket = "bucket" in _name(error.__cause__) or "bucket does not exist" in str(error)
    return isinstance(error, FileNotFoundError) and not is_bucket


def _is_refusal(error: BaseException) -> bool:
    names = _name(error) + _name(error.__cause__)
    return isinstance(error, PermissionError) or any(part in names for part in _REFUSED)


def _is_away(error: BaseException) -> bool:
    if isinstance(error, FileNotFoundError) or _is_refusal(error):
        return False
    is_known = isinstance(error, (ConnectionError, TimeoutError))
    is_failed = isinstance(error, OSError) and error.errno == errno.EIO
    return is_known or is_failed or any(part in _name(error) for part in _AWAY)


def _name(error: BaseException | None) -> str:
    """Names of an error's type and of the store's own code for it, in small letters."""
    answer: Mapping[str, Any] = getattr(error, "response", None) or {}
    code = answer.get("Error", {}).get("Code", "") if isinstance(answer, Mapping) else ""
    return f"{type(error).__name__}{code or getattr(error, 'code', '')}".lower()


def _first_line(error: Exception) -> str:
    """What an error says, without what the environment keeps secret."""
    # The text of an error of Aliyun's client is the whole answer, with the signature that was sent.
    text = str(getattr(error, "message", "") or error).strip().partition("\n")[0].rstrip(".")
    for name, value in os.environ.items():
        if value and _SECRET.match(name):
            text = text.replace(value, _HIDDEN)
    return re.sub(r"//[^/@\s]*@", f"//{_HIDDEN}@", text)
