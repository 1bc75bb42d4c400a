"""Positions in a topic: the next offset of each of its partitions, as text that any replica understands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

PARTITIONS_MAX: Final = 1_000
_POSITION: Final = re.compile(r"[0-9]{1,6}-[0-9]{1,18}(?:\.[0-9]{1,6}-[0-9]{1,18})*")

Positions = Mapping[int, int]
"""Partition -> offset of the next record; a partition that is missing is read from its start."""


class InvalidPositions(ValueError):
    """The text is not a position."""


def format_positions(positions: Positions) -> str:
    """Return the positions as text, such as `0-17.1-4`; empty if there are none."""
    return ".".join(f"{partition}-{offset}" for partition, offset in sorted(positions.items()))


def parse_positions(text: str) -> dict[int, int]:
    """Return the positions in a text of `format_positions`; raise `InvalidPositions`."""
    if not text:
        return {}
    if not _POSITION.fullmatch(text) or text.count(".") >= PARTITIONS_MAX:
        raise InvalidPositions("not a position: send one that the page has given, such as 0-17.1-4")
    pairs = (part.split("-") for part in text.split("."))
    return {int(partition): int(offset) for partition, offset in pairs}
