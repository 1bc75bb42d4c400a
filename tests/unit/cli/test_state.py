"""`newsloom state verify`: its output and exit status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from newsloom.contracts.topics import ARTICLES
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Log
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Record, TopicPartition
from services.cli.__main__ import newsloom as cli
from services.verifier.findings import Invariant
from services.verifier.topic_reader import TopicsChanged
from services.verifier.verification import verify_topics
from tests.unit.verifier.busy_week import busy_week
from tests.unit.verifier.log_file import LogFile
from tests.unit.verifier.service_loops import ServiceLoops, in_edition, resolve_commands


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> LogFile:
    file = tmp_path_factory.mktemp("filled") / "news.db"
    settings = Settings(log=f"sqlite:///{file}", model="test", partitions=2, state_partitions=2)
    with closing(open_log_url(settings.log)) as log:
        services = ServiceLoops(log, settings)
        events = resolve_commands(busy_week())
        services.feed([*events, *in_edition(events, "de")])
        services.drain("embedder", "clusterer")
    return LogFile(file, settings)


@pytest.fixture
def log_file(filled: LogFile, tmp_path: Path) -> LogFile:
    return filled.copy_to(tmp_path / "news.db")


def verify(log_file: LogFile, *arguments: str) -> Result:
    return CliRunner(env={"NEWSLOOM_LOG": log_file.settings.log}).invoke(cli, ["state", "verify", *arguments])


def test_verify_prints_every_invariant_and_the_counts(log_file: LogFile) -> None:
    result = verify(log_file)

    assert result.exit_code == 0, result.output
    for invariant in Invariant:
        assert f"ok  {invariant.value}" in result.output
    assert "news.story-updates/1" in result.output
    assert "every invariant holds" in result.output


def test_verify_prints_violations_and_exits_with_1(log_file: LogFile) -> None:
    record, update = log_file.updates()[0]
    log_file.append(record)

    result = verify(log_file)

    assert result.exit_code == 1
    assert f"BROKEN  {Invariant.VERSIONS.value}" in result.output
    assert f"{update.story_id} version {update.version} (" in result.output
    assert "violations" in result.output


def test_json_contains_counts_invariants_and_violations(log_file: LogFile) -> None:
    good = json.loads(verify(log_file, "--format", "json").output)
    record, update = log_file.updates()[0]
    log_file.append(record)
    result = verify(log_file, "--format", "json")
    bad = json.loads(result.output)

    assert result.exit_code == 1
    assert good["violations"] == []
    assert [held["partition"] for held in good["partitions"]] == [0, 1]
    assert sum(held["editions"] for held in good["partitions"]) == 2
    assert good["records"]["news.articles/0"] > 0
    assert all(one["holds"] for one in good["invariants"])
    assert not next(one for one in bad["invariants"] if one["name"] == "versions")["holds"]
    assert any(update.story_id in one["violation"] for one in bad["violations"])


def test_verify_writes_nothing(log_file: LogFile) -> None:
    before = [log_file.records(topic) for topic in (ARTICLES,)], _end_offsets(log_file)
    verify(log_file)
    assert ([log_file.records(topic) for topic in (ARTICLES,)], _end_offsets(log_file)) == before


def _end_offsets(log_file: LogFile) -> dict[TopicPartition, int]:
    with closing(open_log_url(log_file.settings.log)) as log:
        return log.admin().end_offsets(["news.articles", "news.stories"])


def test_missing_topics_are_reported() -> None:
    with (
        closing(open_log_url("sqlite://")) as log,
        pytest.raises(ConfigurationError, match=r"topic news\.\S+ does not exist"),
    ):
        verify_topics(log, Settings())


class _ChangingLog:
    """A log on which a record is written whenever a reader is opened."""

    def __init__(self, log: Log, log_file: LogFile, record: Record) -> None:
        self._log, self._log_file, self._record = log, log_file, record

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)

    def reader(self, *arguments: object, **options: object) -> object:
        self._log_file.append(replace(self._record, partition=0))
        return self._log.reader(*arguments, **options)  # type: ignore[arg-type]


@pytest.fixture
def changing_log(log_file: LogFile) -> Iterator[_ChangingLog]:
    with closing(open_log_url(log_file.settings.log)) as log:
        yield _ChangingLog(log, log_file, log_file.records(ARTICLES)[0])


def test_topics_that_change_while_they_are_read_are_refused(log_file: LogFile, changing_log: Log) -> None:
    with pytest.raises(TopicsChanged, match="stop the services"):
        verify_topics(changing_log, log_file.settings)
