from __future__ import annotations

import sys

import pytest

from benchmarks.editions import resident_bytes
from services.freed_memory import return_freed_memory

BLOCK_BYTES = 1_000
"""More than what Python's own allocator takes, so that malloc gives it."""
BLOCKS = 100_000


@pytest.mark.skipif(sys.platform != "linux", reason="other systems give pages back by themselves")
def test_memory_below_a_block_in_use_goes_back_to_the_operating_system() -> None:
    blocks = [bytes(BLOCK_BYTES) for _ in range(BLOCKS)]
    # Each hundredth block stays, so that no free range reaches the end of the heap.
    kept = blocks[::100]
    del blocks
    before = resident_bytes()
    return_freed_memory()
    assert resident_bytes() < before - BLOCK_BYTES * BLOCKS / 2
    assert len(kept) == BLOCKS // 100
