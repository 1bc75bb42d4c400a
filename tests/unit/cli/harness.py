"""Write stories, updates and dead letters to a SQLite log, and run commands on it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from newsloom.contracts.article import Leaning
from newsloom.contracts.codec import encode
from newsloom.contracts.story import ArticleRef, Cause, HistoryEntry, Story, StoryState, StoryUpdate, UpdateKind
from newsloom.log_names import topic_specs
from newsloom.settings import Settings
from newsloom.streaming.dead_letters import build_dead_letter
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message, Record
from newsloom.streaming.step import Rejection
from services.cli.__main__ import newsloom as cli

AN_HOUR_AGO_MS = time.time_ns() // 1_000_000 - 3_600_000
NINE = datetime(2025, 4, 18, 9, 12, tzinfo=UTC)
HOSTILE = "Peace [red]talks[/red]\x1b]0;owned\x07 \u202egnp.exe\n:smile:"
HOSTILE_SHOWN = r"Peace [red]talks[/red]\x1b]0;owned\x07 \u202egnp.exe :smile:"


class CliHarness:
    """A log in a file, and the command line on it."""

    def __init__(self, folder: Path, *, partitions: int = 1, state_partitions: int = 1) -> None:
        self.settings = Settings(
            log=f"sqlite:///{folder / 'news.db'}", partitions=partitions, state_partitions=state_partitions
        )
        with closing(self.open()) as log:
            log.admin().create(topic_specs(self.settings))

    def open(self) -> Log:
        return open_log_url(self.settings.log)

    def write(self, messages: Sequence[Message]) -> None:
        with closing(self.open()) as log:
            write(log, messages)

    def run(self, *arguments: str) -> Result:
        environment = {"NEWSLOOM_LOG": self.settings.log, "NEWSLOOM_TOPIC_PREFIX": None}
        return CliRunner(env=environment).invoke(cli, arguments)


def write(log: Log, messages: Sequence[Message]) -> None:
    writer = log.writer("test")
    before = writer.progress()
    writer.write(messages, Progress((before.position if before else 0) + 1))
    writer.close()


def story(story_id: str, count: int = 13, **changed: Any) -> Story:
    fields: dict[str, Any] = {
        "id": story_id,
        "edition": "main",
        "state": StoryState.OPEN,
        "title": f"Title of {story_id}",
        "title_article_id": "a-1",
        "version": count,
        "article_count": count,
        "report_count": count - 1,
        "outlet_count": 2,
        "outlets": {"Morning Wire": count - 1, "Evening Post": 1},
        "leanings": {"left": 3, "center": 7, "right": 2},
        "first_published_at": NINE,
        "last_published_at": NINE + timedelta(hours=2),
        "updated_at": NINE + timedelta(hours=count),
        "history": tuple(
            HistoryEntry(
                version=number, at=NINE + timedelta(hours=number), article_count=number, title="Talks in Paris"
            )
            for number in (11, count)
        ),
        "articles": (
            ArticleRef(id="a-2", title="Talks again", published_at=NINE, outlet="Evening Post", copy_of="a-1"),
            ArticleRef(id="a-1", title="Talks", published_at=NINE, outlet="Morning Wire", leaning=Leaning.LEFT),
        ),
    }
    return Story(**(fields | changed))


def story_message(value: Story | None, *, story_id: str = "", partition: int = 0) -> Message:
    key = (value.id if value else story_id).encode()
    return Message("news.stories", key, encode(value) if value else None, partition=partition)


def update(story_id: str, version: int, **changed: Any) -> StoryUpdate:
    fields: dict[str, Any] = {
        "story_id": story_id,
        "edition": "main",
        "version": version,
        "kind": UpdateKind.UPDATED if version > 1 else UpdateKind.CREATED,
        "cause": Cause.ARTICLE,
        "at": NINE + timedelta(minutes=version),
        "state": StoryState.OPEN,
        "title": f"Title of {story_id}",
        "article_count": version,
        "article_count_before": version - 1,
        "report_count": version,
        "outlet_count": 1,
        "outlets": {"Morning Wire": version},
        "leanings": {"left": version},
    }
    return StoryUpdate(**(fields | changed))


def update_message(value: StoryUpdate) -> Message:
    return Message("news.story-updates", value.story_id.encode(), encode(value))


def letter_message(
    value: bytes | None,
    reason: str,
    *,
    topic: str = "news.articles",
    offset: int = 5,
    partition: int = 0,
    key: bytes | None = b"k",
    headers: tuple[tuple[str, bytes], ...] = (),
    timestamp_ms: int = AN_HOUR_AGO_MS,
) -> Message:
    record = Record(topic, 0, offset, timestamp_ms, key, value, headers)
    letter = build_dead_letter(Rejection(record, reason), topic="news.dead-letters", service="embedder")
    return Message(letter.topic, letter.key, letter.value, letter.headers, partition=partition)
