"""The story page as a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import httpx2

from tests.conformance.clients import steps

START_S: Final = 60.0


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


class PageProcess:
    """A process of the story page on a log, with a file and ports of its own."""

    def __init__(self, log: str, file: Path, **environ: str) -> None:
        self.port, self.metrics_port, self.file = free_port(), free_port(), file
        variables = {
            **os.environ,
            "NEWSLOOM_LOG": log,
            "NEWSLOOM_PAGE_FILE": str(file),
            "NEWSLOOM_PAGE_PORT": str(self.port),
            "NEWSLOOM_METRICS_PORT": str(self.metrics_port),
            **environ,
        }
        command = [sys.executable, "-m", "services.storypage"]
        self.process = subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True)

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(f"http://127.0.0.1:{self.port}{path}", timeout=START_S)

    def wait_until_ready(self) -> None:
        for _ in steps("the story page"):
            assert self.process.poll() is None, self.process.stderr and self.process.stderr.read()
            try:
                answer = httpx2.get(f"http://127.0.0.1:{self.metrics_port}/readyz", timeout=START_S)
            except httpx2.TransportError:
                continue
            if answer.status_code == 200:
                return

    def end(self, number: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=START_S)
        return self.process.returncode, errors
