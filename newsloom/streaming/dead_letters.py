"""Dead letters: records that could not be processed, kept as they came, with the reason in added headers."""

from __future__ import annotations

from collections import deque
from typing import Final

from newsloom.streaming.errors import LogError
from newsloom.streaming.records import Message, Record
from newsloom.streaming.step import Rejection

HEADER_PREFIX: Final = "dead-letter-"
REASON: Final = "dead-letter-reason"
SERVICE: Final = "dead-letter-service"
TOPIC: Final = "dead-letter-topic"
PARTITION: Final = "dead-letter-partition"
OFFSET: Final = "dead-letter-offset"
TIMESTAMP: Final = "dead-letter-timestamp"
ADDED: Final = (REASON, SERVICE, TOPIC, PARTITION, OFFSET, TIMESTAMP)
"""The headers of a dead letter behind its own, in this order."""

REASON_CHARACTERS_MAX: Final = 1_000
"""A reason may quote the input; with one as large as the record the letter would not fit into its topic."""

WINDOW_RECORDS: Final = 1_000
RECORDS_MIN: Final = 100


class TooManyDeadLetters(LogError):
    """So much of the input is rejected that something upstream must be wrong; the service stops and loses nothing."""


def dead_letter(rejection: Rejection, *, topic: str, service: str) -> Message:
    """The record as it came, addressed to the dead-letter `topic`: same key, value and headers, and where it stood."""
    record = rejection.record
    origin = {
        REASON: _shortened(rejection.reason),
        SERVICE: service,
        TOPIC: record.topic,
        PARTITION: str(record.partition),
        OFFSET: str(record.offset),
        TIMESTAMP: str(record.timestamp_ms),
    }
    added = tuple((name, value.encode("utf-8", "backslashreplace")) for name, value in origin.items())
    return Message(topic=topic, key=record.key, value=record.value, headers=(*record.headers, *added))


def original(letter: Record) -> Message:
    """The record a dead letter was made from, addressed to the topic it came from.

    Raises:
        ValueError: the record is not a dead letter of ours.

    """
    # By place, not by name: a producer's own header may be called as one of ours is.
    headers, added = letter.headers[: -len(ADDED)], letter.headers[-len(ADDED) :]
    if tuple(name for name, _ in added) != ADDED:
        raise ValueError(f"its last headers are not {', '.join(ADDED)}: nobody knows where it came from")
    origin = {name: value.decode() for name, value in added if name != REASON}
    return Message(
        topic=origin[TOPIC], key=letter.key, value=letter.value, headers=headers, timestamp_ms=int(origin[TIMESTAMP])
    )


def _shortened(reason: str) -> str:
    if len(reason) <= REASON_CHARACTERS_MAX:
        return reason
    # The end stays: it says at which field.
    half = REASON_CHARACTERS_MAX // 2
    return f"{reason[: half - 5]} ... {reason[-half:]}"


class DeadLetterGuard:
    """Stops a service that rejects more than `share_max` of its last `WINDOW_RECORDS` records (`RECORDS_MIN` at least)."""

    def __init__(self, share_max: float) -> None:
        self._share_max = share_max
        self._committed: deque[bool] = deque(maxlen=WINDOW_RECORDS)
        self._observed = self._committed

    def observe(self, *, processed: int, rejections: int, reason: str) -> None:
        """Look at a batch before it is committed.

        Raises:
            TooManyDeadLetters: the share is over the limit; `reason` is quoted as an example.

        """
        self._observed = self._committed.copy()
        self._observed.extend([False] * processed + [True] * rejections)
        rejected, seen = sum(self._observed), len(self._observed)
        if seen >= RECORDS_MIN and rejected > self._share_max * seen:
            raise TooManyDeadLetters(
                f"{rejected} of the last {seen} records could not be processed (limit: {self._share_max:.0%}), the latest "
                f"because: {reason}. Nothing of this batch was committed. Mend the producer, or raise "
                "NEWSLOOM_DEAD_LETTER_SHARE_MAX"
            )

    def confirm(self) -> None:
        """The batch observed last was committed. One that was not comes again, and is not to count twice."""
        self._committed = self._observed
