"""The names by which hard streams are requested, beside those of labelled streams."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from evaluation.hard_streams.arrival import DEFAULT_RATES, ArrivalRates
from evaluation.hard_streams.scenes import Kind
from evaluation.hard_streams.stream import PREFIX, HardStreamRequest
from newsloom.streaming.errors import ConfigurationError

_KINDS: Final = ", ".join(kind.value for kind in Kind)
_NAME: Final = re.compile(rf"{PREFIX}(\d+)(?:-({'|'.join(kind.value for kind in Kind)}))?")


def split_names(
    names: Sequence[str], *, arrival: ArrivalRates = DEFAULT_RATES
) -> tuple[list[str], list[HardStreamRequest]]:
    """Return the names of labelled streams, and what the names of hard streams request; raises ConfigurationError."""
    labelled = [name for name in names if not name.startswith(PREFIX)]
    hard = [parse_hard_stream(name) for name in names if name.startswith(PREFIX)]
    return labelled, [msgspec.structs.replace(one, arrival=arrival) for one in hard]


def parse_hard_stream(name: str) -> HardStreamRequest:
    """Return what a name such as `hard-1` or `hard-1-templates` requests; raises ConfigurationError."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise ConfigurationError(
            f"{name!r} is no hard stream: {PREFIX}SEED or {PREFIX}SEED-KIND, the seed a number, the kind one of {_KINDS}"
        )
    return HardStreamRequest(seed=int(found[1]), kind=Kind(found[2]) if found[2] else None)
