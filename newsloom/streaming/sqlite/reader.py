"""A reader without a group on the embedded log."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.records import Record, TopicPartition
from newsloom.streaming.sqlite.catalogue import Catalogue
from newsloom.streaming.sqlite.connection import Connection
from newsloom.streaming.sqlite.damage import Account
from newsloom.streaming.sqlite.fetch import extent, fetch, next_offset


class EmbeddedReader:
    """The port's `Reader`."""

    def __init__(
        self, connection: Connection, partitions: Sequence[TopicPartition], *, start: Literal["earliest", "latest"]
    ) -> None:
        self._connection = connection
        with connection.read() as sql:
            self._sources = _sources(sql, partitions)
            extents = {id_: extent(sql, id_) for id_ in self._sources}
            self._ends = {id_: held.end for id_, held in extents.items()}
            self._starts = self._ends if start == "latest" else self._skip_holes(sql, dict.fromkeys(self._sources, 0))
            self._positions = dict(self._starts)
            self._accounts = {
                id_: Account(source, held.end, 0, held.deleted)
                if start == "latest"
                else Account(source, 0, held.deleted, held.deleted)
                for (id_, source), held in zip(self._sources.items(), extents.values(), strict=True)
            }
            self._check(sql, [])
        self._turn = 0

    def poll(self, *, max_records: int, timeout_ms: int) -> list[Record]:
        """See the port."""
        deadline = time.monotonic() + timeout_ms / 1000
        while True:
            seen = self._connection.version()
            with self._connection.read() as sql:
                records, positions = fetch(sql, self._sources, self._positions, max_records, turn=self._turn)
                self._positions = self._skip_holes(sql, positions)
                self._check(sql, records)
            self._turn += bool(records)
            if records or not self._connection.wait(seen, deadline):
                return records

    def at_end(self) -> bool:
        """See the port."""
        return all(self._positions[id_] >= end for id_, end in self._ends.items())

    def fraction_read(self) -> float:
        """See the port. Measured in offsets, compacted ones included."""
        total = sum(end - self._starts[id_] for id_, end in self._ends.items())
        read = sum(min(self._positions[id_], end) - self._starts[id_] for id_, end in self._ends.items())
        return read / total if total else 1.0

    def close(self) -> None:
        """See the port."""
        self._connection.close()

    def _check(self, sql: sqlite3.Connection, records: Sequence[Record]) -> None:
        """See that nothing is left out where a partition has been read to its end."""
        got = Counter(record.source for record in records)
        for id_, account in self._accounts.items():
            account.read += got[account.source]
            account.check(self._positions[id_], extent(sql, id_))

    def _skip_holes(self, sql: sqlite3.Connection, positions: dict[int, int]) -> dict[int, int]:
        """The positions moved on to the next record that still exists, or to the end of what stood here at the opening."""
        result = {}
        for id_, position in positions.items():
            found = next_offset(sql, id_, position)
            result[id_] = max(position, self._ends[id_]) if found is None else found
        return result


def _sources(sql: sqlite3.Connection, partitions: Sequence[TopicPartition]) -> dict[int, TopicPartition]:
    catalogue = Catalogue()
    sources = {}
    for source in sorted(set(partitions)):
        topic = catalogue.topic(sql, source.topic)
        if not 0 <= source.partition < topic.spec.partitions:
            raise ConfigurationError(
                f"topic {source.topic} has no partition {source.partition}, only {topic.spec.partitions}"
            )
        sources[topic.partition_ids[source.partition]] = source
    return sources
