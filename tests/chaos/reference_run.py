"""Compare the topics, record for record, with a reference run: the same input processed without faults.

Three comparisons, each of committed records only:

1. The file and `articles`: every line once, in order.
2. `articles` and `article-vectors`: the embedder's own step, run over each partition, gives the same records, once and in order.
3. `article-vectors` and the clusterer's topics: a clusterer on a log in memory, given the same records in the same partitions,
   publishes the same updates of each story in the same order, the same stories, state and dead letters.

Runs check `newsloom state verify` as well, which is independent of the services' code.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

from newsloom.contracts.topics import (
    ARTICLE_STORIES,
    ARTICLE_VECTORS,
    ARTICLES,
    DEAD_LETTERS,
    STORIES,
    STORY_UPDATES,
)
from newsloom.log_names import group_name, topic_specs
from newsloom.settings import Settings
from newsloom.streaming.dead_letters import OFFSET, PARTITION, REASON, SERVICE, TOPIC
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.loop import Loop, LoopConfig
from newsloom.streaming.metrics import Metrics
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message, Record
from newsloom.streaming.restore import RestoreProgress
from newsloom.streaming.scan import read_topic
from newsloom.streaming.watchdog import Watchdog
from services.clusterer.service import RECORDS_MAX, build_step
from services.embedder.encoder import Encoder
from services.embedder.step import EmbedderStep
from tests.chaos.ingest_loop import INVALID_ARTICLE
from tests.chaos.traffic import Pair, pair_of

WRITE_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Topics:
    """Every committed record of every topic, in offset order within each partition."""

    articles: list[Record]
    vectors: list[Record]
    updates: list[Record]
    stories: list[Record]
    memberships: list[Record]
    dead_letters: list[Record]

    @classmethod
    def read(cls, log: Log, prefix: str) -> Topics:
        """Read all records of a log."""
        return cls(
            *(
                list(read_topic(log, prefix + topic.name))
                for topic in (ARTICLES, ARTICLE_VECTORS, STORY_UPDATES, STORIES, ARTICLE_STORIES, DEAD_LETTERS)
            )
        )


def ingest_problems(lines: Iterable[bytes], articles: Iterable[Record]) -> Iterator[str]:
    """Yield each difference between the file and `articles`: every line once, each partition in the order of the file."""
    wanted = [pair_of(line) for line in lines]
    found = [record for record in articles if record.value != INVALID_ARTICLE]
    yield from _difference("lines of the file", Counter(wanted), Counter(map(_pair, found)))
    for partition, records in _by_partition(found).items():
        remaining = iter(wanted)
        for record in records:
            # `in` consumes the iterator up to the line: the next record must be a later line.
            if _pair(record) not in remaining:
                yield f"articles/{partition}/{record.offset} ({record.key!r}) is not in the order of the file"
                break


def embedding_problems(topics: Topics, encoder: Encoder, settings: Settings) -> Iterator[str]:
    """Yield each difference between the embedder's output and that of its step: each input once, in order."""
    step = EmbedderStep(settings, encoder)
    found = _by_origin(topics.vectors)
    rejected: list[tuple[str, ...]] = []
    for partition, records in _by_partition(topics.articles).items():
        outcome = step.process(records)
        rejected += [_origin(one.record) for one in outcome.rejected]
        expected = _by_edition((message.key, message.value, message.headers) for message in outcome.messages)
        actual = _by_edition((record.key, record.value, record.headers) for record in found.pop(partition, []))
        for edition in expected.keys() | actual.keys():
            yield from _same_lists(
                f"vectors of articles/{partition}, edition {edition!r}",
                expected.get(edition, []),
                actual.get(edition, []),
            )
    for partition in found:
        yield f"there are vectors of articles/{partition}, a partition without records"
    letters = [_letter_origin(letter) for letter in topics.dead_letters if letter.header(SERVICE) == "embedder"]
    yield from _difference("dead letters of the embedder", Counter(rejected), Counter(letters))


