"""Stories and their updates as Python objects, for a subscriber: `pip install newsloom` is all it takes.

    from newsloom.subscribe import subscribe

    with subscribe("kafka://host:9092") as newsloom:
        updates = newsloom.updates()          # from now on
        stories = newsloom.stories()          # as they stand: every story, its history included
        for update in updates:                # live; blocks until something happens
            print(f"{update.article_count} articles: {update.title}")

`updates` opened before `stories` was read, so nothing falls between the two; an update whose `version` is not above that
of its story in `stories` is already in there. To go on after a restart where you stopped, name a consumer group:

    with subscribe("kafka://host:9092") as newsloom, newsloom.subscription(group="newsletter") as subscription:
        for batch in subscription:
            for update in batch:
                send(update)
            batch.commit()                    # at least once: what was not committed comes again
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, Self, TypeVar

from newsloom.contracts.codec import InvalidValue, decode_state, decode_story, decode_update
from newsloom.contracts.membership import Membership
from newsloom.contracts.story import Story, StoryUpdate
from newsloom.contracts.topics import ARTICLE_STORIES, STORIES, STORY_UPDATES, TopicDefinition
from newsloom.log import open_log
from newsloom.settings import Settings
from newsloom.streaming.errors import LogError, LogUnavailable
from newsloom.streaming.log import Log, Worker
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Batch, Record
from newsloom.streaming.scan import POLL_TIMEOUT_MS, RECORDS_MAX, latest_by_key, read_topic, topic_partitions

RETRY_S: Final = 1.0

T = TypeVar("T")


class UnreadableRecord(LogError):
    """A record that is not what its topic holds; the message names its topic, partition and offset, and what is wrong."""


def subscribe(url: str, *, topic_prefix: str = "news.", kafka_options: Mapping[str, str] | None = None) -> Newsloom:
    """The newsloom whose topics live at `url` (kafka://host:9092 or sqlite:///file.db); close it, or use it in a `with`.

    Raises:
        ConfigurationError: `url` is not a log.
        LogUnavailable: no broker answers.

    """
    return Newsloom(open_log_url(url, kafka_options=kafka_options, create=False), topic_prefix=topic_prefix)


class Newsloom:
    """What a newsloom publishes. Every method raises `ConfigurationError` if the topic it reads does not exist."""

    def __init__(self, log: Log, *, topic_prefix: str = "news.") -> None:
        self._log = log
        self._prefix = topic_prefix

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open the installation that the settings name; raises as `subscribe` does."""
        return cls(open_log(settings), topic_prefix=settings.topic_prefix)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the log and everything opened from it."""
        self._log.close()

    def updates(
        self,
        *,
        start: Literal["earliest", "latest"] = "latest",
        stop: threading.Event | None = None,
        idle_s: float | None = None,
    ) -> Iterator[StoryUpdate]:
        """Updates as they are published, in order for each story, from the moment of this call (or the earliest kept).

        Ends when `stop` is set (within half a second), or when nothing came for `idle_s` seconds; never, without either. What
        stood in the log at the call always comes, so that `start="earliest", idle_s=0` gives what is there.
        A log that is away for a while is waited for.

        Raises:
            UnreadableRecord: on the way, at a record that is not an update.
            LogUnavailable: the log stayed away for `idle_s`.

        """
        # Not a generator itself: the place to start from is fixed by the call, not by the first `next`.
        reader = self._log.reader(topic_partitions(self._log, self._name(STORY_UPDATES)), start=start)

        def poll(timeout_ms: int) -> Batch:
            return Batch(tuple(reader.poll(max_records=RECORDS_MAX, timeout_ms=timeout_ms)))

        def updates() -> Iterator[StoryUpdate]:
            try:
                for batch in _batches(poll, stop=stop, idle_s=idle_s, caught_up=reader.at_end):
                    for record in batch.records:
                        if stop is not None and stop.is_set():
                            return
                        yield _decoded(record, decode_update)
            finally:
                reader.close()

        return updates()

    def stories(self) -> dict[str, Story]:
        """Every story as it stands now, by id: open, closed and merged ones, until they are forgotten.

        Raises:
            UnreadableRecord: a record is not a story.
            LogUnavailable: the log went away; call again.

        """
        return self._latest(STORIES, decode_story)

    def memberships(self) -> dict[tuple[str, str], Membership]:
        """Which story each article is in, by (edition, article id); raises as `stories` does."""
        states = self._latest(ARTICLE_STORIES, decode_state).values()
        return {(state.edition, state.article_id): state for state in states if isinstance(state, Membership)}

    def subscription(self, *, group: str, instance: str = "0") -> Subscription:
        """Updates for a consumer group, which remembers how far it has come; a new group begins at the earliest kept.

        Several processes share the work when each has an `instance` of its own: a name that it keeps over restarts.
        """
        return Subscription(self._log.worker(group=group, instance=instance, topics=[self._name(STORY_UPDATES)]))

    def _name(self, topic: TopicDefinition) -> str:
        return self._prefix + topic.name

    def _latest(self, topic: TopicDefinition, decode: Callable[[bytes], T]) -> dict[str, T]:
        # Decode only the latest records: a compacted topic may still hold many older ones.
        latest = latest_by_key(read_topic(self._log, self._name(topic)))
        return {(one.key or b"").decode("utf-8", "backslashreplace"): _decoded(one, decode) for one in latest}


@dataclass(frozen=True, slots=True)
class UpdateBatch:
    """Some updates, in order for each story, and the way to say that they are dealt with."""

    updates: tuple[StoryUpdate, ...]
    _commit: Callable[[], None]

    def __iter__(self) -> Iterator[StoryUpdate]:
        return iter(self.updates)

    def commit(self) -> None:
        """These updates, and those of the batches before, are done: the group never sees them again.

        Raises:
            CommitFailed: they may come again; go on with the next batch.
            Fenced: another process has taken this instance's name; stop.

        """
        self._commit()


class Subscription:
    """The updates of one member of a consumer group, in batches; iterate over it. Used by one thread."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[UpdateBatch]:
        return self.batches()

    def batches(
        self, *, records_max: int = RECORDS_MAX, stop: threading.Event | None = None, idle_s: float | None = None
    ) -> Iterator[UpdateBatch]:
        """Batches of at most `records_max` updates, until `stop` is set or nothing came for `idle_s` seconds.

        Raises:
            UnreadableRecord: a record is not an update; nothing behind it was committed.
            Fenced: another process has taken this instance's name.

        """

        def poll(timeout_ms: int) -> Batch:
            return self._worker.poll(max_records=records_max, timeout_ms=timeout_ms)

        for batch in _batches(poll, stop=stop, idle_s=idle_s):
            updates = tuple(_decoded(record, decode_update) for record in batch.records)
            yield UpdateBatch(updates, partial(self._worker.commit, batch, []))

    def close(self) -> None:
        """Leave; what was not committed comes again."""
        self._worker.close()


def _batches(
    poll: Callable[[int], Batch],
    *,
    stop: threading.Event | None,
    idle_s: float | None,
    caught_up: Callable[[], bool] = lambda: True,
) -> Iterator[Batch]:
    """What `poll` (of a timeout in milliseconds) brings, until `stop`, or until it is `caught_up` and silent for `idle_s`.

    Raises:
        LogUnavailable: the log stayed away for `idle_s`: nobody can say whether it was silent.

    """
    stop = stop or threading.Event()
    silent_from = time.monotonic()
    while not stop.is_set():
        left_s = math.inf if idle_s is None else max(0.0, silent_from + idle_s - time.monotonic())
        wait_ms = POLL_TIMEOUT_MS if not caught_up() else math.ceil(min(POLL_TIMEOUT_MS, left_s * 1000))
        try:
            batch = poll(wait_ms)
        except LogUnavailable:
            if left_s == 0:
                raise
            stop.wait(min(RETRY_S, left_s))
            continue
        if batch.records:
            yield batch
            silent_from = time.monotonic()
        elif left_s == 0 and caught_up():
            return


def _decoded(record: Record, decode: Callable[[bytes], T]) -> T:
    where = f"{record.topic} partition {record.partition} offset {record.offset}"
    if record.value is None:
        raise UnreadableRecord(f"{where} cannot be read: it has no value")
    try:
        return decode(record.value)
    except InvalidValue as error:
        raise UnreadableRecord(f"{where} cannot be read: {error}") from error
