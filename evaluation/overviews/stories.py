"""Labelled stories with a round-up by an editor, which is the reference for an Overview."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from evaluation.streams.files import read_lines
from evaluation.streams.stream import LabelledArticle, Stream
from newsloom.streaming.errors import ConfigurationError
from services.digest.core.story import DigestStory, Report
from services.embedder.sentences import usable_sentences

ARTICLE_WORDS_MIN: Final = 100
"""Shorter texts are excerpts."""
REPORTS_MIN: Final = 3
ROUNDUP_WORDS_MIN: Final = 20
"""A shorter round-up cannot be compared with a text of fifty words."""


@dataclass(frozen=True, slots=True)
class ReferenceStory:
    """The articles of a story with a full text, in the order of their ids, the same as a digest reads them, and the round-up."""

    articles: tuple[LabelledArticle, ...]
    digest: DigestStory
    roundup: str

    @property
    def is_for_choice(self) -> bool:
        """Return whether parameters may be chosen by this story: half of them, by a hash of the name."""
        return zlib.crc32(self.digest.story_id.encode()) % 2 == 0


class _Row(msgspec.Struct):
    story: str
    roundup: str


_ROW: Final = msgspec.json.Decoder(_Row)


def read_roundups(path: Path) -> dict[str, str]:
    """Read the round-ups by story; raises ConfigurationError, with the line's number, for a line that is none."""
    roundups = {}
    for number, line in enumerate(read_lines(path), start=1):
        try:
            row = _ROW.decode(line)
        except msgspec.DecodeError as error:
            raise ConfigurationError(f"--roundups {path}, line {number}: {error}") from error
        roundups[row.story] = row.roundup
    return roundups


def reference_stories(stream: Stream, roundups: dict[str, str]) -> Iterator[ReferenceStory]:
    """Yield the stories of at least `REPORTS_MIN` full texts whose round-up has `ROUNDUP_WORDS_MIN` words, by name."""
    by_story: defaultdict[str, list[LabelledArticle]] = defaultdict(list)
    for one in stream.articles:
        if one.story is not None and len(one.article.text.split()) >= ARTICLE_WORDS_MIN:
            by_story[one.story].append(one)
    for story, articles in sorted(by_story.items()):
        roundup = roundups.get(story, "")
        if len(articles) >= REPORTS_MIN and len(roundup.split()) >= ROUNDUP_WORDS_MIN:
            articles.sort(key=lambda one: one.article.id)
            yield ReferenceStory(tuple(articles), digest_story(story, articles), roundup)


def digest_story(story: str, articles: list[LabelledArticle]) -> DigestStory:
    """Return a story as the digest reads it, with the embedder's sentences."""
    return DigestStory(story_id=story, title=articles[0].article.title, reports=tuple(map(_report, articles)))


def _report(labelled: LabelledArticle) -> Report:
    article = labelled.article
    usable = usable_sentences(article.text, article.language, outlet=article.outlet)
    return Report(
        article_id=article.id,
        title=article.title,
        published_at=labelled.published_at,
        outlet=article.outlet,
        leaning=article.leaning,
        url=article.url,
        sentences=usable.sentences,
    )
