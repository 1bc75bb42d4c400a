"""Compaction of a partition, as much at once as Kafka's cleaner may ever do."""

from __future__ import annotations

from tests.simulation.partitions import Entry, Partition, State


def compact(partition: Partition) -> int:
    """Remove what a later committed record of the same key has overwritten; how many records are gone.

    Nothing from the last stable offset on. A tombstone stays as long as anybody reads the partition: that is what
    `delete.retention.ms` is for. Markers go when they like: no reader asks for them.
    """
    stable_end = partition.stable_end()
    latest: dict[bytes | None, int] = {}
    for entry in partition.entries:
        if entry.record is not None and entry.offset < stable_end and entry.transaction.state is State.COMMITTED:
            latest[entry.record.key] = entry.offset
    kept = [one for one in partition.entries if one.offset >= stable_end or _stays(one, latest, partition.readers)]
    removed = len(partition.entries) - len(kept)
    partition.entries[:] = kept
    return removed


def _stays(entry: Entry, latest: dict[bytes | None, int], readers: int) -> bool:
    if entry.record is None or latest.get(entry.record.key) != entry.offset:
        return False
    return entry.record.value is not None or readers > 0
