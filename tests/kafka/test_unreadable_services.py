"""Services that meet a batch that cannot be read end with one line, and SIGTERM ends them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from newsloom.contracts.topics import ARTICLES
from newsloom.log_names import topic_name, topic_specs
from newsloom.service import EXIT_CONFIGURATION
from newsloom.settings import Settings
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message
from tests.conformance.clients import put
from tests.failure_lines import failure
from tests.kafka.acl_newsroom import REPOSITORY, START_S_MAX
from tests.kafka.broker import Broker, wait_until
from tests.kafka.log_segment import change_batch, set_codec
from tests.unit.evaluation.invented_stream import WordEncoder

pytestmark = pytest.mark.kafka

END_S_MAX = 200
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def settings(kafka_broker: Broker) -> Settings:
    """Settings of a log whose only article is compressed with an unknown codec."""
    settings = Settings(log=kafka_broker.url, topic_prefix=f"codec-{uuid.uuid4().hex[:8]}.")
    articles = topic_name(settings, ARTICLES)
    article = json.dumps({"id": "a", "title": "t", "text": "x"}).encode()
    with closing(open_log_url(settings.log)) as log:
        log.admin().create(topic_specs(settings))
        put(log, [Message(articles, b"a", article)])
    change_batch(kafka_broker.segment(articles), 0, set_codec(5))
    return settings


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "output"


@pytest.fixture
def start(settings: Settings, output: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def start_module(*arguments: str, **environ: str) -> subprocess.Popen[bytes]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLOOM_")}
        log = {"NEWSLOOM_LOG": settings.log, "NEWSLOOM_TOPIC_PREFIX": settings.topic_prefix}
        with output.open("wb") as lines:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=REPOSITORY,
                env={**inherited, **log, **environ},
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=lines,
                start_new_session=True,  # Ctrl-C must reach the tests only; they stop the process.
            )
        started.append(process)
        return process

    yield start_module
    for process in started:
        process.kill()
        process.wait()


def problem(settings: Settings) -> str:
    return f"topic {topic_name(settings, ARTICLES)}, partition 0, offset 0: the batch is compressed"


def test_the_embedder_ends_with_one_line(settings: Settings, start: Start, output: Path) -> None:
    process = start("tests.kafka.word_embedder", NEWSLOOM_MODEL=WordEncoder.model)
    assert process.wait(END_S_MAX) == EXIT_CONFIGURATION
    assert failure(output.read_text()).startswith(problem(settings))


@pytest.mark.slow
def test_a_run_until_drained_ends_with_its_embedder(settings: Settings, start: Start, output: Path) -> None:
    process = start("services.cli", "run", "--until-drained")
    assert process.wait(END_S_MAX) == EXIT_CONFIGURATION
    assert problem(settings) in output.read_text()


@pytest.mark.slow
def test_sigterm_ends_a_run_until_drained(start: Start, output: Path) -> None:
    process = start("services.cli", "run", "--until-drained")
    wait_until(lambda: output.read_text().count("service.process-started") == 2, START_S_MAX, "the services to start")
    process.send_signal(signal.SIGTERM)
    assert process.wait(END_S_MAX) == 0
