"""With wrong configuration every program ends within 30 s, with a status other than 0 and one line that says what to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from newsloom.contracts.codec import encode
from newsloom.contracts.topics import ARTICLE_VECTORS
from newsloom.contracts.vector import ArticleVector
from newsloom.service import EXIT_CONFIGURATION, EXIT_LOG
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message
from tests.acceptance.conftest import NewInstallation
from tests.acceptance.installation import Installation, ProcessResult
from tests.failure_lines import failure, failures
from tests.kafka.broker import free_ports
from tests.laws.streams import article

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

END_S_MAX: Final = 30.0

Program = tuple[str, ...]

STORIES: Final = ("services.cli", "stories")
RUN: Final = ("services.cli", "run", "--until-drained")
INGEST: Final = ("services.cli", "ingest", "articles.jsonl")
EMBEDDER: Final = ("services.embedder",)
CLUSTERER: Final = ("services.clusterer",)
PROGRAMS: Final = [STORIES, RUN, INGEST, EMBEDDER, CLUSTERER]

every_program = pytest.mark.parametrize("program", PROGRAMS, ids=" ".join)


@pytest.fixture
def installation(new_installation: NewInstallation) -> Installation:
    """Return an installation with a log but no topics, and a file to ingest."""
    made = new_installation("sqlite")
    open_log_url(made.url).close()
    (made.folder / "articles.jsonl").write_text('{"id": "a", "title": "Ferry sinks", "text": "Off Port Selden."}\n')
    return made


def start(installation: Installation, program: Sequence[str], **changed: str) -> ProcessResult:
    """Run a program with changed settings; fail if it does not end."""
    done = subprocess.run(
        [sys.executable, "-m", *program],
        env=installation.environ(**changed),
        cwd=installation.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=END_S_MAX,
        check=False,
    )
    return ProcessResult(done.returncode, done.stdout, done.stderr, 0)


def error_line(ended: ProcessResult) -> str:
    """Return the only error: of a service, or of a command, whose line is no JSON."""
    assert "Traceback" not in ended.stderr, ended.stderr
    plain = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
    (line,) = (*plain, *failures(ended.stderr))
    return line


@every_program
@pytest.mark.parametrize("url", ["redis://host", "news.db", "sqlite:", "kafka://", "kafka://host:port"])
def test_an_unknown_log(installation: Installation, program: Program, url: str) -> None:
    ended = start(installation, program, NEWSLOOM_LOG=url)

    assert ended.status == EXIT_CONFIGURATION
    assert f"NEWSLOOM_LOG={url!r}" in error_line(ended)
    assert "sqlite:///" in error_line(ended) or "kafka://host:9092" in error_line(ended)


@every_program
def test_an_unreachable_broker(installation: Installation, program: Program) -> None:
    (port,) = free_ports(1)

    ended = start(installation, program, NEWSLOOM_LOG=f"kafka://127.0.0.1:{port}")

    assert ended.status == EXIT_LOG
    assert f"127.0.0.1:{port}: Connection refused; start the broker or correct the address" in error_line(ended)


@every_program
def test_an_unknown_host(installation: Installation, program: Program) -> None:
    ended = start(installation, program, NEWSLOOM_LOG="kafka://no-such-host.invalid:9092")

    assert ended.status == EXIT_LOG
    assert "no-such-host.invalid:9092: " in error_line(ended)


@pytest.mark.parametrize("program", [STORIES, INGEST, EMBEDDER, CLUSTERER], ids=" ".join)
def test_a_missing_topic(installation: Installation, program: Program) -> None:
    ended = start(installation, program)

    assert ended.status == EXIT_CONFIGURATION
    assert f"{installation.prefix}articles" in error_line(ended) or f"{installation.prefix}stories" in error_line(ended)
    assert "not exist: run `newsloom topics create`" in error_line(ended)


@pytest.mark.parametrize("program", [STORIES, INGEST, EMBEDDER, CLUSTERER], ids=" ".join)
def test_a_log_that_does_not_exist(installation: Installation, program: Program) -> None:
    ended = start(installation, program, NEWSLOOM_LOG="sqlite:///mistyped.db")

    assert ended.status == EXIT_CONFIGURATION
    assert "mistyped.db does not exist: correct the path, or create it with `newsloom topics create`" in error_line(
        ended
    )
    assert not (installation.folder / "mistyped.db").exists()


@pytest.mark.kafka
@pytest.mark.parametrize("program", [STORIES, INGEST, EMBEDDER, CLUSTERER], ids=" ".join)
def test_a_missing_topic_on_kafka(installation: Installation, program: Program, kafka_url: str) -> None:
    ended = start(installation, program, NEWSLOOM_LOG=kafka_url)

    assert ended.status == EXIT_CONFIGURATION
    assert "not exist: run `newsloom topics create`" in error_line(ended)


@every_program
def test_a_folder_that_does_not_exist(installation: Installation, program: Program) -> None:
    ended = start(installation, program, NEWSLOOM_LOG=f"sqlite:///{installation.folder}/missing/news.db")

    assert ended.status == EXIT_CONFIGURATION
    assert "create the folder" in error_line(ended)


@every_program
def test_a_file_that_cannot_be_written(installation: Installation, program: Program) -> None:
    (installation.folder / "taken").mkdir()

    ended = start(installation, program, NEWSLOOM_LOG=f"sqlite:///{installation.folder}/taken")

    assert ended.status == EXIT_CONFIGURATION
    assert "name a file that can be written" in error_line(ended)


@every_program
def test_a_file_that_is_no_log(installation: Installation, program: Program) -> None:
    ended = start(installation, program, NEWSLOOM_LOG=f"sqlite:///{installation.folder}/articles.jsonl")

    assert ended.status == EXIT_CONFIGURATION
    assert "name another file" in error_line(ended)


@every_program
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("NEWSLOOM_LGO", "sqlite:///news.db", "NEWSLOOM_LGO is not a setting. The settings are NEWSLOOM_LOG"),
        ("NEWSLOOM_PARTITIONS", "many", "NEWSLOOM_PARTITIONS='many' must be a whole number"),
        ("NEWSLOOM_DEAD_LETTER_SHARE_MAX", "2", "NEWSLOOM_DEAD_LETTER_SHARE_MAX='2' must be"),
    ],
)
def test_an_invalid_setting(installation: Installation, program: Program, name: str, value: str, message: str) -> None:
    ended = start(installation, program, **{name: value})

    assert ended.status == EXIT_CONFIGURATION
    assert message in error_line(ended)


@pytest.mark.parametrize("model", ["/no/such/folder", "no/such-model", "."])
def test_a_model_that_cannot_be_loaded(installation: Installation, model: str) -> None:
    installation.command("topics", "create")

    ended = start(installation, EMBEDDER, NEWSLOOM_MODEL=model)

    assert ended.status == EXIT_CONFIGURATION
    assert f"NEWSLOOM_MODEL={model!r} cannot be loaded: " in error_line(ended)
    assert "use all-MiniLM-L6-v2" in error_line(ended)


def _make_stories(installation: Installation) -> None:
    """Make stories from vectors of the model `test` with 8 dimensions."""
    installation.command("topics", "create")
    vectors = [article(1), article(2)]
    installation.write(ARTICLE_VECTORS, [_message(vector) for vector in vectors])
    installation.run("clusterer", NEWSLOOM_MODEL="test")


def _message(vector: ArticleVector) -> Message:
    return Message("", vector.edition.encode(), encode(vector))


@pytest.mark.parametrize("program", [CLUSTERER, ("services.cli", "run")], ids=" ".join)
def test_state_of_another_model(installation: Installation, program: Program) -> None:
    _make_stories(installation)

    ended = start(installation, program)

    assert ended.status == EXIT_CONFIGURATION
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
    assert failure(ended.stderr) == (
        "NEWSLOOM_MODEL is 'all-MiniLM-L6-v2', but the stories of edition 'main' were made with "
        "'test' (8 dimensions): set it back, or migrate the stories to the new model with `newsloom migrate --model`"
    )
    assert lines in (
        [],
        ["newsloom: the clusterer cannot work with this configuration: its own message gives the reason"],
    )


def test_a_vector_of_another_dimension_than_the_state(installation: Installation) -> None:
    _make_stories(installation)
    half = np.array([1, 0, 0, 0], dtype="<f2").tobytes()
    strange = ArticleVector(
        article_id="a3", edition="main", title="Half", published_at=article(3).published_at, digest="", words=1,
        shingles=b"", title_vector=half, lead_vector=half, terms=b"", term_counts=b"", model="test", preparation="1",
    )  # fmt: skip
    installation.write(ARTICLE_VECTORS, [_message(strange), _message(article(4))])

    installation.run("clusterer", NEWSLOOM_MODEL="test")

    published = installation.published()
    (letter,) = published.dead_letters
    assert letter.header("dead-letter-reason") == "title_vector has 4 dimensions, the model has 8 - at `$.title_vector`"
    assert ("main", "a4") in published.memberships


@pytest.mark.parametrize("program", [INGEST, ("services.cli", "run", "--ingest", "articles.jsonl")], ids=" ".join)
def test_an_input_file_that_does_not_exist(installation: Installation, program: Program) -> None:
    installation.command("topics", "create")
    Path(installation.folder / "articles.jsonl").unlink()

    ended = start(installation, program)

    assert ended.status == 2
    assert "Error: articles.jsonl cannot be read: No such file or directory" in ended.stderr
