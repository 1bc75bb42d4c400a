"""kafka-python computes checksums in Python unless it finds a faster library."""

from __future__ import annotations

import crc32c
from kafka.record import util


def test_checksums_are_not_computed_in_python() -> None:
    """Without the crc32c library, a restore spends most of its time on checksums."""
    assert util._crc32c is crc32c.crc32c
