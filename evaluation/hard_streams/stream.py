"""A generated hard stream: a seed's scenes as articles with labels, in order of arrival."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from random import Random
from typing import Final, NamedTuple

import msgspec

from evaluation.hard_streams.arrival import DEFAULT_RATES, ArrivalRates, arrive
from evaluation.hard_streams.language import LANGUAGES
from evaluation.hard_streams.scenes import DAY, Author, Kind, Scene, SceneWriter, scene_writers
from evaluation.streams.stream import LabelledArticle, Stream
from newsloom.contracts.article import Article

START: Final = datetime(2025, 3, 3, tzinfo=UTC)
DAYS: Final = 28
ARTICLES: Final = 1_500
SHARES: Final = {
    Kind.LOOK_ALIKES: 0.28,
    Kind.TEMPLATES: 0.18,
    Kind.RECURRING: 0.22,
    Kind.WALLS: 0.1,
    Kind.WIRE: 0.09,
    Kind.FLASHES: 0.09,
    Kind.SILENCE: 0.04,
}
"""The share of each kind in the articles."""
PREFIX: Final = "hard-"
"""The name of a hard stream begins with this, then comes its seed."""


class HardStreamRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to generate: about `articles` articles of all kinds, or those of them that are of one `kind`."""

    seed: int
    kind: Kind | None = None
    articles: int = ARTICLES
    arrival: ArrivalRates = DEFAULT_RATES

    @property
    def name(self) -> str:
        """Return the name of the stream, such as `hard-1` or `hard-1-templates`."""
        return f"{PREFIX}{self.seed}" + (f"-{self.kind.value}" if self.kind else "")


class HardLabel(NamedTuple):
    """What is known of an article: its event, and the id of the article that it is a true copy of, if any."""

    kind: Kind
    language: str
    event: str
    original: str | None


@dataclass(frozen=True, slots=True)
class LabelledScene:
    """The articles of a scene by publication time, with their labels."""

    articles: tuple[LabelledArticle, ...]
    labels: dict[str, HardLabel]


@dataclass(frozen=True, slots=True)
class HardStream:
    """A stream, and the labels of its hard articles by article id."""

    stream: Stream
    labels: dict[str, HardLabel]


def generate_hard_stream(request: HardStreamRequest) -> HardStream:
    """Generate the stream of a seed. The same request gives the same stream."""
    scenes = list(generate_scenes(request))
    articles = sorted(chain.from_iterable(scene.articles for scene in scenes), key=lambda one: one.published_at)
    random = Random(f"{request.seed}/arrival")  # noqa: S311 - no secret
    arrived = tuple(arrive(articles, request.arrival, random))
    return HardStream(Stream(request.name, arrived), merged_labels(scenes))


def generate_scenes(request: HardStreamRequest) -> Iterator[LabelledScene]:
    """Yield scenes of each kind until its share of the articles is reached.

    All kinds are written, also if one is requested: they share the invented names, so that few names are in two events.
    """
    random = Random(request.seed)  # noqa: S311 - no secret
    authors = {code: Author(code, random) for code in LANGUAGES}
    for kind, share in SHARES.items():
        written, number = 0, 0
        while written < share * request.articles:
            for code, write in _turns(kind, authors, random):
                scene = write(authors[code], START + random.randrange(DAYS) * DAY)
                labelled = _labelled(scene, kind, code, f"{request.seed}-{kind.name.lower()}-{number}")
                written, number = written + len(labelled.articles), number + 1
                if request.kind in {None, kind}:
                    yield labelled
                if written >= share * request.articles:
                    break


def merged_labels(scenes: Iterable[LabelledScene]) -> dict[str, HardLabel]:
    """Return the labels of all scenes."""
    return {article: label for scene in scenes for article, label in scene.labels.items()}


def moved_scene(scene: LabelledScene, *, days: int) -> LabelledScene:
    """Return the scene so many days later."""
    moved = tuple(
        replace(
            one,
            published_at=one.published_at + days * DAY,
            article=msgspec.structs.replace(one.article, published_at=one.published_at + days * DAY),
        )
        for one in scene.articles
    )
    return replace(scene, articles=moved)


def _turns(kind: Kind, authors: dict[str, Author], random: Random) -> Sequence[tuple[str, SceneWriter]]:
    """Return who writes next: each language as often as its weight, in a random order."""
    turns = [
        (code, write)
        for code, weight in LANGUAGES.items()
        for write in scene_writers(kind, authors[code].language)
        for _ in range(1 if kind is Kind.RECURRING else weight)
    ]
    random.shuffle(turns)
    return turns


def _labelled(scene: Scene, kind: Kind, language: str, name: str) -> LabelledScene:
    articles, labels = [], {}
    for event_number, event in enumerate(scene):
        ids = [f"{name}-{event_number}-{number}" for number in range(len(event))]
        for article_id, draft in zip(ids, event, strict=True):
            article = Article(
                id=article_id,
                title=draft.report.title,
                text=draft.report.text,
                published_at=draft.at,
                outlet=draft.outlet,
                language=language,
            )
            event_id = f"{name}-{event_number}"
            original = None if draft.original is None else ids[draft.original]
            articles.append(LabelledArticle(article, draft.at, event_id))
            labels[article_id] = HardLabel(kind, language, event_id, original)
    return LabelledScene(tuple(sorted(articles, key=lambda one: one.published_at)), labels)
