"""The input of a simulation: articles of a few subjects in several editions, an operator's commands, and invalid records.

Articles are new, copied, redelivered, corrected, retracted, late or undated; commands name existing stories; some records are not
valid articles, commands or vectors.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from newsloom.contracts.article import Article, Leaning
from newsloom.contracts.codec import encode
from newsloom.contracts.command import MergeStories, MoveArticle, PinStory, SplitStory, StoryCommand, UnpinStory
from newsloom.contracts.membership import Membership
from newsloom.contracts.pipeline import EDITION_HEADER
from newsloom.contracts.story import Story, StoryState
from newsloom.contracts.topics import ARTICLE_VECTORS, ARTICLES, STORY_COMMANDS
from newsloom.settings import Settings
from newsloom.streaming.records import Message

START: Final = datetime(2025, 4, 16, tzinfo=UTC)
SUBJECTS: Final = 3
SUBJECT_WORDS: Final = 14
OWN_WORDS: Final = 60
KINDS: Final = {
    "new": 40,
    "copy": 7,
    "redelivery": 10,
    "correction": 10,
    "another subject": 4,
    "retraction": 6,
    "late": 4,
    "undated": 2,
    "invalid record": 7,
    "invalid vector": 2,
    "command": 14,
}
"""Relative frequency of each kind of input."""
CLOCK_ERRORS: Final = (
    timedelta(days=400),
    timedelta(days=20),
    timedelta(days=6),
    timedelta(hours=1),
    timedelta(hours=-1),
)


@dataclass
class EditionArticles:
    """The latest version of each article of an edition, and its subject."""

    latest: dict[str, Article] = field(default_factory=dict)
    subjects: dict[str, int] = field(default_factory=dict)
    written: int = 0


@dataclass
class Traffic:
    """Makes inputs, one after another. `stories` and `members` return the current ones, as an operator would see them."""

    settings: Settings
    editions: Sequence[str]
    rng: random.Random
    stories: Callable[[], Sequence[Story]]
    members: Callable[[], Sequence[Membership]]
    counts: Counter[str] = field(default_factory=Counter)
    _editions: dict[str, EditionArticles] = field(default_factory=dict)
    _now: datetime = START
    _commands: int = 0
    _clock_error: timedelta = timedelta()

    def step_clock(self) -> None:
        """Make the clock of the producer wrong, or right again if it is wrong."""
        self._clock_error = self.rng.choice(CLOCK_ERRORS) if not self._clock_error else timedelta()

    def next(self) -> Message:
        """Return the next record to write. Event time advances by hours, sometimes far enough for stories to close."""
        quiet = self.rng.random() < 0.03
        self._now += timedelta(hours=self.rng.expovariate(0.8) if not quiet else 24 * 9)
        kind = self.rng.choices(list(KINDS), list(KINDS.values()))[0]
        edition = self.rng.choice(self.editions)
        articles = self._editions.setdefault(edition, EditionArticles())
        if not articles.latest and kind not in {"invalid record", "invalid vector"}:
            kind = "new"
        message = self._make(kind, edition, articles)
        self.counts[kind] += 1
        return message

    def _make(self, kind: str, edition: str, articles: EditionArticles) -> Message:
        match kind:
            case "retraction":
                return self._retraction(edition, articles)
            case "invalid record":
                return self._invalid(edition)
            case "invalid vector":
                return self._message(ARTICLE_VECTORS.name, edition.encode(), b"{ no vector", ())
            case "command":
                return self._command(edition)
            case _:
                return self._article_message(self._article_of(kind, edition, articles))

    def _article_of(self, kind: str, edition: str, articles: EditionArticles) -> Article:
        if kind == "redelivery":
            return self._earlier(articles)
        if kind in {"correction", "another subject"}:
            return self._correction(kind, articles)
        return self._new(kind, edition, articles)

    def _earlier(self, articles: EditionArticles) -> Article:
        return articles.latest[self.rng.choice(list(articles.latest))]

    def _new(self, kind: str, edition: str, articles: EditionArticles) -> Article:
        articles.written += 1
        article_id = f"{edition}-{articles.written}"
        subject = self.rng.randrange(SUBJECTS)
        text = self._text(subject)
        if kind == "copy":
            copied = self._earlier(articles)
            subject, text = articles.subjects[copied.id], copied.text
        date: datetime | None = self._now - timedelta(hours=self.rng.expovariate(0.5))
        if kind == "late":
            date = self._now - timedelta(days=self.rng.expovariate(0.1))
        elif kind == "undated":
            date = self.rng.choice([None, self._now + timedelta(days=400)])
        return self._remember(articles, subject, Article(
            id=article_id, title=self._title(subject), text=text, published_at=date, edition=edition,
            outlet=self.rng.choice([None, "The Post", "The Times", "The Wire"]),
            leaning=self.rng.choice([None, *Leaning]),
        ))  # fmt: skip

    def _correction(self, kind: str, articles: EditionArticles) -> Article:
        article = self._earlier(articles)
        subject = articles.subjects[article.id]
        if kind == "another subject":
            subject = (subject + 1) % SUBJECTS
        corrected = msgspec.structs.replace(article, title=self._title(subject), text=self._text(subject))
        return self._remember(articles, subject, corrected)

    def _remember(self, articles: EditionArticles, subject: int, article: Article) -> Article:
        articles.latest[article.id] = article
        articles.subjects[article.id] = subject
        return article

    def _retraction(self, edition: str, articles: EditionArticles) -> Message:
        article_id = self.rng.choice([*articles.latest, "unknown"])
        # The article stays in the choice: it may be written again later, as a new one.
        return self._message(ARTICLES.name, article_id.encode(), None, ((EDITION_HEADER, edition.encode()),))

    def _invalid(self, edition: str) -> Message:
        key, value = self.rng.choice(
            [
                (b"k", b"{ this is no article"),
                (b"k", b"\xff\xfe"),
                (b"k", b'{"id": "k", "title": "t"}'),
                (b"k", b'{"id": "k", "title": "", "text": ""}'),
                (b"other", b'{"id": "k", "title": "t", "text": "under another key"}'),
                (b"", None),
            ]
        )
        topic = ARTICLES.name
        if self.rng.random() < 0.3:
            topic, key, value = STORY_COMMANDS.name, edition.encode(), b'{"kind": "burn"}'
        return self._message(topic, key, value, (("from", b"nobody"), ("from", b"\xff")))

    def _article_message(self, article: Article) -> Message:
        return self._message(ARTICLES.name, article.id.encode(), encode(article), ())

    def _message(self, topic: str, key: bytes, value: bytes | None, headers: tuple[tuple[str, bytes], ...]) -> Message:
        at = int((self._now + self._clock_error).timestamp() * 1000)
        return Message(self.settings.topic_prefix + topic, key, value, headers, timestamp_ms=at)

    # --- texts

    def _title(self, subject: int) -> str:
        return " ".join(self._words(subject, 4, own=1)).capitalize()

    def _text(self, subject: int) -> str:
        return " ".join(self._words(subject, self.rng.randint(8, 12), own=self.rng.randint(0, 8))) + "."

    def _words(self, subject: int, count: int, *, own: int) -> list[str]:
        words = [f"s{subject}w{index}" for index in self.rng.sample(range(SUBJECT_WORDS), count)]
        words += [f"w{self.rng.randrange(OWN_WORDS)}" for _ in range(own)]
        self.rng.shuffle(words)
        return words

    # --- commands

    def _command(self, edition: str) -> Message:
        self._commands += 1
        command = self._random_command(edition)
        return self._message(STORY_COMMANDS.name, edition.encode(), encode(command), ())

    def _random_command(self, edition: str) -> StoryCommand:
        stories = [story for story in self.stories() if story.edition == edition]
        open_stories = [story for story in stories if story.state is StoryState.OPEN]
        common: dict[str, Any] = {
            "command_id": f"c-{self._commands}", "edition": edition, "by": "Jane", "why": "I say so", "issued_at": self._now,
        }  # fmt: skip
        if len(open_stories) < 2 or self.rng.random() < 0.1:
            story_id = self.rng.choice([*(story.id for story in stories), "st-unknown"])
            return PinStory(story_id=story_id, **common)
        one, other = self.rng.sample(open_stories, 2)
        members = [member.article_id for member in self.members() if member.story_id == one.id]
        match self.rng.randrange(5):
            case 0:
                return MergeStories(story_id=one.id, other_story_id=other.id, **common)
            case 1:
                largest = max(open_stories, key=lambda story: (story.article_count, story.id))
                inside = [member.article_id for member in self.members() if member.story_id == largest.id]
                leaving = tuple(self.rng.sample(inside, max(1, len(inside) // 3)))
                return SplitStory(story_id=largest.id, article_ids=leaving, **common)
            case 2:
                return MoveArticle(article_id=self.rng.choice(members), story_id=other.id, **common)
            case 3:
                return PinStory(story_id=one.id, **common)
            case _:
                return UnpinStory(story_id=one.id, **common)
