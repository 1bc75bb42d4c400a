"""How many records to poll, so that a batch is bounded by its time and its output too."""

from __future__ import annotations

from typing import Final

BATCH_S_MAX: Final = 10.0
"""Other members wait for a batch during a rebalance, and a stop signal lets it finish."""
BATCH_BYTES_MAX: Final = 16 * 2**20
"""The output of a batch is in memory, and in one transaction."""


class BatchSize:
    """The number of records to poll next. It halves after a batch over a bound, and doubles after one under half of each.

    The same records cost about the same again, so the next batch is under the bound or half as long.
    """

    def __init__(self, records_max: int) -> None:
        self._records_max = records_max
        self.records = records_max

    def observe(self, records: int, seconds: float, written_bytes: int) -> None:
        """Take the cost of a batch of so many records into account."""
        load = max(seconds / BATCH_S_MAX, written_bytes / BATCH_BYTES_MAX)
        if load > 1:
            self.records = max(1, min(records, self.records) // 2)
        elif load < 1 / 2:
            self.records = min(self._records_max, self.records * 2)
