"""A small HTTP server that no client can keep from answering the others.

`http.server` starts a thread for each connection and bounds neither their number nor the time of a request. The well-kept servers
bound their number, but then refuse new connections while old ones drip bytes. Here, a connection is for one request, which has a
deadline as a whole, and a new connection beyond the bound ends the oldest one.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, NamedTuple

import structlog

CONNECTIONS_MAX: Final = 256
ACCEPTED_AT_ONCE: Final = 16
"""Far fewer than `CONNECTIONS_MAX`: a request that comes with its connection is read before newer connections can end it."""
WAITING_MAX: Final = 1_024
"""Connections that the operating system holds until they are accepted."""
REQUEST_S_MAX: Final = 5.0
"""From the connection to the end of the answer."""
HEAD_BYTES_MAX: Final = 8_192
REFUSALS_LOGGED_EVERY_S: Final = 60.0
TEXT: Final = "text/plain; charset=utf-8"

_log = structlog.get_logger("newsloom.http")


class Answer(NamedTuple):
    """An answer: its status, body and content type."""

    status: HTTPStatus
    body: bytes
    content_type: str = TEXT


class HttpServer:
    """Serve GET requests at an address in a thread; `answer` gets the path, without a query."""

    def __init__(self, address: str, port: int, answer: Callable[[str], Answer]) -> None:
        """Listen.

        Raises:
            OSError: the address is not one of this machine, or the port is in use.

        """
        self._answer = answer
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.create_server((address, port), family=family)
        self.port: int = self._socket.getsockname()[1]
        self._connections: dict[asyncio.StreamWriter, None] = {}
        """In the order of their beginning."""
        self._refused = 0
        self._log_from = 0.0
        self._loop = asyncio.new_event_loop()
        self._is_started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    def start(self) -> None:
        """Start to serve."""
        self._thread.start()

    def close(self) -> None:
        """Stop serving. Call it only after `start`."""
        # A stop during the start would end `run_until_complete` in `_run` with an error.
        self._is_started.wait()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        try:
            server = self._loop.run_until_complete(
                asyncio.start_server(self._serve, sock=self._socket, limit=HEAD_BYTES_MAX, backlog=ACCEPTED_AT_ONCE)
            )
        finally:
            self._is_started.set()
        # asyncio takes one number for what it accepts at once and for what waits.
        self._socket.listen(WAITING_MAX)
        self._loop.run_forever()
        server.close()
        for writer in self._connections:
            writer.transport.abort()
        self._loop.run_until_complete(server.wait_closed())
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections[writer] = None
        if len(self._connections) > CONNECTIONS_MAX:
            oldest = next(iter(self._connections))
            del self._connections[oldest]
            oldest.transport.abort()
        try:
            async with asyncio.timeout(REQUEST_S_MAX):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._response(head))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            # A client that is too slow (TimeoutError is an OSError), sends too much, or goes away.
            self._log_refusal()
            writer.transport.abort()
        finally:
            self._connections.pop(writer, None)

    def _response(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b"\r\n")[0].partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0].decode("ascii", "replace")
        answer = (
            self._answer(path) if method in {b"GET", b"HEAD"} else Answer(HTTPStatus.METHOD_NOT_ALLOWED, b"use GET\n")
        )
        lines = (
            f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(answer.body)}",
            "Connection: close",
        )
        return "\r\n".join((*lines, "", "")).encode() + (b"" if method == b"HEAD" else answer.body)

    def _log_refusal(self) -> None:
        self._refused += 1
        if (now := self._loop.time()) >= self._log_from:
            _log.warning("http.refused", connections=self._refused, since_s=REFUSALS_LOGGED_EVERY_S)
            self._refused, self._log_from = 0, now + REFUSALS_LOGGED_EVERY_S
