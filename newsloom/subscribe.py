"""Read stories and their updates as Python objects. `pip install newsloom` is all a subscriber needs.

    from newsloom import subscribe

    with subscribe("kafka://host:9092") as newsloom:
        updates = newsloom.updates()          # from now on
        stories = newsloom.stories()          # the current state of every story, with its history
        for update in updates:                # live; blocks until the next update
            print(f"{update.article_count} articles: {update.title}")

Open `updates` before reading `stories`, so that no update is missed between the two. An update is already part of `stories` if
its `version` is not above the story's. To continue after a restart where you stopped, use a consumer group:

    with subscribe("kafka://host:9092") as newsloom, newsloom.subscription(group="newsletter") as subscription:
        for batch in subscription:
            for update in batch:
                send(update)
            batch.commit()                    # at least once: uncommitted updates are delivered again
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
    """A record is not valid for its topic; the message names topic, partition, offset and problem."""


def subscribe(url: str, *, topic_prefix: str = "news.", kafka_options: Mapping[str, str] | None = None) -> Newsloom:
    """Connect to the installation at `url` (kafka://host:9092 or sqlite:///file.db). Close it, or use it in a `with`.

    Raises:
        ConfigurationError: `url` is not a log.
        LogUnavailable: no broker answers.

    """
    return Newsloom(open_log_url(url, kafka_options=kafka_options, create=False), topic_prefix=topic_prefix)


class Newsloom:
    """What an installation publishes. Every method raises `ConfigurationError` if its topic does not exist."""

    def __init__(self, log: Log, *, topic_prefix: str = "news.") -> None:
        self._log = log
        self._prefix = topic_prefix

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Connect to the installation in the settings; raise as `subscribe` does."""
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
        """Yield updates in order for each story, from this call on, or from the earliest on the log.

        Ends when `stop` is set (within half a second), or after `idle_s` seconds without an update; without either, never.
        First yields everything that is on the log at this call, so `start="earliest", idle_s=0` reads the whole topic. Waits
        while the log is unavailable.

        Raises:
            UnreadableRecord: while iterating, if a record is not an update.
            LogUnavailable: the log was unavailable for `idle_s`.

        """
        # Not a generator itself: open the reader at this call, not at the first `next`, as "latest" means now.
        reader = self._log.reader(topic_partitions(self._log, self._name(STORY_UPDATES)), start=start)

        def poll(timeout_ms: int) -> Batch:
            return Batch(tuple(reader.poll(max_records=RECORDS_MAX, timeout_ms=timeout_ms)))

        def updates() -> Iterator[StoryUpdate]:
            try:
                for batch in _batches(poll, stop=stop, idle_s=idle_s, caught_up=reader.at_end):
                    for record in batch.records:
                        if stop is not None and stop.is_set():
                            return
                        yield _decode(record, decode_update)
            finally:
                reader.close()

        return updates()

    def stories(self) -> dict[str, Story]:
        """Return the current state of every story by id: open, closed and merged ones, until they are forgotten.

        Raises:
            UnreadableRecord: a record is not a story.
            LogUnavailable: the log became unavailable; call again.

        """
        return self._latest(STORIES, decode_story)

    def memberships(self) -> dict[tuple[str, str], Membership]:
        """Return the story of each article, by (edition, article id); raise as `stories` does."""
        states = self._latest(ARTICLE_STORIES, decode_state).values()
        return {(state.edition, state.article_id): state for state in states if isinstance(state, Membership)}

    def subscription(self, *, group: str, instance: str = "0") -> Subscription:
        """Join a consumer group, whose committed offsets are stored in the log. A new group starts at the earliest update.

        Several processes share the work if each has its own `instance`, a name that it keeps over restarts.
        """
        return Subscription(self._log.worker(group=group, instance=instance, topics=[self._name(STORY_UPDATES)]))

    def _name(self, topic: TopicDefinition) -> str:
        return self._prefix + topic.name

    def _latest(self, topic: TopicDefinition, decode: Callable[[bytes], T]) -> dict[str, T]:
        # Decode only the latest records: a compacted topic may still contain many older ones.
        latest = latest_by_key(read_topic(self._log, self._name(topic)))
        return {(one.key or b"").decode("utf-8", "backslashreplace"): _decode(one, decode) for one in latest}


@dataclass(frozen=True, slots=True)
class UpdateBatch:
    """Some updates, in order for each story; commit them after processing."""

    updates: tuple[StoryUpdate, ...]
    _commit: Callable[[], None]

    def __iter__(self) -> Iterator[StoryUpdate]:
        return iter(self.updates)

    def commit(self) -> None:
        """Commit this batch and all before it: the group will not receive them again.

        Raises:
            CommitFailed: they may be delivered again; continue with the next batch.
            Fenced: another process has joined with this instance name; stop.

        """
        self._commit()


class Subscription:
    """One member of a consumer group. Iterate over it to get batches of updates, in one thread."""

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
        """Yield batches of at most `records_max` updates until `stop` is set or after `idle_s` seconds without an update.

        Raises:
            UnreadableRecord: a record is not an update; it and those after it are not committed.
            Fenced: another process has joined with this instance name.

        """

        def poll(timeout_ms: int) -> Batch:
            return self._worker.poll(max_records=records_max, timeout_ms=timeout_ms)

        for batch in _batches(poll, stop=stop, idle_s=idle_s):
            updates = tuple(_decode(record, decode_update) for record in batch.records)
            yield UpdateBatch(updates, partial(self._worker.commit, batch, []))

    def close(self) -> None:
        """Leave the group; uncommitted updates are delivered again."""
        self._worker.close()


def _batches(
    poll: Callable[[int], Batch],
    *,
    stop: threading.Event | None,
    idle_s: float | None,
    caught_up: Callable[[], bool] = lambda: True,
) -> Iterator[Batch]:
    """Yield what `poll` (of a timeout in ms) returns, until `stop`, or until it is `caught_up` and nothing came for `idle_s`.

    Raises:
        LogUnavailable: the log was unavailable for `idle_s`, so it is unknown whether there are more records.

    """
    stop = stop or threading.Event()
    idle_since = time.monotonic()
    while not stop.is_set():
        left_s = math.inf if idle_s is None else max(0.0, idle_since + idle_s - time.monotonic())
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
            idle_since = time.monotonic()
        elif left_s == 0 and caught_up():
            return


def _decode(record: Record, decode: Callable[[bytes], T]) -> T:
    where = f"{record.topic} partition {record.partition} offset {record.offset}"
    if record.value is None:
        raise UnreadableRecord(f"{where} cannot be read: it has no value")
    try:
        return decode(record.value)
    except InvalidValue as error:
        raise UnreadableRecord(f"{where} cannot be read: {error}") from error
