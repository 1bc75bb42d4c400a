"""What the fuzz sends: one record, of what kind it is, and what must become of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from newsloom.contracts.topics import TopicDefinition
from newsloom.streaming.records import Headers


class Fate(Enum):
    """What must become of a record. `either`: only that it is one of the two is known beforehand."""

    PROCESSED = "processed"
    REJECTED = "rejected"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Sent:
    """A record for `topic`. `timestamp_ms` None: the log's time of writing."""

    kind: str
    topic: TopicDefinition
    key: bytes | None
    value: bytes | None
    fate: Fate
    headers: Headers = ()
    timestamp_ms: int | None = None
