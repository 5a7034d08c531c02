"""A vendor's server on this machine, which answers as a test tells it to.

What belongs here: HTTP, scripted answers, faults of a connection, and the requests that came in.
What does not: what any vendor's documents look like (the vendor's own tests).

    with VendorServer() as server:
        server.answer("/quotes", Response(status=500), {"data": []})
        …  # the client calls server.url + "/quotes": first a failure, then JSON for ever
        assert len(server.requests) == 2
"""

import json
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

_LOCALHOST = "127.0.0.1"
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Request:
    """A request as it arrived.

    Attributes:
        method: ``GET`` or ``POST``.
        host: The header ``Host``, for clients whose calls to other hosts are led here.
        path: Path without the query.
        params: The query; the last value of a repeated name.
        body: The body.
        headers: Headers, names in lower case.
    """

    method: str
    host: str
    path: str
    params: Mapping[str, str]
    body: bytes
    headers: Mapping[str, str]

    @cached_property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Response:
    """What is sent back.

    Attributes:
        body: Bytes, text, or a value that is sent as JSON.
        status: HTTP status.
        headers: Further headers; ``Content-Type`` is guessed from the body unless given.
        reset: Announce the whole body, send half of it, and reset the connection.
    """

    body: object = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    reset: bool = False

    def encoded(self) -> tuple[bytes, str]:
        """The body as bytes, and its content type."""
        if isinstance(self.body, bytes):
            return self.body, "application/octet-stream"
        if isinstance(self.body, str):
            return self.body.encode(), "text/html; charset=utf-8"
        text = json.dumps(self.body, ensure_ascii=False)
        return text.encode(), "application/json; charset=utf-8"


EMPTY = Response()
HTML_INSTEAD = Response("<html><body><h1>系统维护中</h1></body></html>")

Matcher = str | Callable[[Request], bool]
"""A path, or a question about a request."""
Answer = object
"""A :class:`Response`, a body, or a function from a request to one of these."""


@dataclass
class _Script:
    matches: Callable[[Request], bool]
    answers: list[Answer]

    def next(self, request: Request) -> Response:
        """The next answer; the last one is given for ever."""
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = answer(request)
        return answer if isinstance(answer, Response) else Response(answer)


class VendorServer:
    """A server on an ephemeral port of the local host, for the time of a ``with`` block."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._scripts: list[_Script] = []
        self._requests: list[Request] = []
        self._server = ThreadingHTTPServer((_LOCALHOST, 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://{_LOCALHOST}:{self._server.server_port}"

    @property
    def requests(self) -> list[Request]:
        """Every request so far, in order of arrival."""
        with self._lock:
            return list(self._requests)

    def answer(self, matcher: Matcher, *responses: Answer) -> None:
        """Answer matching requests with these in turn, and with the last one from then on.

        A matcher that is given later comes first, so a test can override one of its helpers'
        answers. What nothing matches is answered with 404.
        """
        if not responses:
            raise ValueError("an answer has at least one response")
        matches = matcher if callable(matcher) else lambda request: request.path == matcher
        with self._lock:
            self._scripts.insert(0, _Script(matches, list(responses)))

    def forget(self) -> None:
        """Start counting requests anew."""
        with self._lock:
            self._requests.clear()

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _respond(self, request: Request) -> Response:
        with self._lock:
            self._requests.append(request)
            script = next((each for each in self._scripts if each.matches(request)), None)
            return script.next(request) if script else Response("not scripted", status=404)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                address = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                request = Request(
                    method=self.command,
                    host=self.headers.get("Host", ""),
                    path=address.path,
                    params=dict(parse_qsl(address.query, keep_blank_values=True)),
                    body=self.rfile.read(length),
                    headers={name.lower(): value for name, value in self.headers.items()},
                )
                self._send(owner._respond(request))

            def do_POST(self) -> None:
                self.do_GET()

            def _send(self, response: Response) -> None:
                body, kind = response.encoded()
                self.send_response(response.status)
                for name, value in {
                    "Content-Type": kind,
                    "Content-Length": str(len(body)),
                    **response.headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                if not response.reset:
                    self.wfile.write(body)
                    return
                self.wfile.write(body[: len(body) // 2])
                self.wfile.flush()
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
                self.connection.close()

            def log_message(self, *_: object) -> None:
                pass

        return Handler
