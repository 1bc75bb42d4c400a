"""The zero point: measured from the articles, it makes up for a language or an encoder that the calibration does not fit."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pytest

from newsloom.contracts.codec import decode_state, encode
from newsloom.contracts.membership import Checkpoint, Membership
from newsloom.contracts.story import Story
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.calibration import Calibration, zero_calibration
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.fixed_point import SCALE
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.restore import restore_edition
from services.clusterer.core.zero_point import LANGUAGES_MAX, RESIDUAL, Sample, recalibrated, zero_point_of
from services.clusterer.state import checkpoint_of
from tests.laws.streams import EDITION, START

DIMENSION = 64
ARTICLES, STORIES = 240, 60
COMMON = 0.85
"""The length of the mean embedding, as of headlines in Arabic with the default model."""

Array = npt.NDArray[np.float64]


def unit(vector: Array) -> Array:
    scaled: Array = vector / np.linalg.norm(vector)
    return scaled


def common_direction(seed: int = 0) -> Array:
    return unit(np.random.default_rng(seed).normal(size=DIMENSION))


def events(
    articles: int = ARTICLES, common: float = COMMON, *, language: str | None = None, seed: int = 0
) -> list[ArticleVector]:
    """Return articles about `STORIES` events whose embeddings have a common part of this length."""
    random = np.random.default_rng(seed + 1)
    subjects = [unit(random.normal(size=DIMENSION)) for _ in range(STORIES)]
    words = random.integers(0, 2**32, (STORIES, 12))
    found = []
    for number in range(articles):
        story = int(random.integers(STORIES))
        own = np.sqrt(1 - common**2)
        noise = unit(random.normal(size=DIMENSION))
        vector = unit(common * common_direction(seed) + own * (0.85 * subjects[story] + 0.5 * noise)).astype("<f2")
        terms = np.unique(np.concatenate((words[story], random.integers(0, 2**32, 12))))
        found.append(
            ArticleVector(
                article_id=f"a{seed}-{number}",
                edition=EDITION,
                title=f"Title {number}",
                published_at=START + timedelta(minutes=10 * number),
                digest=str(number),
                words=100,
                shingles=np.arange(number * 100, number * 100 + 16, dtype="<u4").tobytes() if not seed else b"",
                title_vector=vector.tobytes(),
                lead_vector=vector.tobytes(),
                terms=terms.astype("<u4").tobytes(),
                term_counts=bytes([1] * terms.size),
                model="test",
                preparation="1",
                outlet=f"story {seed}-{story}",
                language=language,
            )
        )
    return found


def engine_with(calibration: Calibration, parameters: Parameters | None = None) -> Engine:
    return Engine(EditionState(EDITION, calibration, parameters or Parameters()))


def precision(engine: Engine) -> float:
    """Return the share of articles that are in a story most of whose articles are about the same event."""
    stories = [story for story in engine.edition.stories.values() if story.members]
    events_of = [Counter(member.outlet for member in story.members.values()) for story in stories]
    right = sum(max(counts.values()) for counts in events_of)
    return right / len(engine.edition.articles)


def largest_share(engine: Engine) -> float:
    sizes = [len(story.members) for story in engine.edition.stories.values()]
    return max(sizes) / sum(sizes)


def calibrated(mean: Array) -> Calibration:
    scaled = np.rint(mean * SCALE).astype(np.int16)
    return Calibration("test", scaled, scaled)


@pytest.mark.parametrize(
    "calibration",
    [zero_calibration("test", DIMENSION), calibrated(0.9 * common_direction(seed=7))],
    ids=["without a calibration", "with that of another language"],
)
def test_it_is_measured_from_the_articles(calibration: Calibration) -> None:
    engine = engine_with(calibration)
    for event in events():
        engine.apply(event)
    assert precision(engine) > 0.9
    assert largest_share(engine) < 0.1
    zero_point = engine.edition.indexes.zero_points.edition
    measured = zero_point.lead / SCALE
    assert float(np.dot(unit(measured), common_direction())) > 0.97


def mixed_events() -> list[ArticleVector]:
    """Return articles in two languages, each with a common direction of its own; the second one begins late."""
    first = events(360, common=0.4, language="en")
    second = events(120, common=0.85, language="xx-YY", seed=5)
    return [*first[:120], *(event for pair in zip(first[120:240], second, strict=True) for event in pair), *first[240:]]


def test_each_language_of_an_edition_has_its_own() -> None:
    engine = engine_with(calibrated(0.4 * common_direction()))
    for event in mixed_events():
        engine.apply(event)
    zero_points = engine.edition.indexes.zero_points
    assert set(zero_points.by_language) == {"en", "xx"}
    for language, seed in (("en", 0), ("xx", 5)):
        assert float(np.dot(unit(zero_points.of(language).lead / SCALE), common_direction(seed))) > 0.95
    assert precision(engine) > 0.9
    assert largest_share(engine) < 0.05


def test_languages_beyond_the_bound_share_that_of_the_edition() -> None:
    engine = engine_with(zero_calibration("test", DIMENSION))
    for seed in range(LANGUAGES_MAX + 2):
        for event in events(8, language=f"x{seed}", seed=seed):
            engine.apply(event)
    zero_points = engine.edition.indexes.zero_points
    assert len(zero_points.by_language) == LANGUAGES_MAX
    assert zero_points.of(f"x{LANGUAGES_MAX + 1}") is zero_points.edition


def test_many_reports_of_one_event_move_it_little() -> None:
    """A day that begins with many reports of one event must not make that event the zero point."""
    engine = engine_with(calibrated(0.3 * common_direction()))
    for event in [event for event in events(1_000, common=0.3) if event.outlet == "story 0-3"][:16]:
        engine.apply(event)
    before = zero_point_of(engine.edition.calibration)
    assert engine.edition.indexes.zero_points.edition.distance(before) < 0.25
    assert len(engine.edition.open_stories()) == 1


@pytest.mark.parametrize(("stream", "cut"), [(events(), 150), (mixed_events(), 220)], ids=["one language", "two"])
def test_a_restored_edition_goes_on_with_the_same_numbers(stream: list[ArticleVector], cut: int) -> None:
    whole, published, memberships = engine_with(zero_calibration("test", DIMENSION)), {}, {}
    for event in stream[:cut]:
        changes = whole.apply(event)
        published.update({story_id: whole.story(story_id) for story_id in changes.stories})
        memberships.update(dict(changes.memberships))
    checkpoint = decode_state(encode(checkpoint_of(whole.edition)))
    assert isinstance(checkpoint, Checkpoint)
    restored = Engine(
        restore_edition(
            checkpoint,
            [story for story in published.values() if isinstance(story, Story)],
            [member for member in memberships.values() if isinstance(member, Membership)],
            calibration=zero_calibration("test", DIMENSION),
            parameters=Parameters(),
        )
    )
    assert [whole.apply(event) for event in stream[cut:]] == [restored.apply(event) for event in stream[cut:]]
    assert checkpoint_of(whole.edition) == checkpoint_of(restored.edition)


def test_unrelated_articles_are_equally_alike_whatever_they_have_in_common() -> None:
    for common in (0.3, 0.6, 0.9):
        left = common - np.linalg.norm(zero_point_of(calibrated(common * common_direction())).lead / SCALE)
        assert left == pytest.approx(RESIDUAL * np.sqrt(1 - common**2), abs=0.001)


def test_a_small_sample_changes_a_calibration_only_if_it_is_far_from_it() -> None:
    prior = calibrated(0.3 * common_direction())
    near = unit(common_direction() + 0.5 * common_direction(seed=2))
    for mean, moves in ((0.3 * near, False), (0.85 * common_direction(seed=3), True)):
        scaled = np.rint(mean * SCALE).astype(np.int16)
        sample = Sample(scaled, scaled, stories=5, reports=8, reports_by_terms=5.0)
        measured = zero_point_of(recalibrated(sample, prior), measured_at=16)
        assert (measured.distance(zero_point_of(prior)) > 0.3) == moves


def test_a_loose_story_that_holds_much_of_the_edition_is_named() -> None:
    """The bar lets unrelated articles into one story, as a wrong zero point does."""
    engine = engine_with(zero_calibration("test", DIMENSION), Parameters(bar_base=-9.0))
    changes = [engine.apply(event) for event in events(60, common=0.0)]
    assert any(change.loose_story_id for change in changes)
    story = engine.edition.open_stories()[0]
    space = engine.edition.indexes.space
    assert space.loose_count(8, 0.3) == 1
    assert space.cohesion(story.slot) < 0.3
