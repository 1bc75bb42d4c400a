"""Laws of the index: its proposals are nearly exact, and depend on the stories alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsloom.contracts.membership import Membership, Verdict
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.calibration import zero_calibration
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.index import CentroidIndex, Keys
from services.clusterer.core.parameters import Parameters

EDITION = "main"
DIMENSION = 384
SUBJECTS = 12
VOCABULARY = 4_000
START = datetime(2025, 4, 14, tzinfo=UTC)
EVERY_STORY = 1_000_000
EXACT = msgspec.structs.replace(Parameters(), candidates=EVERY_STORY, scored=EVERY_STORY)

Direction = npt.NDArray[np.float64]


def stream(count: int, seed: int) -> Iterator[ArticleVector]:
    """Yield `count` articles of five days, on stories of a few subjects, so similar that many decisions are close."""
    random = np.random.default_rng(seed)
    subjects = random.normal(size=(SUBJECTS, DIMENSION))
    centres: list[Direction] = []
    for number in range(count):
        if not centres or random.random() < 0.5:
            centres.append(subjects[random.integers(SUBJECTS)] + random.normal(size=DIMENSION))
            story = len(centres) - 1
        else:
            story = max(0, len(centres) - 1 - int(random.exponential(150)))
        at = START + number * timedelta(days=5) / count
        yield article(f"{seed}-{number}", at, centres[story], random, own_terms=np.random.default_rng([seed, story]))


def article(
    name: str, at: datetime, centre: Direction, random: np.random.Generator, own_terms: np.random.Generator
) -> ArticleVector:
    terms = np.unique(np.concatenate((own_terms.integers(VOCABULARY, size=12), random.integers(VOCABULARY, size=60))))
    return ArticleVector(
        article_id=name,
        edition=EDITION,
        title=name,
        published_at=at,
        digest=name,
        words=int(random.integers(5, 300)),
        shingles=np.unique(random.integers(2**32, size=30, dtype=np.uint32)).astype("<u4").tobytes(),
        title_vector=unit(centre + 1.5 * random.normal(size=DIMENSION)),
        lead_vector=unit(centre + random.normal(size=DIMENSION)),
        terms=terms.astype("<u4").tobytes(),
        term_counts=b"\1" * terms.size,
        model="test",
        preparation="1",
    )


def unit(vector: Direction) -> bytes:
    encoded: bytes = (vector / np.linalg.norm(vector)).astype("<f2").tobytes()
    return encoded


def new_engine(parameters: Parameters) -> Engine:
    return Engine(EditionState(EDITION, zero_calibration("test", DIMENSION), parameters))


def apply_event(engine: Engine, event: ArticleVector) -> list[Membership]:
    """Apply an event and return the memberships that it changes."""
    return [member for _, member in engine.apply(event).memberships if member is not None]


def decisions_of(members: list[Membership]) -> list[tuple[str, str, Verdict]]:
    return [(member.article_id, member.story_id, member.decision.verdict) for member in members]


def test_the_story_chosen_is_that_of_exact_search_in_999_of_1000_decisions() -> None:
    decisions, different, looks, verdicts, open_stories = 0, 0, 0, Counter[Verdict](), []
    for seed in range(2):
        shipped, exact = new_engine(Parameters()), new_engine(EXACT)
        for event in stream(1_500, seed):
            open_stories.append(len(exact.edition.open_stories()))
            chosen, expected = apply_event(shipped, event), apply_event(exact, event)
            decisions += 1
            different += decisions_of(chosen) != decisions_of(expected)
            verdicts.update(member.decision.verdict for member in expected if member.article_id == event.article_id)
            looks += any(member.merge is not None and member.merge.second_look is not None for member in expected)
    assert np.mean(open_stories) > 2 * Parameters().candidates
    assert looks
    assert min(verdicts[Verdict.JOINED], verdicts[Verdict.FOUNDED]) > 0.2 * decisions
    assert different <= 0.001 * decisions


few_directions = st.lists(st.integers(-2, 2), min_size=4, max_size=4).map(
    lambda parts: np.array(parts, dtype=np.float64)
)
changes = st.lists(st.tuples(st.integers(0, 30), st.none() | few_directions), min_size=1, max_size=120)


@given(changes, few_directions, st.integers(1, 12), st.sets(st.integers(0, 30)))
def test_the_nearest_eligible_are_found_in_any_order_of_insertion(
    changed: list[tuple[int, Direction | None]], query: Direction, count: int, ineligible: set[int]
) -> None:
    index = CentroidIndex(4)
    current: dict[int, Direction] = {}
    for key, direction in changed:
        if direction is None:
            index.drop(key)
            current.pop(key, None)
        else:
            index.put(key, direction)
            current[key] = direction
    fresh = CentroidIndex(4)
    for key, direction in sorted(current.items(), reverse=True):
        fresh.put(key, direction)

    def are_eligible(keys: Keys) -> npt.NDArray[np.bool_]:
        return ~np.isin(keys, list(ineligible))

    found, products = index.nearest(query, count, are_eligible)
    assert dict(zip(found, products, strict=True)) == dict(zip(*fresh.nearest(query, count, are_eligible), strict=True))
    eligible = current.keys() - ineligible
    distances = {key: signs_apart(query, current[key]) for key in eligible}
    last = sorted(distances.values())[:count][-1] if distances else 0
    assert sorted(found) == sorted(key for key, distance in distances.items() if distance <= last)
    nearness = {key: cosine(query, current[key]) for key in found}
    for (one, one_product), (other, other_product) in combinations(zip(found, products, strict=True), 2):
        if nearness[one] > nearness[other] + 0.05:
            assert one_product > other_product


def signs_apart(a: Direction, b: Direction) -> int:
    return int(np.sum((a > 0) != (b > 0)))


def cosine(a: Direction, b: Direction) -> float:
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths else 0.0


@pytest.mark.parametrize("dimension", [30, 100, 384, 768])
def test_a_near_direction_is_proposed_in_any_number_of_dimensions(dimension: int) -> None:
    random = np.random.default_rng(dimension)
    directions = random.normal(size=(900, dimension))
    index = CentroidIndex(dimension)
    for key, direction in enumerate(directions):
        index.put(key, direction)
    for near in directions[::10]:
        query = near + 0.8 * random.normal(size=dimension)
        found, products = index.nearest(query, 150, lambda keys: np.ones(keys.size, dtype=np.bool_))
        exact = (directions @ query) / np.linalg.norm(directions, axis=1)
        assert found[np.argmax(products)] == np.argmax(exact)
