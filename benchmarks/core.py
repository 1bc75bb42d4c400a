"""Measure the core's articles per second, without encoding, with a window of a given size.

    python -m benchmarks.core --window 25000 --articles 3000 [--profile]

The stream is invented: stories of one to many articles around random directions, at an even pace. The first `--window` articles
fill the window of a week; the `--articles` after them are measured, one at a time, on one core.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import platform
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from types import CodeType, FunctionType
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from newsloom.contracts.vector import ArticleVector
from services.clusterer.core import features, headline, ranking, related_stories, second_look
from services.clusterer.core.calibration import zero_calibration
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.frequencies import DocumentFrequencies
from services.clusterer.core.index import CentroidIndex
from services.clusterer.core.minhash_index import MinHashIndex
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.space import StorySpace
from services.clusterer.core.title_parts import TitleParts

Vector = NDArray[np.float64]

DIMENSION = 384
TERMS = 180
VOCABULARY = 60_000
STORY_MEAN = 2.5
PARTS: Final[dict[str, Sequence[Callable[..., object]]]] = {
    "the index: nearest stories (FAISS)": (CentroidIndex.nearest,),
    "exact sums of the candidates": (StorySpace.similarities,),
    "the rest of the scores, bar, record of the decision": (
        ranking.rank_stories,
        ranking.joining_bar,
        ranking.build_candidates,
    ),
    "features: decoding, term weights, the combined vector": (
        features.decode_features,
        features.UnweightedFeatures.weighted,
        features.combined_vector,
        features.stored_features,
    ),
    "copies: MinHash, look-up, in and out": (
        MinHashIndex.bands,
        MinHashIndex.matches,
        MinHashIndex.add,
        MinHashIndex.remove,
    ),
    "sums and the index: taking an article in": (StorySpace.add, StorySpace.close),
    "document frequencies": (DocumentFrequencies.add, DocumentFrequencies.remove),
    "related stories, once a day (HDBSCAN)": (related_stories.find_related_stories,),
    "titles": (headline.headline_report, TitleParts.add, TitleParts.remove),
    "updates and history": (EditionState.publish,),
}
"""Profile rows. Only `rank_stories` calls functions of another row; `profile_table` subtracts their time."""
START = datetime(2025, 4, 14, tzinfo=UTC)


def stream(count: int, *, window: int, seed: int = 1) -> Iterator[ArticleVector]:
    """Yield `count` articles, `window` of them per week. Half of a story's articles come within a day of its first."""
    random = np.random.default_rng(seed)
    subjects = random.normal(size=(300, DIMENSION))
    centres: list[Vector] = []
    recent = max(1, int(window / 7 / STORY_MEAN))
    for number in range(count):
        if not centres or random.random() < 1 / STORY_MEAN:
            centres.append(subjects[random.integers(len(subjects))] + 1.2 * random.normal(size=DIMENSION))
            story = len(centres) - 1
        else:
            story = max(0, len(centres) - 1 - int(random.exponential(recent)))
        yield _article(number, story, centres[story], START + number * timedelta(days=7) / window, random)


def _article(number: int, story: int, centre: Vector, at: datetime, random: np.random.Generator) -> ArticleVector:
    own = np.random.default_rng(story).integers(VOCABULARY, size=40)
    terms = np.unique(np.concatenate((own, (VOCABULARY * random.random(TERMS) ** 3).astype(np.int64))) * 71_569 % 2**32)
    return ArticleVector(
        article_id=f"a{number}",
        edition="main",
        title=f"Title {number}",
        published_at=at,
        digest=str(number),
        words=300,
        shingles=np.unique(random.integers(2**32, size=118, dtype=np.uint32)).astype("<u4").tobytes(),
        title_vector=_unit(centre + 1.5 * random.normal(size=DIMENSION)),
        lead_vector=_unit(centre + 1.0 * random.normal(size=DIMENSION)),
        terms=terms.astype("<u4").tobytes(),
        term_counts=bytes([1 + number % 3]) * terms.size,
        model="random",
        preparation="1",
        outlet=f"Outlet {number % 200}",
    )


def _unit(vector: Vector) -> bytes:
    return (vector / np.linalg.norm(vector)).astype("<f2").tobytes()


def profile_table(profile: cProfile.Profile) -> str:
    """Return a table of the time spent in each part, callees included. Profiling makes Python calls look more expensive."""
    spent = defaultdict[CodeType | str, float](float)
    for entry in profile.getstats():
        spent[entry.code] += entry.totaltime

    def seconds_in(*functions: Callable[..., object]) -> float:
        return sum(spent[cast(FunctionType, function).__code__] for function in functions)

    spent[ranking.rank_stories.__code__] -= seconds_in(CentroidIndex.nearest, StorySpace.similarities)
    total = seconds_in(Engine.apply)
    rows = [(part, seconds_in(*functions)) for part, functions in PARTS.items()]
    rows.sort(key=lambda row: -row[1])
    rows.append(("all else", total - sum(seconds for _, seconds in rows)))
    rows.append(("of all that, second looks", seconds_in(second_look.run_second_looks)))
    lines = [f"| {part} | {1_000 * seconds:,.0f} ms | {100 * seconds / total:.0f} % |" for part, seconds in rows]
    return "\n".join(("| part | profiled | share |", "|---|---:|---:|", *lines))


def peak_memory_mb() -> float:
    """Return the most memory that the process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def describe_run() -> str:
    """Return the machine, the Python version and the date."""
    machine = platform.processor() or platform.machine()
    return f"{machine}, Python {platform.python_version()}, {datetime.now(tz=UTC):%Y-%m-%d}"


def main() -> None:
    """Fill the window, measure, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--window", type=int, default=25_000)
    parser.add_argument("--articles", type=int, default=3_000)
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    gc.freeze()  # The clusterer does so after a restore.
    engine = Engine(EditionState("main", zero_calibration("random", DIMENSION), Parameters()))
    events = stream(arguments.window + arguments.articles, window=arguments.window)
    for _ in range(arguments.window):
        engine.apply(next(events))
    measured = list(events)
    profile = cProfile.Profile()
    if arguments.profile:
        profile.enable()
    started = time.process_time()
    for event in measured:
        engine.apply(event)
    seconds = time.process_time() - started
    profile.disable()
    open_stories = len(engine.edition.open_stories())
    print(describe_run())
    window = f"{arguments.window:,} articles in the window, {open_stories:,} open stories"
    print(f"{window}: {len(measured) / seconds:,.0f} articles/s")
    print(f"{1_000 * seconds / len(measured):.2f} ms of CPU per article; peak memory {peak_memory_mb():,.0f} MB")
    if arguments.profile:
        print(profile_table(profile))


if __name__ == "__main__":
    main()
