"""A record that the fuzz test writes, its kind, and its expected result."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from newsloom.contracts.topics import TopicDefinition
from newsloom.streaming.records import Headers


class Expected(Enum):
    """The expected result of a record. `either`: it must be one of the two."""

    PROCESSED = "processed"
    REJECTED = "rejected"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class FuzzRecord:
    """A record for `topic`. `timestamp_ms` None takes the time of writing."""

    kind: str
    topic: TopicDefinition
    key: bytes | None
    value: bytes | None
    expected: Expected
    headers: Headers = ()
    timestamp_ms: int | None = None