def run_clusterer(vectors: Iterable[Record], settings: Settings) -> Topics:
    """Run a clusterer on a log in memory with the same records in the same partitions; return its topics."""
    log = open_log_url("sqlite://")
    try:
        log.admin().create(topic_specs(settings))
        _copy(log, vectors)
        watchdog, metrics = Watchdog(), Metrics()
        step = build_step(settings, log, RestoreProgress(watchdog, metrics))
        group = group_name(settings, "clusterer")
        worker = log.worker(group=group, instance="reference", topics=step.input_topics)
        config = LoopConfig(
            service="clusterer",
            dead_letter_topic=settings.topic_prefix + DEAD_LETTERS.name,
            dead_letter_share_max=1.0,
            records_max=RECORDS_MAX,
        )
        loop = Loop(worker, step, config, stop=threading.Event(), watchdog=watchdog, metrics=metrics)
        while log.admin().backlog(group, step.input_topics):
            loop.run_once()
        return Topics.read(log, settings.topic_prefix)
    finally:
        log.close()


def _copy(log: Log, records: Iterable[Record]) -> None:
    writer = log.writer("copy")
    messages = [Message(one.topic, one.key, one.value, one.headers, one.partition, one.timestamp_ms) for one in records]
    for start in range(0, len(messages), WRITE_MAX):
        writer.write(messages[start : start + WRITE_MAX], Progress(start + WRITE_MAX))
    writer.close()


def clustering_differences(found: Topics, reference: Topics) -> Iterator[str]:
    """Yield each difference between the clusterer's topics and those of the reference run."""
    updates, expected = _by_key(found.updates), _by_key(reference.updates)
    for key in expected.keys() | updates.keys():
        yield from _same_lists(f"updates of story {key!r}", expected.get(key, []), updates.get(key, []))
    for name, wanted, got in (
        ("stories", reference.stories, found.stories),
        ("article-stories", reference.memberships, found.memberships),
    ):
        yield from _difference(f"{name}, latest of each key", Counter(_latest(wanted)), Counter(_latest(got)))
    letters = (
        Counter((*_pair(one), one.header(REASON)) for one in topics.dead_letters if one.header(SERVICE) == "clusterer")
        for topics in (reference, found)
    )
    yield from _difference("dead letters of the clusterer", *letters)


def _pair(record: Record) -> Pair:
    return record.key, record.value


def _by_partition(records: Iterable[Record]) -> dict[int, list[Record]]:
    found: defaultdict[int, list[Record]] = defaultdict(list)
    for record in records:
        found[record.partition].append(record)
    return dict(sorted(found.items()))


def _by_origin(vectors: Iterable[Record]) -> dict[int, list[Record]]:
    """Group vectors by the partition of `articles` that their event id names."""
    found: defaultdict[int, list[Record]] = defaultdict(list)
    for record in vectors:
        _, partition, _ = (record.header("ce_id") or "").rsplit("/", 2)
        found[int(partition)].append(record)
    return dict(found)


def _by_key(records: Iterable[Record]) -> dict[bytes | None, list[bytes | None]]:
    found: defaultdict[bytes | None, list[bytes | None]] = defaultdict(list)
    for record in records:
        found[record.key].append(record.value)
    return dict(found)


def _by_edition(messages: Iterable[tuple[Any, ...]]) -> dict[bytes | None, list[tuple[Any, ...]]]:
    """Group vectors by key: those of one edition are in one partition, and so in order."""
    found: defaultdict[bytes | None, list[tuple[Any, ...]]] = defaultdict(list)
    for message in messages:
        found[message[0]].append(message)
    return dict(found)


def _latest(records: Iterable[Record]) -> set[tuple[int, bytes | None, bytes | None]]:
    latest = {(record.partition, record.key): record.value for record in records}
    return {(*key, value) for key, value in latest.items() if value is not None}


def _origin(record: Record) -> tuple[str, ...]:
    return record.topic, str(record.partition), str(record.offset)


def _letter_origin(letter: Record) -> tuple[str, ...]:
    return tuple(letter.header(name) or "" for name in (TOPIC, PARTITION, OFFSET))


def _same_lists(what: str, expected: list[Any], found: list[Any]) -> Iterator[str]:
    for index, (wanted, got) in enumerate(zip_longest(expected, found)):
        if wanted != got:
            yield f"{what}: item {index} of {len(expected)}: expected {wanted!r:.200}, found {got!r:.200} ({len(found)} items)"
            return


def _difference(what: str, expected: Counter[Any], found: Counter[Any]) -> Iterator[str]:
    missing, extra = expected - found, found - expected
    if missing:
        yield f"{what}: {missing.total()} missing, such as {next(iter(missing))!r:.300}"
    if extra:
        yield f"{what}: {extra.total()} too many, such as {next(iter(extra))!r:.300}"
