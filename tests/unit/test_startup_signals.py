"""A service that has just been started ends at SIGTERM, also as process 1 of a container, which loses signals by default."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from newsloom.contracts.pipeline import SERVICES, SUBSCRIBERS
from tests.conformance.clients import steps

ROOT: Final = Path(__file__).resolve().parents[2]
NAMESPACE: Final = ["unshare", "--user", "--map-root-user", "--pid", "--fork"]
DEADLINE_S: Final = 60

Start = Callable[..., "subprocess.Popen[str]"]


def image_command(service: str) -> list[str]:
    """Return the command of the service's image, with this interpreter."""
    entrypoints = re.findall(r"^ENTRYPOINT (.*)$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    (command,) = (json.loads(line) for line in entrypoints if f"services.{service}" in line)
    return [sys.executable if word == "python" else word for word in command]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start_command(command: list[str]) -> subprocess.Popen[str]:
        # No log: the service ends with an error if it gets beyond its start.
        environ = {**os.environ, "NEWSLOOM_LOG": "sqlite:////nowhere/at/all.db"}
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start_command
    for process in started:
        process.kill()
        process.communicate()


def wait_for_interpreter(pid: int) -> None:
    """Return as soon as the process runs Python, long before Python has run a line."""
    for _ in steps("the interpreter"):
        if Path(f"/proc/{pid}/exe").resolve() == Path(sys.executable).resolve():
            return


def child(process: subprocess.Popen[str]) -> int:
    for _ in steps("the first process of the namespace"):
        found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if found:
            return int(found[0])
    raise AssertionError


@pytest.mark.parametrize("service", [service.name for service in (*SERVICES, *SUBSCRIBERS)])
def test_process_1_ends_at_a_signal_of_its_first_moment(start: Start, service: str) -> None:
    if not shutil.which("unshare") or subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to make a namespace of processes: unshare --user --pid")
    process = start([*NAMESPACE, *image_command(service)])
    pid = child(process)
    wait_for_interpreter(pid)
    os.kill(pid, signal.SIGTERM)
    _, errors = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_any_other_process_ends_at_a_signal_of_its_first_moment(start: Start, number: signal.Signals) -> None:
    process = start(image_command("clusterer"))
    wait_for_interpreter(process.pid)
    process.send_signal(number)
    _, errors = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, errors) == (0, "")
