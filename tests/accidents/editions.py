"""A producer puts a new edition into every article, such as an id of its own."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from benchmarks.core import stream
from newsloom.contracts.vector import ArticleRetraction, ArticleVector


def one_article_editions(count: int) -> Iterator[ArticleVector]:
    """Yield an article for each edition."""
    (article,) = stream(1, window=1)
    for number in range(count):
        yield msgspec.structs.replace(article, edition=f"edition-{number}")


def retractions(count: int) -> Iterator[ArticleRetraction]:
    """Yield the retraction of each of these articles."""
    for article in one_article_editions(count):
        yield ArticleRetraction(article_id=article.article_id, edition=article.edition)
