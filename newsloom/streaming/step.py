"""What a service does with its input. The loop owns everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from newsloom.streaming.records import Message, Record


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that cannot be processed, and why, in words for a person."""

    record: Record
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch came to: messages in the order they are to be written, and the records that came to nothing."""

    messages: Sequence[Message] = ()
    rejected: Sequence[Rejection] = ()


class Step(Protocol):
    """The meaning of a service, called by one thread.

    State belongs to a partition. It exists from `restore` to `forget`, and is thrown away whenever its agreement with the
    log is in doubt: `process` need not undo anything.
    """

    inputs: Sequence[str]
    """Full names of the topics that are read."""

    def restore(self, partition: int) -> None:
        """Build the state of a partition from the log, before the first record of it is processed.

        Raises:
            LogUnavailable: the log went away; nothing was built, and the loop calls again.
            ConfigurationError: no state can be built from what is there.

        """
        ...

    def forget(self, partition: int) -> None:
        """Throw the state of a partition away."""
        ...

    def process(self, records: Sequence[Record]) -> Outcome:
        """What these records lead to. Called again with the same records, after a restore, if the commit fails.

        Does not touch the log: what it would read could be older than its own uncommitted results.
        """
        ...
