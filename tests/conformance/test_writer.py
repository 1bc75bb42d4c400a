"""Writers: messages and progress in one transaction, one writer of each name."""

from __future__ import annotations

import pytest

from newsloom.streaming.errors import Fenced
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.records import Message
from tests.conformance.clients import numbered, read_all, values
from tests.conformance.conftest import NewTopic
from tests.conformance.harness import LogHarness


def test_a_new_writer_has_no_progress(log: Log, unique: str) -> None:
    assert log.writer(unique).progress() is None


def test_progress_is_that_of_the_last_write(harness: LogHarness, log: Log, new_topic: NewTopic, unique: str) -> None:
    topic = new_topic("in")
    writer = log.writer(unique)
    writer.write(numbered(topic, 2), Progress(2, "articles.jsonl"))
    writer.write(numbered(topic, 2, start=2), Progress(4, "articles.jsonl sha256:ä"))
    assert writer.progress() == Progress(4, "articles.jsonl sha256:ä")
    writer.close()
    assert harness.open().writer(unique).progress() == Progress(4, "articles.jsonl sha256:ä")
    assert values(read_all(log, topic)) == [b"0", b"1", b"2", b"3"]


def test_progress_may_be_written_without_messages(log: Log, unique: str) -> None:
    writer = log.writer(unique)
    writer.write([], Progress(7))
    assert writer.progress() == Progress(7, "")


def test_progress_may_be_written_before_the_first_message_with_a_topic_that_is_named(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic = new_topic("in")
    writer = log.writer(unique, progress_topic=topic)
    writer.write([], Progress(0, "nothing yet"))
    writer.write([Message(topic, b"k", b"v")], Progress(1))
    writer.close()
    assert harness.open().writer(unique, progress_topic=topic).progress() == Progress(1)


def test_a_newer_writer_of_the_name_fences_the_older(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic = new_topic("in")
    older = log.writer(unique)
    older.write([Message(topic, b"k", b"first")], Progress(1))
    newer = harness.open().writer(unique)

    with pytest.raises(Fenced):
        older.write([Message(topic, b"k", b"refused")], Progress(2))

    assert newer.progress() == Progress(1)
    newer.write([Message(topic, b"k", b"second")], Progress(2))
    assert values(read_all(log, topic)) == [b"first", b"second"]


def test_writers_of_different_names_are_independent(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic = new_topic("in")
    one, two = log.writer(f"{unique}.one"), harness.open().writer(f"{unique}.two")
    for i in range(3):
        one.write([Message(topic, b"one", b"%d" % i)], Progress(i))
        two.write([Message(topic, b"two", b"%d" % i)], Progress(10 + i))
    assert (one.progress(), two.progress()) == (Progress(2), Progress(12))
    assert len(read_all(log, topic)) == 6


def test_a_discarded_writer_has_no_progress(harness: LogHarness, log: Log, new_topic: NewTopic, unique: str) -> None:
    topic = new_topic("in")
    writer = log.writer(unique)
    writer.write(numbered(topic, 2), Progress(2, "a stream"))
    writer.discard()
    assert writer.progress() is None
    writer.close()
    assert harness.open().writer(unique).progress() is None
    assert log.admin().committed_offsets(unique, [topic]) == {}
    assert values(read_all(log, topic)) == [b"0", b"1"]
