"""The part of a service that processes records. The loop does everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from newsloom.streaming.records import Message, Record


class RejectionKind(Enum):
    """Who has to act: the producer, who operates the services, or nobody."""

    INVALID = "invalid"
    """The record is not what its topic holds."""
    MISMATCH = "mismatch"
    """The record was made with another model or version than the state."""
    REFUSED = "refused"
    """The record is valid, but what it asks for cannot be done."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that cannot be processed, and the reason in plain words."""

    record: Record
    reason: str
    kind: RejectionKind = RejectionKind.INVALID


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of processing records: messages in the order of writing, and rejected records."""

    messages: Sequence[Message] = ()
    rejected: Sequence[Rejection] = ()


class Step(Protocol):
    """Processes the records of a service. Called by one thread.

    State belongs to the number of a partition: topics with as many partitions are assigned together. It exists from `restore` to
    `forget`, and the loop discards it whenever it may differ from the log: `process` need not undo anything.
    """

    input_topics: Sequence[str]
    """The full names of the topics to read."""

    def restore(self, partition: int) -> None:
        """Build the state of a partition number from the log, before the first record of a partition of that number is processed.

        Raises:
            LogUnavailable: the log went away. No state was built, and the loop calls again.
            ConfigurationError: the records do not allow to build a state.

        """
        ...

    def forget(self, partition: int) -> None:
        """Discard the state of a partition number."""
        ...

    def process(self, records: Sequence[Record]) -> Outcome:
        """Return the messages and rejections for these records. Called again after a restore if the commit fails.

        It must not read the log, which lacks its uncommitted results.
        """
        ...
