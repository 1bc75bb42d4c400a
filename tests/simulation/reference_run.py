"""Compare the topics after a run with faults with those of a reference run: the same input without faults."""

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
from services.clusterer.service import RECORDS_MAX
from services.embedder.step import EmbedderStep
from services.verifier.verification import find_violations
from tests.chaos.reference_run import Topics, clustering_differences
from tests.simulation.encoder import WordEncoder
from tests.simulation.services import Service
from tests.simulation.traffic import START

Written = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]
"""Key, value and headers."""


def differences(log: Log, settings: Settings) -> Iterator[str]:
    """Yield every difference between the topics and a reference run, and every violation of `newsloom state verify`.

    The embedder's reference run reads `articles` and `story-commands`; the clusterer's reads the records of `article-vectors` as
    they are on the topic.
    """
    topics = Topics.read(log, settings.topic_prefix)
    inputs = [record for topic in (ARTICLES, STORY_COMMANDS) for record in read_topic(log, topic_name(settings, topic))]
    yield from _embedding_differences(inputs, topics, EmbedderStep(settings, WordEncoder()))
    yield from clustering_differences(topics, _cluster(topics.vectors, settings))
    yield from find_violations(log, settings)


def _cluster(vectors: Iterable[Record], settings: Settings) -> Topics:
    """Run one clusterer on a SQLite log with the same records in the same partitions, in batches as large as allowed."""
    # The clock stands still at the time of the first records, so that retention deletes nothing.
    with closing(open_sqlite("sqlite://", clock=lambda: int(START.timestamp() * 1000))) as log:
        log.admin().create(topic_specs(settings))
        with closing(log.writer("copy")) as writer:
            copies = [
                Message(one.topic, one.key, one.value, one.headers, one.partition, one.timestamp_ms) for one in vectors
            ]
            writer.write(copies, Progress(len(copies)))
        service = Service("clusterer", settings, RECORDS_MAX)
        loop = service.loop(log, "reference", threading.Event())
        while log.admin().backlog(service.group, [topic_name(settings, ARTICLE_VECTORS)]):
            loop.run_once()
        return Topics.read(log, settings.topic_prefix)


def _embedding_differences(inputs: Iterable[Record], topics: Topics, step: Step) -> Iterator[str]:
    """Compare each partition's vectors, in their order within an edition, and its dead letters."""
    by_source: defaultdict[TopicPartition, list[Record]] = defaultdict(list)
    for record in inputs:
        by_source[record.topic_partition].append(record)
    expected: list[tuple[str, Written]] = []
    rejected = []
    for source in sorted(by_source):
        outcome = step.process(by_source[source])
        expected += [_vector(message) for message in outcome.messages]
        rejected += [(*_origin(one.record), one.reason) for one in outcome.rejected]
    wanted, found = _in_order(expected), _in_order(map(_vector, topics.vectors))
    for key in sorted(wanted.keys() | found.keys()):
        if key[0] and wanted.get(key) != found.get(key):
            yield f"vectors of {key}: expected {len(wanted.get(key, []))}, found {len(found.get(key, []))} or others"
    letters = [_letter(letter) for letter in topics.dead_letters if letter.header(SERVICE) == "embedder"]
    if sorted(letters) != sorted(rejected):
        yield f"dead letters of the embedder: expected {len(rejected)}, found {len(letters)} or others"


def _vector(one: Message | Record) -> tuple[str, Written]:
    """Return a vector and the partition of its input, or an empty string for a vector that no embedder wrote."""
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
