"""Measure the clusterer's memory for editions of a single article each.

    python -m benchmarks.editions --editions 3000

Producers may name any number of editions, so an edition must not cost more than its articles.
"""

from __future__ import annotations

import argparse
import gc
import resource
from pathlib import Path

import msgspec

from benchmarks.core import DIMENSION, describe_run, stream
from services.clusterer.core.calibration import zero_calibration
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters


def resident_bytes() -> int:
    """Return the memory of this process (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main() -> None:
    """Make the editions and print the memory of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--editions", type=int, default=3_000)
    editions = parser.parse_args().editions
    article = next(stream(1, window=1))
    calibration, parameters = zero_calibration("random", DIMENSION), Parameters()
    before = resident_bytes()
    engines = []
    for number in range(editions):
        engine = Engine(EditionState(f"edition-{number}", calibration, parameters))
        engine.apply(msgspec.structs.replace(article, edition=f"edition-{number}"))
        engines.append(engine)
    gc.collect()
    print(describe_run())
    print(f"{editions:,} editions of one article: {(resident_bytes() - before) / editions / 1_000:.0f} KB each")


if __name__ == "__main__":
    main()
