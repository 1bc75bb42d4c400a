"""Check the offsets at which a reader starts."""

from __future__ import annotations

from collections.abc import Mapping

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.records import TopicPartition


def check_offsets(start: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> None:
    """Raise `ConfigurationError` if an offset is behind the end of its partition."""
    for source, end in ends.items():
        if start[source] > end:
            raise ConfigurationError(
                f"topic {source.topic} partition {source.partition} ends at offset {end}, before {start[source]}: "
                "is it another log, or was the topic deleted?"
            )
