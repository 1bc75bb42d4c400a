"""Serve a web application until a stop. Needs uvicorn, which comes with the extras of the services that have one."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

from newsloom.streaming.errors import ConfigurationError

STOP_CHECK_S: Final = 0.1
BACKLOG: Final = 1_024
KEEP_ALIVE_S: Final = 30


@contextmanager
def listen(address: str, port: int, *, setting: str) -> Iterator[socket.socket]:
    """Listen on a TCP port while entered. Raises ConfigurationError, which names the setting, if that is impossible."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        listener = socket.create_server((address, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigurationError(f"{setting}: cannot listen there: {error.strerror or error}") from error
    with listener:
        yield listener


async def serve_until(
    stop: threading.Event,
    app: Any,
    listener: socket.socket,
    *,
    connections_max: int,
    stop_s_max: int,
    beat: Callable[[], None] = lambda: None,
    before_end: Callable[[], None] = lambda: None,
) -> None:
    """Serve an ASGI application until the stop. Then call `before_end`, and give open requests `stop_s_max` seconds to end.

    Until then `beat` is called every `STOP_CHECK_S` seconds, while the event loop answers.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        limit_concurrency=connections_max,
        timeout_graceful_shutdown=stop_s_max,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    while not stop.is_set() and not serving.done():
        beat()
        await asyncio.sleep(STOP_CHECK_S)
    before_end()
    server.should_exit = True
    await serving


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the service."""
        yield
