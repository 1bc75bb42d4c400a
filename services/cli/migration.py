"""Copying an installation into topics under another prefix, its editions spread over another number of partitions.

The services stand still meanwhile. What they have taken in is copied first, and their groups are taken behind it; what they
have not taken in comes behind that: so nothing is lost and nothing comes twice, on any log, without a word about offsets,
which differ between the two. The old topics are only read.

Records that name other records by their place (`ce_id`, the origin of a dead letter) name the copies' places.
"""

from __future__ import annotations

import heapq
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from newsloom.contracts.codec import decode_story
from newsloom.contracts.topics import (
    ARTICLE_STORIES,
    ARTICLE_VECTORS,
    ARTICLES,
    DEAD_LETTERS,
    STORIES,
    STORY_COMMANDS,
    STORY_UPDATES,
    TOPICS,
    Sizing,
    TopicDefinition,
)
from newsloom.service import group_name
from newsloom.settings import Settings
from newsloom.streaming.dead_letters import REASON
from newsloom.streaming.errors import ConfigurationError, LogError
from newsloom.streaming.log import Log, Progress, TopicSpec
from newsloom.streaming.partitioning import partition_of
from newsloom.streaming.records import Message, Record, TopicPartition
from newsloom.streaming.scan import read_partitions, read_topic, topic_partitions
from newsloom.subscribe import Newsloom
from newsloom.topology import topic_name, topic_specs
from services.bookkeeper.reading import CONSUMED, CUT
from services.bookkeeper.verification import problems
from services.cli.places import Place, Places

BATCH_RECORDS_MAX: Final = 500
BATCH_BYTES_MAX: Final = 4_194_304
POLL_TIMEOUT_MS: Final = 500
PREFIX: Final = re.compile(r"[a-zA-Z0-9._-]{0,64}")


class BooksDisagree(LogError):
    """The topics do not agree with each other, or the copy not with them: nobody should go on from the copy."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """What was copied: records by full topic, and what stands on either side."""

    records: dict[str, int]
    stories: int
    articles: int


def migrate(log: Log, settings: Settings, target: Settings, told: Callable[[str, int], None]) -> Migrated:
    """Copy everything under `settings.topic_prefix` to `target.topic_prefix`, with `target.state_partitions`.

    `told` gets each topic's full name and number of records once what was taken in of it is copied, and once more if there was
    something that was not.

    Raises:
        ConfigurationError: there is something under the target's prefix already; a topic is missing.
        BooksDisagree: an invariant does not hold, of the old topics or of the copy.
        StillWritten: a service or a producer is at work.
        LogUnavailable, CommitFailed: the log went away; begin anew under yet another prefix.

    """
    _check_books(log, settings)
    _create(log, settings, target)
    with closing(_Copy(log, settings, target, told)) as copy:
        copy.taken_in()
        for service, topics in CONSUMED.items():
            _pass(log, target, service, [topic_name(target, topic) for topic in topics])
        copy.not_taken_in()
    _check_books(log, settings)
    _check_books(log, target)
    old, new = (Newsloom(log, topic_prefix=side.topic_prefix) for side in (settings, target))
    stories, memberships = old.stories(), old.memberships()
    if (stories, memberships) != (new.stories(), new.memberships()):
        raise BooksDisagree(f"the stories under {target.topic_prefix} are not those under {settings.topic_prefix}")
    return Migrated(copy.copied, len(stories), len(memberships))


def _check_books(log: Log, settings: Settings) -> None:
    found = problems(log, settings)
    if found:
        raise BooksDisagree(
            f"{len(found)} violations under {settings.topic_prefix}, the first: {found[0]}; see `newsloom state verify`"
        )


def _create(log: Log, settings: Settings, target: Settings) -> None:
    """The target's topics: like those that are copied, but for the number of state partitions."""
    admin = log.admin()
    specs: dict[str, TopicSpec] = {spec.name: spec for spec in topic_specs(target)}
    for topic in TOPICS:
        if topic.sizing is Sizing.FREE:
            name = topic_name(target, topic)
            partitions = len(topic_partitions(log, topic_name(settings, topic)))
            specs[name] = replace(specs[name], partitions=partitions)
    existing = admin.describe(list(specs))
    if existing:
        raise ConfigurationError(
            f"topic {sorted(existing)[0]} exists already: name a prefix under which there is nothing yet"
        )
    admin.create(list(specs.values()))


def _pass(log: Log, target: Settings, service: str, topics: list[str]) -> None:
    """Take a service's group behind everything that stands in its topics."""
    group = group_name(target, service)
    # As the instance that will come first: it takes its own place over at once, and waits for no session to end.
    with closing(log.worker(group=group, instance=target.instance, topics=topics)) as worker:
        while log.admin().backlog(group, topics):
            batch = worker.poll(max_records=BATCH_RECORDS_MAX, timeout_ms=POLL_TIMEOUT_MS)
            worker.commit(batch, [])


