"""Two generations of topics side by side: what is written to the old ones, passed on to the new ones, each record once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from typing import Final

from newsloom.contracts.pipeline import EMBEDDER
from newsloom.contracts.topics import DEAD_LETTERS
from newsloom.log_names import topic_name, topic_names
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Log
from newsloom.streaming.loop import Loop, LoopConfig
from newsloom.streaming.records import Message, Record
from newsloom.streaming.step import Outcome
from newsloom.streaming.watchdog import Watchdog

FOLLOWED: Final = EMBEDDER.consumes
"""What comes from outside; all else each generation makes of it by itself."""
RECORDS_MAX: Final = 500


def group_of(target: Settings) -> str:
    """The group that knows how far the target has followed."""
    return f"{target.topic_prefix}follow"


class FollowingStep:
    """Passes records on as they are, to the partition of the same number. Holds no state."""

    def __init__(self, settings: Settings, target: Settings) -> None:
        self._targets = {topic_name(settings, topic): topic_name(target, topic) for topic in FOLLOWED}
        self.input_topics: Sequence[str] = tuple(self._targets)

    def restore(self, partition: int) -> None:
        """Nothing to restore."""

    def forget(self, partition: int) -> None:
        """Nothing to forget."""

    def process(self, records: Sequence[Record]) -> Outcome:
        """One message a record."""
        return Outcome(
            [
                Message(self._targets[one.topic], one.key, one.value, one.headers, one.partition, one.timestamp_ms)
                for one in records
            ]
        )


def follow(log: Log, settings: Settings, target: Settings, *, stop: threading.Event, until_drained: bool) -> int:
    """Pass articles and commands on until `stop`, or until there are no more; how many there were.

    Raises:
        ConfigurationError: no migration to the target has copied what was there before; a topic is missing, or has partitions
            that the target's does not have.
        Fenced: another process follows under this instance's name.

    """
    step, group, passed_on = FollowingStep(settings, target), group_of(target), 0
    _check_begun(log, settings, target)
    letters = topic_name(target, DEAD_LETTERS)
    config = LoopConfig(service="follow", dead_letter_topic=letters, dead_letter_share_max=1.0, records_max=RECORDS_MAX)
    watchdog = Watchdog()
    watchdog.start()
    try:
        with closing(log.worker(group=group, instance=settings.instance, topics=step.input_topics)) as worker:
            loop = Loop(worker, step, config, stop=stop, watchdog=watchdog)
            while not stop.is_set() and not (until_drained and log.admin().backlog(group, step.input_topics) == 0):
                passed_on += loop.run_once()
    finally:
        watchdog.stop()
    return passed_on


def _check_begun(log: Log, settings: Settings, target: Settings) -> None:
    """Nothing may be passed on that was copied."""
    admin, topics = log.admin(), topic_names(settings, FOLLOWED)
    starts = admin.start_offsets(topics)
    is_empty = all(end <= starts[source] for source, end in admin.end_offsets(topics).items())
    if not is_empty and not admin.committed_offsets(group_of(target), topics):
        raise ConfigurationError(
            f"nobody knows from where on {target.topic_prefix} is to follow {settings.topic_prefix}: no migration to it has "
            "ended, or it ended so long ago that the broker has forgotten (offsets.retention.minutes); migrate to a prefix first"
        )
