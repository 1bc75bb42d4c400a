"""A short fuzz run; `make fuzz` sends a million records."""

from __future__ import annotations

import pytest

from tests.fuzz.run import FROM_EMBEDDER, run

RECORDS = 1_500


@pytest.mark.parametrize("seed", [1, 2])
def test_every_record_is_processed_or_rejected_and_nothing_stops(seed: int) -> None:
    counts = run(RECORDS, seed).counts
    assert sum(tally.sent for name, tally in counts.kinds.items() if name != FROM_EMBEDDER) == RECORDS
    assert all(tally.sent == tally.processed + tally.rejected for tally in counts.inputs.values())
    # The sample covers both results of each service, and all effects.
    assert all(tally.processed and tally.rejected for tally in counts.inputs.values())
    assert {"article", "correction", "duplicate", "retraction", "retraction of an unknown article", "command"} <= set(
        counts.effects
    )
