"""A server on this machine that answers as Aliyun documents its Object Storage Service.

What belongs here: what the vendor's own client asks of it (objects, listings, uploads in parts),
its signatures, and its errors. What does not: anything about our own files. Written from the
vendor's reference of the interface; it keeps its objects in memory.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from time import gmtime, strftime, time
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from uuid import uuid4
from xml.etree import ElementTree as ET

import pytest

ACCESS_KEY = "LTAIPLANTEDSECRET0000"
SECRET_KEY = "planted-secret-of-aliyun"  # noqa: S105 - the server knows no other
_SIGNED = {
    *("acl", "uploads", "uploadId", "partNumber", "delete", "objectMeta", "bucketInfo"),
    *("location", "stat", "continuation-token"),
}
"""Parameters of a request that its signature covers."""
_PAGE = 100


@dataclass
class _Kept:
    """An object: what it holds and when it was put, in seconds since 1970."""

    content: bytes
    at: float = field(default_factory=time)

    @property
    def etag(self) -> str:
        return hashlib.md5(self.content).hexdigest().upper()  # noqa: S324 - the vendor's choice

    @property
    def headers(self) -> dict[str, str]:
        when = formatdate(int(self.at), usegmt=True)
        return {"ETag": f'"{self.etag}"', "Last-Modified": when, "x-oss-object-type": "Normal"}


@dataclass
class OssServer:
    """Buckets and what is in them, and how programs reach them.

    Attributes:
        buckets: Objects by key, by bucket.
        asked: Method and parameters of every request.
    """

    buckets: dict[str, dict[str, _Kept]] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    _server: ThreadingHTTPServer | None = None
    _port: int = 0

    def start(self) -> None:
        """Listen, at the same port as before."""
        handler = type("Handler", (_Handler,), {"store": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._port = self._server.server_address[1]
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}).start()

    def stop(self) -> None:
        """Answer nobody."""
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    @property
    def environment(self) -> Mapping[str, str]:
        """What a program needs to reach it."""
        return {
            "FSSPEC_OSS_ENDPOINT": f"http://127.0.0.1:{self._port}",
            "FSSPEC_OSS_KEY": ACCESS_KEY,
            "FSSPEC_OSS_SECRET": SECRET_KEY,
        }

    def new_bucket(self) -> str:
        """URL of a new, empty bucket."""
        name = f"bj-{uuid4().hex[:12]}"
        self.buckets[name] = {}
        return f"oss://{name}"

    @contextmanager
    def away(self) -> Iterator[None]:
        """The server is down; afterwards it is back at the same address with all it held."""
        self.stop()
        try:
            yield
        finally:
            self.start()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: OssServer

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(
        self, status: int = 200, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(body)),
            "x-oss-request-id": uuid4().hex.upper(),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(self, status: int, code: str, message: str, **further: str) -> None:
        error = ET.Element("Error")
        for name, text in {"Code": code, "Message": message, **further}.items():
            ET.SubElement(error, name).text = text
        self._answer(status, ET.tostring(error), {"Content-Type": "application/xml"})

    def _serve(self) -> None:
        address = urlsplit(self.path)
        # As parse_qsl does not: a parameter without a value is one all the same.
        self.query = dict(parse_qsl(address.query, keep_blank_values=True))
        self.bucket, _, self.key = unquote(address.path).removeprefix("/").partition("/")
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.store.lock:
            self.store.asked.append((self.command, self.query))
            self._admit()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - as the class has them

    def _admit(self) -> None:
        key, _, signature = (
            self.headers.get("Authorization", "").removeprefix("OSS ").partition(":")
        )
        if key != ACCESS_KEY:
            told = {"OSSAccessKeyId": key}
            self._refuse(
                403, "InvalidAccessKeyId", "The key that you provide is not known.", **told
            )
        elif not hmac.compare_digest(signature, self._signature()):
            told = {"OSSAccessKeyId": key, "SignatureProvided": signature}
            self._refuse(403, "SignatureDoesNotMatch", "The signature does not match.", **told)
        elif self.bucket not in self.store.buckets:
            self._refuse(404, "NoSuchBucket", "The specified bucket does not exist.")
        elif self.key:
            self._object(self.store.buckets[self.bucket])
        else:
            self._whole_bucket(self.store.buckets[self.bucket])

    def _signature(self) -> str:
        """Version 1: of the method, some headers and what is asked for."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        own = sorted(f"{n}:{v}\n" for n, v in headers.items() if n.startswith("x-oss-"))
        asked = sorted((n, v) for n, v in self.query.items() if n in _SIGNED)
        resource = f"/{self.bucket}/{self.key}" if self.bucket else "/"
        if asked:
            resource += "?" + "&".join(f"{n}={v}" if v else n for n, v in asked)
        fields = [headers.get(name, "") for name in ("content-md5", "content-type", "date")]
        text = "\n".join([self.command, *fields, "".join(own) + resource])
        digest = hmac.new(SECRET_KEY.encode(), text.encode(), hashlib.sha1).digest()
        return base64.b64encode(digest).decode()

    def _object(self, objects: dict[str, _Kept]) -> None:
        if "uploads" in self.query or "uploadId" in self.query:
            self._part(objects)
        elif self.command == "PUT":
            objects[self.key] = _Kept(self.body)
            self._answer(headers={"ETag": objects[self.key].headers["ETag"]})
        elif self.command == "DELETE":
            objects.pop(self.key, None)
            self._answer(204)
        elif self.key not in objects:
            self._refuse(404, "NoSuchKey", "The specified key does not exist.")
        else:
            self._read(objects[self.key])

    def _read(self, kept: _Kept) -> None:
        held, status, headers = kept.content, 200, kept.headers
        if self.command == "HEAD":
            # The length is that of the object, and no object comes.
            self._answer(headers=headers | {"Content-Length": str(len(held))})
            return
        first, is_range, last = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
        if is_range:
            start = int(first) if first else max(0, len(held) - int(last))
            end = min(int(last), len(held) - 1) if first and last else len(held) - 1
            headers = headers | {"Content-Range": f"bytes {start}-{end}/{len(held)}"}
            held, status = held[start : end + 1], 206
        self._answer(status, held, headers)

    def _part(self, objects: dict[str, _Kept]) -> None:
        parts = self.store.parts
        if "uploads" in self.query:
            upload = uuid4().hex.upper()
            parts[upload] = {}
            self._answer_xml(
                "InitiateMultipartUploadResult",
                [("Bucket", self.bucket), ("Key", self.key), ("UploadId", upload)],
            )
        elif self.command == "PUT":
            parts[self.query["uploadId"]][int(self.query["partNumber"])] = self.body
            self._answer(headers={"ETag": f'"{_Kept(self.body).etag}"'})
        elif self.command == "DELETE":
            del parts[self.query["uploadId"]]
            self._answer(204)
        else:
            sent = parts.pop(self.query["uploadId"])
            numbers = [int(each.text or "") for each in ET.fromstring(self.body).iter("PartNumber")]  # noqa: S314
            objects[self.key] = _Kept(b"".join(sent[number] for number in numbers))
            self._answer_xml(
                "CompleteMultipartUploadResult",
                [("Bucket", self.bucket), ("Key", self.key), ("ETag", objects[self.key].etag)],
            )

    def _whole_bucket(self, objects: dict[str, _Kept]) -> None:
        if "bucketInfo" in self.query:
            self._answer_xml("BucketInfo", [("Bucket", [("Name", self.bucket)])])
        elif self.command == "POST" and "delete" in self.query:
            keys = [each.text or "" for each in ET.fromstring(self.body).iter("Key")]  # noqa: S314
            for key in keys:
                objects.pop(key, None)
            self._answer_xml("DeleteResult", [("Deleted", [("Key", key)]) for key in keys])
        elif self.command == "GET":
            self._list(objects)
        else:
            self._refuse(405, "MethodNotAllowed", "Not allowed against this resource.")

    def _list(self, objects: dict[str, _Kept]) -> None:
        """One page, by name; folders are what has the delimiter after the prefix."""
        prefix, delimiter = self.query.get("prefix", ""), self.query.get("delimiter", "")
        after = self.query.get("continuation-token", self.query.get("marker", ""))
        names: dict[str, bool] = {}
        for key in sorted(objects):
            rest = key.removeprefix(prefix)
            if not key.startswith(prefix):
                continue
            cut = rest.find(delimiter) if delimiter else -1
            names[key if cut < 0 else prefix + rest[: cut + len(delimiter)]] = cut >= 0
        waiting = [name for name in sorted(names) if name > after]
        page = waiting[: min(_PAGE, int(self.query.get("max-keys", _PAGE)))]
        shown: list[tuple[str, Any]] = [
            ("Name", self.bucket),
            ("Prefix", quote(prefix)),
            ("Delimiter", quote(delimiter)),
            ("EncodingType", "url"),
            ("IsTruncated", str(len(page) < len(waiting)).lower()),
        ]
        if len(page) < len(waiting):
            shown += [("NextMarker", quote(page[-1])), ("NextContinuationToken", quote(page[-1]))]
        for name in page:
            if names[name]:
                shown.append(("CommonPrefixes", [("Prefix", quote(name))]))
                continue
            kept = objects[name]
            fields = [
                ("Key", quote(name)),
                ("LastModified", strftime("%Y-%m-%dT%H:%M:%S.000Z", gmtime(kept.at))),
                ("ETag", f'"{kept.etag}"'),
                ("Type", "Normal"),
                ("Size", str(len(kept.content))),
                ("StorageClass", "Standard"),
            ]
            shown.append(("Contents", fields))
        self._answer_xml("ListBucketResult", shown)

    def _answer_xml(self, name: str, fields: list[tuple[str, Any]]) -> None:
        def fill(element: ET.Element, held: list[tuple[str, Any]]) -> ET.Element:
            for tag, value in held:
                child = ET.SubElement(element, tag)
                if isinstance(value, list):
                    fill(child, value)
                else:
                    child.text = value
            return element

        body = ET.tostring(fill(ET.Element(name), fields), encoding="utf-8")
        self._answer(body=body, headers={"Content-Type": "application/xml"})


@pytest.fixture
def oss(monkeypatch) -> Iterator[OssServer]:
    """The server, with this process and the programs that it starts set up for it."""
    ossfs = pytest.importorskip("ossfs", reason="ossfs is not installed")
    from fsspec.registry import _registry

    server = OssServer()
    server.start()
    for name in [name for name in os.environ if name.startswith(("AWS_", "FSSPEC_", "OSS_"))]:
        monkeypatch.delenv(name)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    read_settings_again()
    ossfs.OSSFileSystem.clear_instance_cache()
    yield server
    ossfs.OSSFileSystem.clear_instance_cache()
    _registry.pop("oss", None)  # fsspec finds it again, or finds that it is not installed
    server.stop()


def read_settings_again() -> None:
    """A program reads its environment once; within the tests' own it changes."""
    from fsspec.config import conf, set_conf_env

    conf.pop("oss", None)
    set_conf_env(conf)
