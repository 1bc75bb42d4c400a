"""Measure how much memory an article in the window takes, by part of the clusterer's state.

    python -m benchmarks.memory --window 10000

The stream is that of `benchmarks.core`, with a stem for each term. An object that two parts share counts for the first of them.
The sums count with the rows in use: the operating system gives no memory for the others.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

import msgspec
import numpy as np

from benchmarks.core import DIMENSION, describe_run, peak_memory_mb, stream
from newsloom.contracts.vector import ArticleVector, StemMark
from services.clusterer.core.calibration import zero_calibration
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters

FEATURES: Final = ("shingles", "title_vector", "lead_vector", "terms", "term_weights", "stems", "stem_marks")


class DeepSize:
    """Measures objects with all that they refer to, each object once."""

    def __init__(self) -> None:
        # Code is no state.
        self._seen = {id(module) for module in sys.modules.values()}

    def of(self, *found: object) -> int:
        """Return the bytes of these objects that were not measured before."""
        size, waiting = 0, list(found)
        while waiting:
            one = waiting.pop()
            if id(one) in self._seen or isinstance(one, type):
                continue
            self._seen.add(id(one))
            size += sys.getsizeof(one)
            waiting.extend(_references(one))
        return size


def _references(one: object) -> Iterable[Any]:
    if isinstance(one, np.ndarray):
        return () if one.base is None else (one.base,)
    if isinstance(one, dict):
        return chain(one, one.values())
    if isinstance(one, msgspec.Struct):
        # The garbage collector does not know what a struct with `gc=False` refers to.
        return (getattr(one, name) for name in one.__struct_fields__)
    return (other for other in gc.get_referents(one) if not callable(other))


def measure(edition: EditionState) -> Iterator[tuple[str, int]]:
    """Yield the parts of an edition with their bytes."""
    size, space = DeepSize(), edition.indexes.space
    members = [member for story in edition.stories.values() for member in story.members.values()]
    comparable = [story.slot for story in edition.stories.values() if story.is_comparable and story.members]
    # First, so that what the indexes share with the memberships counts for these.
    yield "members: features", size.of(*(getattr(member, name) for member in members for name in FEATURES))
    yield "members: decisions", size.of(*(member.decision for member in members))
    yield "members: all else", size.of(*members)
    yield "stories: sums of vectors", space.sums[comparable].nbytes
    yield "stories: index (FAISS), times and counts", size.of(space) - space.sums.nbytes
    yield "copies: MinHash", size.of(edition.indexes.texts)
    yield "evidence by story", size.of(*map(edition.indexes.evidence, comparable))
    yield "counts of terms, stems and titles", size.of(edition.indexes)
    yield "schedule", size.of(edition.schedule)
    yield "stories and all else", size.of(edition)


def _with_stems(event: ArticleVector) -> ArticleVector:
    marks = bytes([StemMark.LOWER]) * len(event.term_counts)
    return msgspec.structs.replace(event, stems=event.terms, stem_marks=marks)


def main() -> None:
    """Fill the window and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--window", type=int, default=10_000)
    window = parser.parse_args().window
    before_mb = peak_memory_mb()
    engine = Engine(EditionState("main", zero_calibration("random", DIMENSION), Parameters()))
    for event in stream(window, window=window):
        engine.apply(_with_stems(event))
    grown_mb = peak_memory_mb() - before_mb
    parts = list(measure(engine.edition))
    print(describe_run())
    print(f"{window:,} articles in the window, {len(engine.edition.stories):,} stories: bytes per article")
    print("| part | bytes per article |\n|---|---:|")
    for part, size in sorted(parts, key=lambda row: -row[1]):
        print(f"| {part} | {size / window:,.0f} |")
    print(f"| all parts | {sum(size for _, size in parts) / window:,.0f} |")
    print(f"| growth of the process at its peak | {grown_mb * 2**20 / window:,.0f} |")


if __name__ == "__main__":
    main()
