"""The compiled rules and the core, written apart from each other, come to the same stories."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest

from evaluation.replays.compiled_rules import stories_of
from evaluation.replays.pairs import pairs_of
from evaluation.replays.replay import replay
from evaluation.scores.stream_scores import Gold
from evaluation.streams.event_stream import Prepared
from newsloom.contracts.story import UpdateKind
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.parameters import Parameters

DIMENSION = 24
START = datetime(2025, 4, 14, tzinfo=UTC)
SHIPPED = Parameters(candidates=1_000, scored=1_000)
"""But for the index, of which the compiled rules have none: what it leaves out would show in a background here and there."""
BROAD = msgspec.structs.replace(SHIPPED, bar_base=0.1, merge_bar=0.22)
PATIENT = msgspec.structs.replace(SHIPPED, bar_base=0.28, second_look_discount=0.2, merge_bar=9.0)


def stream(seed: int, *, articles: int = 240, stories: int = 45) -> Prepared:
    """Articles of many stories over six days; some repeat the text of one of their story, some that of any other."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(stories, DIMENSION))
    events: list[ArticleVector] = []
    for number in range(articles):
        story = int(random.integers(stories))
        at = START + number * timedelta(days=6) / articles
        twins = [event for event in events if event.outlet == f"{story}"]
        shingles = twins[-1].shingles if twins and random.random() < 0.1 else _hashes(random, 60)
        if events and random.random() < 0.05:
            shingles = events[int(random.integers(len(events)))].shingles
        events.append(
            ArticleVector(
                article_id=f"a{number}",
                edition="main",
                title=f"Title {number}",
                published_at=at,
                digest=str(number),
                words=int(random.integers(5, 400)),
                shingles=shingles,
                title_vector=_unit(centres[story] + 1.0 * random.normal(size=DIMENSION)),
                lead_vector=_unit(centres[story] + 0.7 * random.normal(size=DIMENSION)),
                terms=_terms(random, story),
                term_counts=bytes([1, 2] * 20),
                model="random",
                preparation="1",
                outlet=f"{story}",
            )
        )
    ids = tuple(event.article_id for event in events)
    days = tuple(event.published_at.date() for event in events)
    return Prepared("invented", tuple(events), Gold(ids, tuple(str(event.outlet) for event in events), days), 0)


def _unit(vector: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bytes:
    return (vector / np.linalg.norm(vector)).astype("<f2").tobytes()


def _hashes(random: np.random.Generator, count: int) -> bytes:
    return np.sort(random.choice(2**31, count, replace=False)).astype("<u4").tobytes()


def _terms(random: np.random.Generator, story: int) -> bytes:
    own = 1_000 * (story + 1) + random.choice(40, 10, replace=False)
    return np.sort(np.concatenate((own, random.choice(900, 30, replace=False)))).astype("<u4").tobytes()


@pytest.mark.parametrize("parameters", [SHIPPED, BROAD, PATIENT])
@pytest.mark.parametrize("seed", [1, 3, 4])
def test_the_same_stories_article_by_article(seed: int, parameters: Parameters) -> None:
    prepared = stream(seed)
    outcome = replay(prepared.events, parameters)
    core = [outcome.final[event.article_id] for event in prepared.events]
    found = stories_of(pairs_of(prepared), parameters, np.arange(len(core), dtype=np.int32))
    assert found is not None
    # One to one: as many pairs of labels as labels of either.
    assert len(set(zip(core, found.tolist(), strict=True))) == len(set(core)) == len(set(found.tolist()))
    # The stream puts every rule to work: stories of one and of many, copies, boilerplate, merges.
    sizes = Counter(core).values()
    assert min(sizes) == 1
    assert max(sizes) > 4
    if parameters is not SHIPPED:
        assert outcome.moved[UpdateKind.MERGED]


def test_too_many_open_stories_are_no_answer() -> None:
    prepared = stream(1, articles=60)
    alone = msgspec.structs.replace(SHIPPED, bar_base=9.0)
    found = stories_of(pairs_of(prepared), alone, np.arange(60, dtype=np.int32), slots_max=20)
    assert found is None
