"""A steady stream of articles, and the clock of a consumer outside the cluster."""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from itertools import pairwise
from typing import Final, Self

import msgspec

from newsloom.contracts.article import Article
from newsloom.contracts.codec import decode_update
from newsloom.contracts.topics import ARTICLES, STORY_UPDATES
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.errors import LogError
from newsloom.streaming.log import Log, Progress, Reader
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message, Record
from newsloom.streaming.scan import topic_partitions
from services.ingest.article_parser import InvalidLine, ParseOptions, parse_line
from services.ingest.messages import article_message

GOAL_S: Final = 5.0
RECORD_BYTES_MAX: Final = 1_000_000
POLL_MS: Final = 50
EDITIONS: Final = 4
"""More than partitions, so that each clusterer has some."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long articles waited for their update, in seconds, by the consumer's clock."""

    waits_s: tuple[float, ...]
    longest_gap_s: float
    """The longest time in which no update arrived, while articles were written."""

    @property
    def longest_s(self) -> float:
        """The longest wait of an article."""
        return max(self.waits_s, default=math.inf)

    @property
    def share_in_time(self) -> float:
        """The share of articles whose update came within the goal."""
        return sum(wait <= GOAL_S for wait in self.waits_s) / max(1, len(self.waits_s))

    def quantile(self, share: float) -> float:
        """Return the wait that this share of the articles does not exceed."""
        return sorted(self.waits_s)[min(len(self.waits_s) - 1, int(share * len(self.waits_s)))]

    def __str__(self) -> str:
        """Return the figures in one line."""
        return (
            f"{len(self.waits_s):,} articles: longest wait {self.longest_s:.1f} s, "
            f"median {statistics.median(self.waits_s):.2f} s, p99 {self.quantile(0.99):.1f} s, "
            f"{self.share_in_time:.1%} within {GOAL_S:g} s, longest gap {self.longest_gap_s:.1f} s"
        )


class Stream:
    """Writes articles at a steady rate and reads the updates, in two threads, while entered.

    The articles are those of the sample, under a new id in each round, so that each of them is new to the services.
    """

    def __init__(self, url: str, name: str, *, per_s: float) -> None:
        self._url = url
        self._name = name
        self._interval_s = 1 / per_s
        self._stop_writing, self._stop_reading, self._is_reading = (threading.Event() for _ in range(3))
        self._lock = threading.Lock()
        self._arrivals: dict[str, tuple[float, float]] = {}
        """By article: the time of the first update that it caused, and how long it waited for it."""
        self._threads = [threading.Thread(target=self._write), threading.Thread(target=self._read)]
        self.written = 0

    def __enter__(self) -> Self:
        for thread in reversed(self._threads):
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.finish_writing()
        self._stop_reading.set()
        for thread in self._threads:
            thread.join()

    def finish_writing(self) -> None:
        """End the writing; updates are still read."""
        self._stop_writing.set()
        self._threads[0].join()

    @property
    def is_complete(self) -> bool:
        """Whether each article written has caused an update."""
        with self._lock:
            return len(self._arrivals) >= self.written

    def waits(self, *, since: float = 0.0) -> Waits:
        """Return the waits of the articles whose update arrived after this time of the epoch."""
        with self._lock:
            arrivals = sorted(pair for pair in self._arrivals.values() if pair[0] >= since)
        times = [at for at, _ in arrivals]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        return Waits(tuple(wait for _, wait in arrivals), max(gaps, default=math.inf))

    def _write(self) -> None:
        self._is_reading.wait()
        articles = sample()
        with closing(open_log_url(self._url)) as log, closing(log.writer(self._name)) as writer:
            begun = time.monotonic()
            while not self._stop_writing.wait(max(0.0, begun + self.written * self._interval_s - time.monotonic())):
                writer.write([self._message(articles)], Progress(self.written + 1))
                self.written += 1

    def _message(self, articles: Sequence[Article]) -> Message:
        number, index = divmod(self.written, len(articles))
        article = msgspec.structs.replace(
            articles[index],
            id=f"{self._name}-{number}-{articles[index].id}",
            published_at=None,
            edition=f"pods-{index % EDITIONS}",
        )
        topic = topic_name(Settings(), ARTICLES)
        return article_message(article, topic=topic, record_bytes_max=RECORD_BYTES_MAX, now=datetime.now(UTC))

    def _read(self) -> None:
        with closing(open_log_url(self._url)) as log, closing(_open_reader(log)) as reader:
            self._is_reading.set()
            while not self._stop_reading.is_set():
                try:
                    records = reader.poll(max_records=1_000, timeout_ms=POLL_MS)
                except LogError:
                    # A test has ended the broker. The reader goes on where it was.
                    continue
                self._note(records)

    def _note(self, records: Sequence[Record]) -> None:
        now = time.time()
        for record in records:
            update = decode_update(record.value or b"")
            if update.article is not None and update.article.id.startswith(self._name):
                with self._lock:
                    self._arrivals.setdefault(update.article.id, (now, now - record.timestamp_ms / 1000))


def _open_reader(log: Log) -> Reader:
    return log.reader(topic_partitions(log, topic_name(Settings(), STORY_UPDATES)), start="latest")


def sample() -> list[Article]:
    """Return the articles of the demo's sample, each once."""
    articles: dict[str, Article] = {}
    for line in files("services.local").joinpath("sample/articles.jsonl").read_bytes().splitlines():
        # One line is invalid, and some repeat, correct or retract an article.
        with suppress(InvalidLine):
            event = parse_line(line, ParseOptions()).event
            if isinstance(event, Article):
                articles.setdefault(event.id, event)
    return list(articles.values())
