"""An article of the greatest length: a page that a crawler took for one text."""

from __future__ import annotations

import time

from benchmarks.core import START
from newsloom.contracts.article import TEXT_CHARACTERS_MAX, Article
from newsloom.contracts.codec import encode
from newsloom.contracts.topics import ARTICLES
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.records import Record
from services.embedder.step import EmbedderStep
from tests.simulation.encoder import WordEncoder


def longest_article() -> Article:
    """Return an article whose text has the greatest length, of words that differ."""
    text = " ".join(f"word{number}" for number in range(TEXT_CHARACTERS_MAX // 5))[:TEXT_CHARACTERS_MAX]
    return Article(id="a0", title="A page that never ends", text=text, published_at=START)


def prepare(article: Article) -> tuple[int, float]:
    """Let the embedder process the article, without the network; return the bytes of the vector's record and the CPU seconds."""
    settings = Settings(log="sqlite://", model=WordEncoder.model)
    at_ms = int(START.timestamp() * 1_000) + 1
    record = Record(topic_name(settings, ARTICLES), 0, 0, at_ms, article.id.encode(), encode(article), ())
    step, begun_s = EmbedderStep(settings, WordEncoder()), time.process_time()
    (message,) = step.process([record]).messages
    return message.size_bytes, time.process_time() - begun_s


def long_article() -> str:
    """Return a line with what the longest article costs the embedder."""
    size, cpu_s = prepare(longest_article())
    return (
        f"An article of {TEXT_CHARACTERS_MAX:,} characters: {1_000 * cpu_s:,.0f} ms of CPU time in the embedder without the "
        f"network, a vector's record of {size / 1_000:.1f} KB."
    )
