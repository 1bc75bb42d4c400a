"""Count in how many articles each word occurs: `python -m evaluation.document_frequencies --output FILE SET...`.

The table holds hashes of stems and counts, no text. The shipped one, for the digests of English stories, leaves out the stream by
which the Overview is measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click
import numpy as np

from evaluation.cli.options import default_data_folder
from evaluation.cli.program import run_program
from evaluation.streams.files import read_streams
from newsloom.contracts.article import Article
from services.digest.core.frequencies import DocumentFrequencies, content_words, word_hash
from services.digest.document_frequencies import ENGLISH, save_frequencies

COUNT_MIN: Final = 2
"""A word of one article tells nothing that a word of none does not."""
SETS: Final = ("basil", "ecbplus", "groundnews2025", "wikinews_events")


@click.command(name="evaluation.document_frequencies")
@click.argument("sets", metavar="[SET...]", nargs=-1)
@click.option("--data", metavar="DIR", type=click.Path(path_type=Path), help="Folder of the streams.")
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), default=ENGLISH, help="The table's file.")
def command(*, sets: tuple[str, ...], data: Path | None, output: Path) -> None:
    """Write the document frequencies of the English articles of some streams."""
    streams = read_streams(data or default_data_folder(), sets or SETS)
    articles = (one.article for stream in streams if not stream.name.endswith("-undated") for one in stream.articles)
    frequencies = count_documents(article for article in articles if article.language in {"en", None})
    save_frequencies(output, frequencies)
    print(f"{frequencies.documents} articles, {len(frequencies.hashes)} words, {output.stat().st_size} bytes")


def count_documents(articles: Iterable[Article]) -> DocumentFrequencies:
    """Return in how many of the articles each stem occurs, those of `COUNT_MIN` or more."""
    counts: Counter[int] = Counter()
    documents = 0
    for article in articles:
        documents += 1
        counts.update({word_hash(stem) for stem in content_words(f"{article.title}\n{article.text}")})
    kept = sorted((word, count) for word, count in counts.items() if count >= COUNT_MIN)
    hashes, numbers = zip(*kept, strict=True) if kept else ((), ())
    return DocumentFrequencies(documents, np.array(hashes, dtype=np.uint32), np.array(numbers, dtype=np.uint32))


if __name__ == "__main__":
    run_program(command)
