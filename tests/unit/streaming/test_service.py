"""A service as a process: exit status and error line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from newsloom.log_names import topic_specs
from newsloom.service import EXIT_CONFIGURATION, EXIT_LOG
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.open import open_log_url
from tests.conformance.clients import numbered, put, read_all, steps, values
from tests.failure_lines import failure
from tests.unit.streaming.tally import IN, OUT, create_topics

ROOT = Path(__file__).resolve().parents[3]
DEADLINE_S = 60

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with closing(open_log_url(f"sqlite:///{tmp_path / 'log.db'}")) as log:
        yield log


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start_service(**environ: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.streaming.tally_service"],
            cwd=ROOT,
            env={**os.environ, "NEWSLOOM_LOG": f"sqlite:///{tmp_path / 'log.db'}", **environ},
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start_service
    for process in started:
        process.kill()
        process.communicate()


def create_all_topics(log: Log) -> None:
    log.admin().create(topic_specs(Settings()))
    create_topics(log)


def wait_for_outputs(log: Log, count: int) -> None:
    for _ in steps("the service's outputs"):
        if log.admin().end_offsets([OUT]) == {(OUT, 0): count}:
            return


def last_line(process: subprocess.Popen[str]) -> str:
    return process.communicate(timeout=DEADLINE_S)[1].splitlines()[-1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def probe(port: int, path: str) -> int | None:
    """Return the status of the answer, or None if nothing listens yet."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=DEADLINE_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except urllib.error.URLError:
        return None


def wait_for_probe(port: int, path: str, status: int) -> None:
    for _ in steps(f"{path} {status}"):
        if probe(port, path) == status:
            return


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_the_next_process_continues(log: Log, start: Start, number: signal.Signals) -> None:
    create_all_topics(log)
    put(log, numbered(IN, 7))
    first = start()
    wait_for_outputs(log, 7)
    first.send_signal(number)
    assert '"event": "service.stopped"' in last_line(first)
    assert first.returncode == 0

    put(log, numbered(IN, 2, start=7), writer="later")
    start()
    wait_for_outputs(log, 9)
    assert values(read_all(log, OUT)) == [b"%d" % number for number in range(1, 10)]


def test_a_second_process_of_the_same_name_ends_the_first(log: Log, start: Start) -> None:
    create_all_topics(log)
    put(log, numbered(IN, 1))
    first = start()
    wait_for_outputs(log, 1)
    second = start()
    assert "two processes must not share an instance name" in last_line(first)
    assert first.returncode == EXIT_LOG
    put(log, numbered(IN, 1, start=1), writer="later")
    wait_for_outputs(log, 2)
    assert second.poll() is None


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A FIFO at which the start of a tally waits."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def test_the_probes_answer_while_it_starts(log: Log, start: Start, gate: Path) -> None:
    create_all_topics(log)
    port = free_port()
    start(NEWSLOOM_METRICS_PORT=str(port), NEWSLOOM_TEST_GATE=str(gate))
    wait_for_probe(port, "/startupz", 503)
    assert [probe(port, path) for path in ("/healthz", "/readyz", "/metrics")] == [200, 503, 200]
    gate.write_text("")
    wait_for_probe(port, "/startupz", 200)
    wait_for_probe(port, "/readyz", 200)


def test_a_signal_ends_it_while_it_starts(log: Log, start: Start, gate: Path) -> None:
    create_all_topics(log)
    port = free_port()
    process = start(NEWSLOOM_METRICS_PORT=str(port), NEWSLOOM_TEST_GATE=str(gate))
    wait_for_probe(port, "/startupz", 503)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0


def test_missing_topics_end_it_with_one_line_and_a_status(start: Start, tmp_path: Path) -> None:
    open_log_url(f"sqlite:///{tmp_path / 'log.db'}").close()
    process = start()
    line = failure(last_line(process))
    assert line.startswith("topics news.articles, ")
    assert line.endswith("do not exist: run `newsloom topics create`")
    assert process.returncode == EXIT_CONFIGURATION


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("NEWSLOOM_LOG", "redis://host", "NEWSLOOM_LOG='redis://host' is not a log: use sqlite:///"),
        (
            "NEWSLOOM_LOG",
            "sqlite:////nowhere/at/all.db",
            "NEWSLOOM_LOG: /nowhere/at/all.db is in a folder that does not",
        ),
        ("NEWSLOOM_PARTITIONS", "many", "NEWSLOOM_PARTITIONS='many' must be a whole number"),
    ],
)
def test_a_wrong_setting_ends_it_with_one_line_and_a_status(start: Start, name: str, value: str, expected: str) -> None:
    process = start(**{name: value})
    (line,) = process.communicate(timeout=DEADLINE_S)[1].splitlines()
    assert failure(line).startswith(expected)
    assert process.returncode == EXIT_CONFIGURATION
