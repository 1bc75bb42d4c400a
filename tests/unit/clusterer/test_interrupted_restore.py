"""On either log, an interrupted restore changes nothing, and a damaged record lets a restore fail."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from newsloom.contracts.codec import encode
from newsloom.contracts.pipeline import TOPICS
from newsloom.contracts.topics import ARTICLE_STORIES, STORIES, TopicDefinition
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Log, Progress, Reader, Start
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message, Record, TopicPartition
from newsloom.streaming.scan import read_topic
from services.clusterer.core.calibration import zero_calibration
from services.clusterer.step import ClustererStep
from tests.laws.streams import DIMENSION, FIXED_PARAMETERS, article
from tests.unit.verifier.busy_week import busy_week
from tests.unit.verifier.service_loops import ServiceLoops, resolve_commands

POLL_RECORDS = 5


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.kafka)])
def given(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = f"sqlite:///{tmp_path / 'news.db'}" if request.param == "sqlite" else request.getfixturevalue("kafka_url")
    return Settings(log=url, topic_prefix=f"t{uuid.uuid4().hex[:8]}.", model="test")


@pytest.fixture
def log(given: Settings) -> Iterator[Log]:
    with closing(open_log_url(given.log)) as log:
        yield log


@pytest.fixture
def newsroom(log: Log, given: Settings) -> ServiceLoops:
    newsroom = ServiceLoops(log, given)
    newsroom.feed(resolve_commands(busy_week()))
    newsroom.drain("clusterer")
    newsroom.close()
    return newsroom


class RestoreInterrupted(Exception):
    """The restore ends here."""


class _InterruptedReader:
    def __init__(self, reader: Reader, read: Callable[[], None]) -> None:
        self._reader = reader
        self._read = read

    def poll(self, *, max_records: int, timeout_ms: int) -> list[Record]:
        self._read()
        return self._reader.poll(max_records=min(max_records, POLL_RECORDS), timeout_ms=timeout_ms)

    def at_end(self) -> bool:
        return self._reader.at_end()

    def fraction_read(self) -> float:
        return self._reader.fraction_read()

    def close(self) -> None:
        self._reader.close()


class InterruptedLog:
    """A log that returns a few records per read and raises `RestoreInterrupted` at the read number `interrupted_at`."""

    def __init__(self, log: Log, interrupted_at: int | None) -> None:
        self._log = log
        self._interrupted_at = interrupted_at
        self.reads = 0
        self.admin, self.worker, self.writer, self.close = log.admin, log.worker, log.writer, log.close

    def reader(self, partitions: Sequence[TopicPartition], *, start: Start) -> Reader:
        return _InterruptedReader(self._log.reader(partitions, start=start), self._read)

    def _read(self) -> None:
        if self.reads == self._interrupted_at:
            raise RestoreInterrupted
        self.reads += 1


def restored_step(log: Log, given: Settings) -> ClustererStep:
    step = ClustererStep(given, log, zero_calibration("test", DIMENSION), FIXED_PARAMETERS)
    step.restore(0)
    return step


def all_records(log: Log, given: Settings) -> list[Record]:
    return [record for topic in TOPICS for record in read_topic(log, topic_name(given, topic))]


def next_messages(step: ClustererStep, given: Settings) -> list[Message]:
    """Return what the step writes for further articles: it depends on all of the restored state."""
    events = [article(30 + n, subject=n % 4, hour=24 * 20 + n) for n in range(6)]
    topic = given.topic_prefix + "article-vectors"
    records = [Record(topic, 0, 1_000 + n, 0, b"main", encode(event)) for n, event in enumerate(events)]
    return list(step.process(records).messages)


@pytest.mark.usefixtures("newsroom")
def test_a_restore_killed_at_any_read_is_repeated_with_the_same_result(log: Log, given: Settings) -> None:
    counted = InterruptedLog(log, None)
    expected = next_messages(restored_step(counted, given), given)
    before = all_records(log, given)
    assert counted.reads > 10

    for interrupted_at in range(0, counted.reads, 3):
        with pytest.raises(RestoreInterrupted):
            restored_step(InterruptedLog(log, interrupted_at), given)

    assert all_records(log, given) == before, "a restore writes nothing"
    assert next_messages(restored_step(log, given), given) == expected


def damage(log: Log, given: Settings, topic: TopicDefinition) -> Record:
    """Overwrite the latest record of the topic with a truncated one, and return that."""
    name = topic_name(given, topic)
    whole = [record for record in read_topic(log, name) if record.value is not None][-1]
    cut = Message(name, whole.key, (whole.value or b"")[:-9], whole.headers, whole.partition)
    with closing(log.writer(f"{given.topic_prefix}damage")) as writer:
        writer.write([cut], Progress(1))
    return list(read_topic(log, name))[-1]


@pytest.mark.usefixtures("newsroom")
@pytest.mark.parametrize("topic", [STORIES, ARTICLE_STORIES], ids=lambda topic: topic.name)
def test_a_damaged_record_is_named_and_nothing_is_built(log: Log, given: Settings, topic: TopicDefinition) -> None:
    damaged = damage(log, given, topic)
    step = ClustererStep(given, log, zero_calibration("test", DIMENSION), FIXED_PARAMETERS)

    with pytest.raises(ConfigurationError) as refused:
        step.restore(0)

    assert f"{damaged.topic}, partition 0, offset {damaged.offset})" in str(refused.value)
    assert "does not start from an incomplete state: restore the topic from a replica or a backup" in str(refused.value)
