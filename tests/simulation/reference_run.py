"""What the same input comes to without faults, beside what a storm has made of it."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing

from newsloom.contracts.topics import ARTICLE_VECTORS, ARTICLES, STORY_COMMANDS
from newsloom.log_names import topic_name, topic_specs
from newsloom.settings import Settings
from newsloom.streaming.dead_letters import OFFSET, PARTITION, REASON, SERVICE, TOPIC
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.records import Message, Record, TopicPartition
from newsloom.streaming.scan import read_topic
from newsloom.streaming.sqlite import open_sqlite
from newsloom.streaming.step import Step
from services.clusterer.__main__ import RECORDS_MAX
from services.embedder.step import EmbedderStep
from services.verifier.verification import find_violations
from tests.chaos.verifying import Topics, clustering_differences
from tests.simulation.encoder import WordEncoder
from tests.simulation.services import Service
from tests.simulation.traffic import START

Written = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]
"""Key, value and headers."""


def differences(log: Log, settings: Settings) -> Iterator[str]:
    """Whatever stands on the topics that a run in peace over the same input would not have written, and the other way round.

    The embedder's from `articles` and `story-commands`, the clusterer's from the very records of `article-vectors`. What
    `newsloom state verify` finds comes on top.
    """
    topics = Topics.read(log, settings.topic_prefix)
    inputs = [record for topic in (ARTICLES, STORY_COMMANDS) for record in read_topic(log, topic_name(settings, topic))]
    yield from _embedding_differences(inputs, topics, EmbedderStep(settings, WordEncoder()))
    yield from clustering_differences(topics, _clustered_in_peace(topics.vectors, settings))
    yield from find_violations(log, settings)


def _clustered_in_peace(vectors: Iterable[Record], settings: Settings) -> Topics:
    """One clusterer on the SQLite log: the same records in the same partitions, as many at once as may be."""
    # The clock stands still, where the first records do: nothing is too old to be kept.
    with closing(open_sqlite("sqlite://", clock=lambda: int(START.timestamp() * 1000))) as log:
        log.admin().create(topic_specs(settings))
        with closing(log.writer("copy")) as writer:
            copies = [
                Message(one.topic, one.key, one.value, one.headers, one.partition, one.timestamp_ms) for one in vectors
            ]
            writer.write(copies, Progress(len(copies)))
        service = Service("clusterer", settings, RECORDS_MAX)
        loop = service.loop(log, "calm", threading.Event())
        while log.admin().backlog(service.group, [topic_name(settings, ARTICLE_VECTORS)]):
            loop.run_once()
        return Topics.read(log, settings.topic_prefix)


def _embedding_differences(inputs: Iterable[Record], topics: Topics, step: Step) -> Iterator[str]:
    """Each partition's records lead to the same vectors, in the same order within an edition, and to the same dead letters."""
    by_source: defaultdict[TopicPartition, list[Record]] = defaultdict(list)
    for record in inputs:
        by_source[record.source].append(record)
    expected: list[tuple[str, Written]] = []
    rejected = []
    for source in sorted(by_source):
        outcome = step.process(by_source[source])
        expected += [_vector(message) for message in outcome.messages]
        rejected += [(*_origin(one.record), one.reason) for one in outcome.rejected]
    wanted, found = _in_order(expected), _in_order(map(_vector, topics.vectors))
    for place in sorted(wanted.keys() | found.keys()):
        if place[0] and wanted.get(place) != found.get(place):
            yield f"vectors of {place}: {len(found.get(place, []))}, not the {len(wanted.get(place, []))} of a calm run"
    letters = [_letter(letter) for letter in topics.dead_letters if letter.header(SERVICE) == "embedder"]
    if sorted(letters) != sorted(rejected):
        yield f"{len(letters)} dead letters of the embedder, not the {len(rejected)} of a calm run"


def _vector(one: Message | Record) -> tuple[str, Written]:
    """A vector and the partition that it says it comes from; empty for one that was no embedder's."""
    name = dict(one.headers).get("ce_id", b"").decode()
    return name.rpartition("/")[0], (one.key, one.value, one.headers)


def _in_order(vectors: Iterable[tuple[str, Written]]) -> dict[tuple[str, bytes], list[Written]]:
    found: defaultdict[tuple[str, bytes], list[Written]] = defaultdict(list)
    for source, written in vectors:
        found[source, written[0] or b""].append(written)
    return dict(found)


def _origin(record: Record) -> tuple[str, str, str]:
    return record.topic, str(record.partition), str(record.offset)


def _letter(letter: Record) -> tuple[str, ...]:
    return tuple(letter.header(name) or "" for name in (TOPIC, PARTITION, OFFSET, REASON))
