"""Choose a partition by key: the same on every log."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

_MASK: Final = 0xFFFFFFFF
_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition, of so many, for a message with this key and no partition of its own.

    This is the rule of Kafka's default partitioner, which masks the sign bit of the hash instead of negating it.
    """
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def assigned_together(
    partition_counts: Mapping[str, int], subscribers: Mapping[str, frozenset[str]]
) -> list[tuple[str, ...]]:
    """Return the topics in groups whose partitions of the same number go to the same member of a consumer group.

    These are the topics with the same number of partitions and the same subscribers. Both mappings are by topic. A service that
    joins topics finds all records of one key at one member, as in Kafka Streams' co-partitioned sources.
    """
    groups: dict[tuple[int, frozenset[str]], list[str]] = {}
    for topic in sorted(partition_counts):
        groups.setdefault((partition_counts[topic], subscribers[topic]), []).append(topic)
    return [tuple(topics) for topics in groups.values()]


def murmur2(data: bytes) -> int:
    """Return the 32-bit MurmurHash2 of the data.

    The algorithm is Austin Appleby's (github.com/aappleby/smhasher, MurmurHash2.cpp; public domain), with the seed of
    `org.apache.kafka.common.utils.Utils.murmur2` in Kafka's Java client.
    """
    words, rest = len(data) // 4, len(data) % 4
    digest = _SEED ^ len(data)
    for (word,) in struct.iter_unpack("<I", data[: 4 * words]):
        mixed = word * _M & _MASK
        mixed = (mixed ^ mixed >> 24) * _M & _MASK
        digest = digest * _M & _MASK ^ mixed
    if rest:
        digest = (digest ^ int.from_bytes(data[-rest:], "little")) * _M & _MASK
    digest = (digest ^ digest >> 13) * _M & _MASK
    return digest ^ digest >> 15
