"""Compaction of a partition, as aggressive as Kafka's log cleaner may be."""

from __future__ import annotations

from tests.simulation.partitions import Entry, Partition, TransactionState


def compact(partition: Partition) -> int:
    """Remove records that a later committed record of the same key replaces; return how many entries were removed.

    Entries from the last stable offset on are kept. A tombstone is kept while the partition has readers, as
    `delete.retention.ms` ensures on Kafka. Transaction markers are removed: no reader needs them.
    """
    stable_end = partition.stable_end()
    latest: dict[bytes | None, int] = {}
    for entry in partition.entries:
        if (
            entry.record is not None
            and entry.offset < stable_end
            and entry.transaction.state is TransactionState.COMMITTED
        ):
            latest[entry.record.key] = entry.offset
    kept = [one for one in partition.entries if one.offset >= stable_end or _stays(one, latest, partition.readers)]
    removed = len(partition.entries) - len(kept)
    partition.entries[:] = kept
    return removed


def _stays(entry: Entry, latest: dict[bytes | None, int], readers: int) -> bool:
    if entry.record is None or latest.get(entry.record.key) != entry.offset:
        return False
    return entry.record.value is not None or readers > 0
