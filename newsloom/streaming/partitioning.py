"""Which partition a key chooses: the same on every log."""

from __future__ import annotations

from kafka.partitioner.default import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a message with this key that names none, of so many.

    As Kafka's default partitioner: the hash's sign bit is masked, not negated.
    """
    digest: int = murmur2(key) & 0x7FFFFFFF
    return digest % partitions
