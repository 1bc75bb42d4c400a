"""Group what is written to a log into batches of one transaction each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

BATCH_RECORDS_MAX: Final = 500
BATCH_BYTES_MAX: Final = 4_194_304

T = TypeVar("T")


def batches(items: Iterable[T], size_bytes: Callable[[T], int]) -> Iterator[list[T]]:
    """Yield lists of at most `BATCH_RECORDS_MAX` items; a list ends with the item that brings it to `BATCH_BYTES_MAX`."""
    batch: list[T] = []
    batch_bytes = 0
    for item in items:
        batch.append(item)
        batch_bytes += size_bytes(item)
        if len(batch) >= BATCH_RECORDS_MAX or batch_bytes >= BATCH_BYTES_MAX:
            yield batch
            batch, batch_bytes = [], 0
    if batch:
        yield batch
