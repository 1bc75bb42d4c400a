"""Configurations compared by their B-cubed F1 over the same streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from evaluation.scores.trials import Configuration, Trials
from evaluation.streams.event_stream import EventStream

SHIPPED: Final = "as shipped"


@dataclass(frozen=True, slots=True)
class F1Row:
    """A configuration's B-cubed F1 by stream."""

    name: str
    f1: dict[str, float]

    @property
    def mean(self) -> float:
        """The macro average."""
        return fmean(self.f1.values())


def compare(trials: Trials, streams: Sequence[str], configurations: Mapping[str, Configuration]) -> list[F1Row]:
    """Return a row for each configuration, over the streams of these names."""
    found = trials.run(list(configurations.values()), streams)
    rows = zip(configurations, found, strict=True)
    return [F1Row(name, {stream: b3.f1 for stream, b3 in by_stream.items()}) for name, by_stream in rows]


def changed_streams_row(
    trials: Trials, name: str, streams: Sequence[str], changed: Sequence[EventStream], configuration: Configuration
) -> F1Row:
    """Return a configuration's row over changed versions of the streams, under the streams' own names, in the same order."""
    [row] = compare(trials, [stream.name for stream in changed], {name: configuration})
    return F1Row(name, dict(zip(streams, row.f1.values(), strict=True)))
