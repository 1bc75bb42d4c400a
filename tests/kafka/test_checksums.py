"""What kafka-python does in Python, byte by byte, where it finds nothing faster."""

from __future__ import annotations

import crc32c
from kafka.record import util


def test_checksums_are_not_computed_in_python() -> None:
    """A restore spent most of its time there."""
    assert util._crc32c is crc32c.crc32c
