"""An HTTP server on this machine that answers as it is told, also against all rules, and checks the manners of its clients."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

NO_ROBOTS: Final = "/robots.txt"


@dataclass(frozen=True)
class Answer:
    """A status line, headers and a body, which may be endless. `raw` replaces all of it."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None

    def pieces(self) -> Iterator[bytes]:
        if self.raw is not None:
            yield self.raw
            return
        lines = [f"HTTP/1.1 {self.status} X", *(f"{name}: {value}" for name, value in self.headers.items())]
        if isinstance(self.body, bytes) and "Content-Length" not in self.headers:
            lines.append(f"Content-Length: {len(self.body)}")
        yield "\r\n".join([*lines, "Connection: close", "", ""]).encode()
        yield from [self.body] if isinstance(self.body, bytes) else self.body


@dataclass(frozen=True)
class Request:
    """What a client asked for, at the time of the test's clock, and what it got."""

    path: str
    headers: Mapping[str, str]
    at: float
    answer: Answer

    @property
    def is_conditional(self) -> bool:
        return "if-none-match" in self.headers or "if-modified-since" in self.headers


Script = Callable[[int, Mapping[str, str]], Answer]
"""The answer to a request, by its number for this path (from 0) and its headers."""


class FeedServer(socketserver.ThreadingTCPServer):
    """Answers each path by its script; a path without one is 404."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.clock = clock
        self.scripts: dict[str, Script] = {}
        self.requests: list[Request] = []
        self.bytes_sent = 0
        self.busy = 0
        self.busy_max = 0
        self.lock = threading.Lock()
        self.released = threading.Event()
        """Set when the server ends: a script that waits must wait for this."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def serve(self, path: str, answer: Answer | Script) -> str:
        """Give this answer to every request for the path, or what the script says; return the URL."""
        self.scripts[path] = answer if callable(answer) else lambda _number, _headers: answer
        return self.url + path

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer:
        with self.lock:
            number = len(self.asked(path))
            script = self.scripts.get(path)
            answer = script(number, headers) if script else Answer(404)
            self.requests.append(Request(path, headers, self.clock(), answer))
        return answer

    def impolite(self) -> list[str]:
        """Return each request that came too early or asked again for what the client had, in words."""
        found: list[str] = []
        earlier = defaultdict[str, list[Request]](list)
        for request in self.requests:
            if earlier[request.path]:
                found += _offences(request, earlier[request.path])
            earlier[request.path].append(request)
        return found


def _offences(request: Request, earlier: list[Request]) -> Iterator[str]:
    last = earlier[-1]
    headers = last.answer.headers
    wait_s = int(headers.get("Retry-After", 0)) or int(headers.get("Cache-Control", "max-age=0").partition("=")[2])
    if request.at < last.at + wait_s:
        yield f"{request.path} after {request.at - last.at:.0f} s instead of {wait_s}"
    read = [one for one in earlier if one.answer.status == 200]
    known = read[-1].answer.headers if read else {}
    etag, modified = known.get("ETag"), known.get("Last-Modified")
    if etag and request.headers.get("if-none-match") != etag:
        yield f"{request.path} without If-None-Match: {etag}"
    if modified and request.headers.get("if-modified-since") != modified:
        yield f"{request.path} without If-Modified-Since: {modified}"


class _Handler(socketserver.StreamRequestHandler):
    server: FeedServer

    def handle(self) -> None:
        if self.connection.recv(1, socket.MSG_PEEK) == b"\x16":
            # A TLS handshake. A server without TLS answers it so.
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return
        lines: list[str] = []
        while (line := self.rfile.readline(65_536).strip()) and len(lines) < 100:
            lines.append(line.decode("latin-1"))
        if not lines or len(lines[0].split()) != 3:
            return
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        answer = self.server.answer(lines[0].split()[1], headers)
        with self._counted():
            try:
                for piece in answer.pieces():
                    self.wfile.write(piece)
                    self.server.bytes_sent += len(piece)
            except OSError:
                # The client has had enough.
                pass

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self.server.lock:
            self.server.busy += 1
            self.server.busy_max = max(self.server.busy_max, self.server.busy)
        yield
        with self.server.lock:
            self.server.busy -= 1
