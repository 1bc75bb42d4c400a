from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

import services.local
from evaluation.replays.replay import new_engine, replay
from evaluation.streams.event_stream import vectorize
from evaluation.streams.stream import LabelledArticle, Stream
from newsloom.contracts.article import Article
from newsloom.contracts.codec import decode_story, encode
from newsloom.contracts.vector import ArticleVector
from newsloom.settings import GRANULARITY_MAX, GRANULARITY_MIN, Settings
from services.clusterer.configuration import parameters_of
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.restore import restore_edition
from services.clusterer.state import checkpoint_of
from services.embedder.encoder import Vectors
from services.ingest.article_parser import InvalidLine, ParseOptions, parse_line
from tests.unit.evaluation.invented_stream import WordEncoder

SAMPLE = Path(services.local.__file__).parent / "sample" / "articles.jsonl"
STEPS = [GRANULARITY_MIN, 0.5, 1.0, 2.0, GRANULARITY_MAX]


LETTERS_MIN = 6


class LongWordEncoder(WordEncoder):
    """An encoder that leaves out short words, which occur in all sentences."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors, shape (texts, dimension)."""
        return super().encode(
            [" ".join(word for word in text.split() if len(word) >= LETTERS_MIN) or text for text in texts]
        )


def articles(lines: Sequence[bytes]) -> list[Article]:
    found = []
    for line in lines:
        try:
            article = parse_line(line, ParseOptions(sources={})).event
        except InvalidLine:
            continue
        if isinstance(article, Article) and article.published_at is not None:
            found.append(article)
    return found


@pytest.fixture(scope="module")
def sample() -> list[ArticleVector]:
    """Return the sample stream, with vectors of its words."""
    found = {article.id: article for article in articles(SAMPLE.read_bytes().splitlines())}
    labelled = [
        LabelledArticle(article, article.published_at, None) for article in found.values() if article.published_at
    ]
    events = vectorize(Stream("sample", tuple(labelled)), LongWordEncoder())
    return [event for event in events if event is not None]


def test_a_finer_granularity_gives_more_stories(sample: list[ArticleVector]) -> None:
    counts = [len(set(replay(sample, Parameters().at_granularity(step)).final.values())) for step in STEPS]
    print(counts)
    assert all(broader < finer for broader, finer in pairwise(counts))


def test_granularity_one_changes_nothing_and_the_setting_is_applied() -> None:
    assert Parameters().at_granularity(1.0) == Parameters() == parameters_of(Settings())
    assert parameters_of(Settings(granularity=2.0)) == Parameters().at_granularity(2.0)


@pytest.mark.parametrize("step", STEPS)
def test_a_restart_at_another_granularity_continues_the_published_stories(
    sample: list[ArticleVector], step: float
) -> None:
    half = len(sample) // 2
    engine = new_engine(sample[0], Parameters())
    for event in sample[:half]:
        engine.apply(event)
    edition = engine.edition
    stories = [decode_story(encode(story)) for story in map(engine.story, edition.stories) if story is not None]
    members = [member for story in edition.stories.values() for member in story.members.values()]
    parameters = Parameters().at_granularity(step)
    restored = restore_edition(
        checkpoint_of(edition), stories, members, calibration=edition.calibration, parameters=parameters
    )
    assert [Engine(restored).story(story.id) for story in stories] == stories
    assert restored.articles == edition.articles

    again = Engine(restored)
    versions = {story.id: story.version for story in stories}
    for event in sample[half:]:
        for update in again.apply(event).updates:
            assert update.version == versions.get(update.story_id, 0) + 1
            versions[update.story_id] = update.version
    assert again.edition.next_sequence == len(sample)
