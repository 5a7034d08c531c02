"""A real S3-compatible server on this machine, and how programs reach it.

What belongs here: starting and stopping it, buckets, and the environment of its clients. What does
not: anything about our own files.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest

ACCESS_KEY = "AKIAPLANTEDSECRET0000"
SECRET_KEY = "planted-secret-of-the-object-store"  # noqa: S105 - the server knows no other


@dataclass
class S3Server:
    """A server that keeps its buckets while it is away, as long as the tests run.

    Attributes:
        before_put: Told the key before an object is put; it may end the program that puts it.
    """

    _server: Any = field(repr=False)
    _start: Callable[[int], Any] = field(repr=False)
    before_put: Callable[[str], object] | None = None
    _puts: Lock = field(default_factory=Lock, repr=False)

    def __post_init__(self) -> None:
        self._listen()

    @property
    def url(self) -> str:
        """Address of the server."""
        host, port = self._server.get_host_and_port()
        return f"http://{host}:{port}"

    @property
    def environment(self) -> Mapping[str, str]:
        """What a program needs to reach it; nothing else is configured anywhere."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def client(self) -> Any:
        """A client of the vendor's own library, which knows nothing of ours."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            region_name="us-east-1",
        )

    def new_bucket(self) -> str:
        """URL of a new, empty bucket."""
        name = f"bj-{uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=name)
        return f"s3://{name}"

    def keys(self, url: str) -> dict[str, bytes]:
        """Every object of a bucket by its key."""
        client, bucket = self.client(), url.removeprefix("s3://").split("/")[0]
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        names = [each["Key"] for page in pages for each in page.get("Contents", ())]
        return {
            name: client.get_object(Bucket=bucket, Key=name)["Body"].read()
            for name in sorted(names)
        }

    @contextmanager
    def away(self) -> Iterator[None]:
        """The server is down; afterwards it is back at the same address with all it held."""
        _, port = self._server.get_host_and_port()
        self._server.stop()
        try:
            yield
        finally:
            self._server = self._start(port)
            self._listen()

    @contextmanager
    def asking_who(self) -> Iterator[None]:
        """The server lets in nobody, because nobody has an account."""
        self._ask_for_accounts("0")
        try:
            yield
        finally:
            self._ask_for_accounts("inf")

    def _ask_for_accounts(self, after: str) -> None:
        address, kind = f"{self.url}/moto-api/reset-auth", {"Content-Type": "text/plain"}
        request = Request(address, after.encode(), kind, method="POST")  # noqa: S310 - as below
        with urlopen(request, timeout=10):  # noqa: S310 - our own server
            pass

    def _listen(self) -> None:
        served = self._server._server.app

        def app(environ: dict[str, Any], start_response: Any) -> Any:
            if environ["REQUEST_METHOD"] == "PUT" and self.before_put is not None:
                with self._puts:
                    self.before_put(environ["PATH_INFO"])
            return served(environ, start_response)

        self._server._server.app = app


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A server for all tests of a session; each takes a bucket of its own."""
    moto = pytest.importorskip("moto.server", reason="moto[server] is not installed")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)

    def start(port: int) -> Any:
        server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
        server.start()
        return server

    server = S3Server(start(0), start)
    yield server
    server._server.stop()


@pytest.fixture
def s3(s3_server, monkeypatch) -> Iterator[S3Server]:
    """The server, with this process and the programs that it starts set up for it."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "FSSPEC_"))]:
        monkeypatch.delenv(name)
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    _forget_connections()
    yield s3_server
    _forget_connections()


def _forget_connections() -> None:
    """A program reads its environment once; within the tests' own it changes."""
    from s3fs import S3FileSystem

    S3FileSystem.clear_instance_cache()