class _Copy:
    def __init__(self, log: Log, settings: Settings, target: Settings, told: Callable[[str, int], None]) -> None:
        self.copied: dict[str, int] = {}
        self._log = log
        self._settings = settings
        self._target = target
        self._told = told
        self._writer = log.writer(f"{target.topic_prefix}migrate")
        starts = log.admin().start_offsets([topic_name(settings, topic) for topic in TOPICS])
        self._places = Places(settings, target, starts)
        self._committed: dict[TopicPartition, int] = {}
        for service, topics in CONSUMED.items():
            inputs = [topic_name(settings, topic) for topic in topics]
            self._committed.update(log.admin().committed_offsets(group_name(settings, service), inputs))

    def close(self) -> None:
        self._writer.close()

    def taken_in(self) -> None:
        """All that the services have taken in, and all that they have made of it."""
        for topic in (ARTICLES, STORY_COMMANDS, ARTICLE_VECTORS):
            self._copy(topic, filter(self._is_taken_in, self._inputs(topic)))
        letters = [record for record in self._records(DEAD_LETTERS) if record.header(REASON) is not None]
        self._copy(DEAD_LETTERS, letters)
        self._copy(DEAD_LETTERS, (one for one in self._records(DEAD_LETTERS) if one.header(REASON) is None))
        self._copy(STORY_UPDATES, self._records(STORY_UPDATES))
        for topic in (STORIES, ARTICLE_STORIES):
            self._copy(topic, self._latest(topic))

    def not_taken_in(self) -> None:
        """What still waits for the services."""
        for topic in (ARTICLES, STORY_COMMANDS, ARTICLE_VECTORS):
            self._copy(topic, (one for one in self._inputs(topic) if not self._is_taken_in(one)))

    def _records(self, topic: TopicDefinition) -> Iterator[Record]:
        return read_topic(self._log, topic_name(self._settings, topic))

    def _inputs(self, topic: TopicDefinition) -> Iterator[Record]:
        """By time over all partitions, as far as the order of each one allows: retention takes the oldest from the beginning."""
        sources = topic_partitions(self._log, topic_name(self._settings, topic))
        return heapq.merge(
            *(read_partitions(self._log, [source]) for source in sources), key=lambda one: one.timestamp_ms
        )

    def _is_cut(self, topic: TopicDefinition) -> bool:
        """Whether retention has taken the beginning of a partition, here or where the topic was copied from itself."""
        if topic.compacted:
            return False
        starts = self._log.admin().start_offsets([topic_name(self._settings, topic)])
        firsts = (next(read_partitions(self._log, [source]), None) for source in starts)
        return any(starts.values()) or any(first is not None and first.header(CUT) is not None for first in firsts)

    def _latest(self, topic: TopicDefinition) -> Iterable[Record]:
        latest: dict[bytes | None, Record] = {}
        for record in self._records(topic):
            latest.pop(record.key, None)
            if record.value is not None:
                latest[record.key] = record
        return latest.values()

    def _is_taken_in(self, record: Record) -> bool:
        return record.offset < self._committed.get(record.source, 0)

    # --- writing

    def _copy(self, topic: TopicDefinition, records: Iterable[Record]) -> None:
        """Write the records' copies, then find out where they stand: only the log knows."""
        name = topic_name(self._target, topic)
        written: defaultdict[int, list[Place]] = defaultdict(list)
        is_cut = name not in self.copied and self._is_cut(topic)
        batch: list[Message] = []
        size_bytes = 0
        for record in records:
            message = self._message(topic, name, record)
            if is_cut and message.partition not in written:
                message = replace(message, headers=((CUT, b""), *message.headers))
            written[message.partition or 0].append((record.topic, record.partition, record.offset))
            batch.append(message)
            size_bytes += len(message.value or b"")
            if len(batch) >= BATCH_RECORDS_MAX or size_bytes >= BATCH_BYTES_MAX:
                self._writer.write(batch, Progress(0))
                batch, size_bytes = [], 0
        if batch:
            self._writer.write(batch, Progress(0))
        self._find(name, written)
        if written or name not in self.copied:
            self.copied[name] = self.copied.get(name, 0) + sum(map(len, written.values()))
            self._told(name, self.copied[name])

    def _find(self, name: str, written: dict[int, list[Place]]) -> None:
        found: defaultdict[int, list[int]] = defaultdict(list)
        for record in read_topic(self._log, name):
            found[record.partition].append(record.offset)
        for partition, places in written.items():
            # From the end: of records out of their time, retention may have taken the first ones again.
            lost = max(0, len(places) - len(found[partition]))
            self._places.lost(places[:lost])
            kept = places[lost:]
            for place, offset in zip(kept, found[partition][-len(kept) :], strict=True):
                self._places.stands(place, (name, partition, offset))

    def _message(self, topic: TopicDefinition, name: str, record: Record) -> Message:
        partition = record.partition
        if topic.sizing is Sizing.STATE:
            partition = partition_of(self._edition(topic, record), self._target.state_partitions)
        headers = self._places.letter(record) if topic is DEAD_LETTERS else self._places.made_of(record, partition)
        return Message(name, record.key, record.value, headers, partition, record.timestamp_ms)

    def _edition(self, topic: TopicDefinition, record: Record) -> bytes:
        if topic is ARTICLE_STORIES:
            return (record.key or b"").partition(b"/")[0]
        return decode_story(record.value or b"").edition.encode() if topic is STORIES else record.key or b""


def target_of(settings: Settings, prefix: str, state_partitions: int) -> Settings:
    """The settings of the copy; raises ConfigurationError for a prefix that cannot be, or is no other one."""
    if prefix == settings.topic_prefix:
        raise ConfigurationError(
            f"--to-prefix {prefix!r} is the prefix of the topics that are to be migrated: name another one"
        )
    if not PREFIX.fullmatch(prefix):
        raise ConfigurationError(f"--to-prefix {prefix!r} must be at most 64 of the characters a-z A-Z 0-9 . _ -")
    return msgspec.structs.replace(settings, topic_prefix=prefix, state_partitions=state_partitions)
