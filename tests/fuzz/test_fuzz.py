"""A sample of the fuzz; `make fuzz` sends a million."""

from __future__ import annotations

import pytest

from tests.fuzz.run import run

RECORDS = 1_500


@pytest.mark.parametrize("seed", [1, 2])
def test_every_record_is_processed_or_rejected_and_nothing_stops(seed: int) -> None:
    accounts = run(RECORDS, seed).accounts
    assert sum(tally.sent for name, tally in accounts.kinds.items() if name != "embedder's") == RECORDS
    assert all(tally.sent == tally.processed + tally.rejected for tally in accounts.inputs.values())
    # The sample is worth something: of each service both, and all that an article can come to.
    assert all(tally.processed and tally.rejected for tally in accounts.inputs.values())
    assert {"article", "correction", "repeat", "retraction", "retraction of nothing", "command"} <= set(
        accounts.processed_as
    )
