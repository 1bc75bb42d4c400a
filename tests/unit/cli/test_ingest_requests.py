"""`newsloom ingest --listen`: what is accepted is on the log, and what is refused says why."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from newsloom.settings import Settings
from newsloom.streaming.log import Log
from services.cli.commands import ingest
from services.ingest.http_api import BODY_BYTES_MAX, IngestMetrics
from tests.unit.ingest.harness import ids, new_log, row
from tests.unit.test_docs import OPERATIONS, metric_rows, table


@dataclass
class Door:
    """The program, and the log that it writes to."""

    process: subprocess.Popen[bytes]
    log: Log
    port: int

    def post(self, body: bytes, path: str = "/articles") -> tuple[int, dict[str, Any], str | None]:
        """Return status, decoded body and content type of the answer."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - http to this machine
                return answer.status, msgspec.json.decode(answer.read()), answer.headers["Content-Type"]
        except urllib.error.HTTPError as answer:
            return answer.code, msgspec.json.decode(answer.read()), answer.headers["Content-Type"]


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    log, settings = new_log(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "services.cli", "ingest", "--listen", "127.0.0.1:0"],
        env={**os.environ, "NEWSLOOM_LOG": settings.log},
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    started = msgspec.json.decode(process.stderr.readline())
    assert started["event"] == "service.started"
    yield Door(process, log, started["port"])
    process.kill()
    process.wait()
    process.stderr.close()
    log.close()


def lines(*rows: object) -> bytes:
    return b"\n".join(msgspec.json.encode(one) for one in rows)


def test_accepted_articles_are_on_the_log(door: Door) -> None:
    status, answer, kind = door.post(lines(row(1), row(2), {"id": "a-1", "retracted": True}))
    assert ids(door.log) == ["a-1", "a-2", "a-1"]
    assert (status, answer, kind) == (202, {"articles": 2, "retractions": 1}, "application/json")


def test_a_body_with_a_wrong_line_is_refused_as_a_whole(door: Door) -> None:
    status, answer, kind = door.post(lines(row(1), {"id": "a-2", "title": "t"}))
    assert (status, kind) == (422, "application/problem+json")
    assert answer["detail"].startswith("line 2, field text: missing; nothing of this request is written")
    assert answer["errors"] == [{"line": 2, "field": "text", "reason": "missing"}]
    assert ids(door.log) == []


def test_refusals_say_what_to_do(door: Door) -> None:
    answers = [door.post(b"", "/"), door.post(b""), door.post(b"x" * (BODY_BYTES_MAX + 1))]
    assert [(status, answer["detail"]) for status, answer, _ in answers] == [
        (404, "use POST /articles"),
        (422, "0 lines: send 1 to 1,000, each a JSON object"),
        (413, "over 8,388,608 bytes: send fewer lines in a request"),
    ]
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"http://127.0.0.1:{door.port}/articles")
    assert (error.value.code, error.value.headers["Allow"]) == (405, "POST")


def test_many_requests_at_the_same_time_are_all_on_the_log(door: Door) -> None:
    threads = [threading.Thread(target=door.post, args=(lines(row(number)),)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids(door.log)) == sorted(f"a-{number}" for number in range(30))


def test_a_signal_ends_it_although_a_connection_is_open(door: Door) -> None:
    with socket.create_connection(("127.0.0.1", door.port)):
        door.process.send_signal(signal.SIGTERM)
        assert door.process.stderr is not None
        assert b'"event": "service.stopped"' in door.process.stderr.read()
        assert door.process.wait(timeout=60) == 0


def test_an_address_in_use_is_named(door: Door, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "services.cli", "ingest", "--listen", f"127.0.0.1:{door.port}"]
    environ = {**os.environ, "NEWSLOOM_LOG": f"sqlite:///{tmp_path / 'newsloom.db'}"}
    ended = subprocess.run(command, env=environ, capture_output=True, check=False)
    assert ended.returncode == 78
    assert f"--listen 127.0.0.1:{door.port}: cannot listen there: Address already in use".encode() in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a file, a feed or a list of feeds, or use --listen HOST:PORT"),
        (["a.jsonl", "--listen", "127.0.0.1:1"], "name a file, a feed or a list of feeds, or use --listen HOST:PORT"),
        (["--listen", "8090"], "--listen '8090' is not HOST:PORT, such as 127.0.0.1:8090"),
        (["--listen", "127.0.0.1:1", "--strict"], "are for files of articles, not for requests"),
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(ingest.command, arguments, obj=Settings())
    assert result.exit_code == 2
    assert message in result.stderr


def test_the_documented_metrics_are_those_of_the_code() -> None:
    described = {
        row[0].strip("`"): row[1:] for row in table(OPERATIONS, "| metric of requests | type | labels | meaning |")
    }
    assert described == metric_rows(IngestMetrics().registry)
