"""Dead letters: records that could not be processed, unchanged, with the reason and their origin in added headers."""

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
ADDED_HEADERS: Final = (REASON, SERVICE, TOPIC, PARTITION, OFFSET, TIMESTAMP)
"""The headers that a dead letter has after those of its record, in this order."""

REASON_CHARACTERS_MAX: Final = 1_000
"""A reason may quote its record; a dead letter with a reason of that size would not fit into its topic."""

WINDOW_RECORDS: Final = 1_000
RECORDS_MIN: Final = 100


class TooManyDeadLetters(LogError):
    """So many records are rejected that the producer must be at fault. The service stops, and no record is lost."""


def build_dead_letter(rejection: Rejection, *, topic: str, service: str) -> Message:
    """Build the message for the dead-letter `topic`: key, value and headers of the record, and `ADDED_HEADERS`."""
    record = rejection.record
    origin = {
        REASON: _truncated(rejection.reason),
        SERVICE: service,
        TOPIC: record.topic,
        PARTITION: str(record.partition),
        OFFSET: str(record.offset),
        TIMESTAMP: str(record.timestamp_ms),
    }
    added = tuple((name, value.encode("utf-8", "backslashreplace")) for name, value in origin.items())
    return Message(topic=topic, key=record.key, value=record.value, headers=(*record.headers, *added))


def original_message(letter: Record) -> Message:
    """Build the message that writes the original record of a dead letter to its topic again.

    Raises:
        ValueError: the record has no `ADDED_HEADERS`.

    """
    # By position, not by name: a producer may use the same header names.
    headers, added = letter.headers[: -len(ADDED_HEADERS)], letter.headers[-len(ADDED_HEADERS) :]
    if tuple(name for name, _ in added) != ADDED_HEADERS:
        raise ValueError(f"its last headers are not {', '.join(ADDED_HEADERS)}, so that its origin is unknown")
    origin = {name: value.decode() for name, value in added if name != REASON}
    return Message(
        topic=origin[TOPIC], key=letter.key, value=letter.value, headers=headers, timestamp_ms=int(origin[TIMESTAMP])
    )


def _truncated(reason: str) -> str:
    if len(reason) <= REASON_CHARACTERS_MAX:
        return reason
    # Keep the end: it has the path of the invalid field.
    half = REASON_CHARACTERS_MAX // 2
    return f"{reason[: half - 5]} ... {reason[-half:]}"


class DeadLetterGuard:
    """Stops a service that rejects more than `share_max` of its last `WINDOW_RECORDS` records, of at least `RECORDS_MIN`."""

    def __init__(self, share_max: float) -> None:
        self._share_max = share_max
        self._committed: deque[bool] = deque(maxlen=WINDOW_RECORDS)
        self._observed = self._committed

    def observe(self, *, processed: int, rejections: int, reason: str) -> None:
        """Count a batch before it is committed; `reason` is the reason of its last rejection.

        Raises:
            TooManyDeadLetters: the share is over the limit.

        """
        self._observed = self._committed.copy()
        self._observed.extend([False] * processed + [True] * rejections)
        rejected, seen = sum(self._observed), len(self._observed)
        if seen >= RECORDS_MIN and rejected > self._share_max * seen:
            raise TooManyDeadLetters(
                f"{rejected} of the last {seen} records could not be processed (limit: {self._share_max:.0%}); the last reason: "
                f"{reason}. This batch was not committed. Fix the producer, or raise NEWSLOOM_DEAD_LETTER_SHARE_MAX"
            )

    def confirm(self) -> None:
        """Keep the count of the last observed batch, which was committed. An uncommitted batch comes again."""
        self._committed = self._observed
