"""Forward new records from the old topics to the new ones, each once, while both generations of services run."""

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

FORWARDED: Final = EMBEDDER.consumes
"""The topics that producers and operators write. Each generation produces all other topics itself."""
RECORDS_MAX: Final = 500


def follow_group(target: Settings) -> str:
    """Return the consumer group whose offsets record how far the old topics have been forwarded to the target."""
    return f"{target.topic_prefix}follow"


class ForwardStep:
    """Forward records unchanged, to the partition of the same number. Has no state."""

    def __init__(self, settings: Settings, target: Settings) -> None:
        self._targets = {topic_name(settings, topic): topic_name(target, topic) for topic in FORWARDED}
        self.input_topics: Sequence[str] = tuple(self._targets)

    def restore(self, partition: int) -> None:
        """Do nothing: there is no state."""

    def forget(self, partition: int) -> None:
        """Do nothing: there is no state."""

    def process(self, records: Sequence[Record]) -> Outcome:
        """Return one message per record."""
        return Outcome(
            [
                Message(self._targets[one.topic], one.key, one.value, one.headers, one.partition, one.timestamp_ms)
                for one in records
            ]
        )


def follow(log: Log, settings: Settings, target: Settings, *, stop: threading.Event, until_drained: bool) -> int:
    """Forward articles and commands until `stop` or, with `until_drained`, until none are left; return how many.

    Raises:
        ConfigurationError: no migration to the target has copied the earlier records; a topic is missing, or has a partition
            that the target's does not have.
        Fenced: another process follows with the same instance name.

    """
    step, group, forwarded = ForwardStep(settings, target), follow_group(target), 0
    _check_migrated(log, settings, target)
    dead_letters = topic_name(target, DEAD_LETTERS)
    config = LoopConfig(
        service="follow", dead_letter_topic=dead_letters, dead_letter_share_max=1.0, records_max=RECORDS_MAX
    )
    watchdog = Watchdog()
    watchdog.start()
    try:
        with closing(log.worker(group=group, instance=settings.instance, topics=step.input_topics)) as worker:
            loop = Loop(worker, step, config, stop=stop, watchdog=watchdog)
            while not stop.is_set() and not (until_drained and log.admin().backlog(group, step.input_topics) == 0):
                forwarded += loop.run_once()
    finally:
        watchdog.stop()
    return forwarded


def _check_migrated(log: Log, settings: Settings, target: Settings) -> None:
    """Raise if the group has no offsets to start from: it would forward records that a migration has copied."""
    admin, topics = log.admin(), topic_names(settings, FORWARDED)
    starts = admin.start_offsets(topics)
    is_empty = all(end <= starts[source] for source, end in admin.end_offsets(topics).items())
    if not is_empty and not admin.committed_offsets(follow_group(target), topics):
        raise ConfigurationError(
            f"cannot forward from {settings.topic_prefix} to {target.topic_prefix}: the offset to start from is missing. Either "
            "no migration to that prefix has finished, or the broker has deleted its offsets since "
            "(offsets.retention.minutes). Migrate to a prefix first"
        )
