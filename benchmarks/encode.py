"""Compare ways of batching texts: their speed, and whether a batch gives the same vectors as single texts.

    python -m benchmarks.encode ARTICLES.jsonl[.gz] [--articles 2000] [--headlines] [--threads N] [--way WORDS]

Articles need `title` and `text`. Each way encodes the texts in random batches and then one by one. The vectors are compared bit
by bit, as float32 and after rounding to float16. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from newsloom.contracts.article import Article
from services.embedder.batching import ForwardPass, plan_passes
from services.embedder.model_files import DEFAULT_MODEL, find_model
from services.embedder.preparation import prepare
from services.embedder.sentence_encoder import SentenceEncoder, open_encoder

Vectors = NDArray[np.float32]
Planner = Callable[[Sequence[int]], list[ForwardPass]]

BATCH_MAX = 400
ROWS = 32


def padded_to_longest(lengths: Sequence[int]) -> list[ForwardPass]:
    """Plan the usual way: sort by length, `ROWS` texts per pass, padded to the longest text of the pass."""
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    batches = [order[start : start + ROWS] for start in range(0, len(order), ROWS)]
    return [ForwardPass(tuple(batch), len(batch), lengths[batch[0]]) for batch in batches]


def equal_lengths(lengths: Sequence[int]) -> list[ForwardPass]:
    """Plan passes of up to `ROWS` texts of the same length, without padding."""
    groups: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        groups.setdefault(length, []).append(index)
    batches = [group[start : start + ROWS] for group in groups.values() for start in range(0, len(group), ROWS)]
    return [ForwardPass(tuple(batch), len(batch), lengths[batch[0]]) for batch in batches]


def single(lengths: Sequence[int]) -> list[ForwardPass]:
    """Plan a pass for each text, without padding."""
    return [ForwardPass((index,), 1, length) for index, length in enumerate(lengths)]


WAYS: dict[str, tuple[Planner, bool]] = {
    # name: planner, and whether the threads split each pass; otherwise each thread runs passes of its own
    "longest of 32, threads split a pass": (padded_to_longest, True),
    "equal lengths, threads split a pass": (equal_lengths, True),
    "single, threads split a pass": (single, True),
    "equal lengths, a thread a pass": (equal_lengths, False),
    "single, a thread a pass": (single, False),
    "fixed shapes of 256 tokens, a thread a pass (newsloom)": (plan_passes, False),
}


class PlannedEncoder:
    """The encoder's own forward pass under any plan."""

    def __init__(self, encoder: SentenceEncoder, texts: Sequence[str], threads: int) -> None:
        self._encoder = encoder
        self._tokens = encoder.tokenize(texts)
        self._threads = threads

    def run(self, planner: Planner, *, split: bool, sizes_max: int) -> tuple[Vectors, float]:
        """Encode all texts in batches of 1 to `sizes_max`; return their vectors and the texts per second."""
        workers = 1 if split else self._threads
        vectors = np.zeros((len(self._tokens), self._encoder.dimension), dtype=np.float32)
        initargs = (self._threads if split else 1,)
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=initargs) as pool:
            started = time.perf_counter()
            for batch in self._batches(sizes_max):
                tokens = [self._tokens[index] for index in batch]
                passes = planner([len(ids) for ids in tokens])
                results = pool.map(lambda one, tokens=tokens: self._encoder.run_pass(one, tokens), passes)
                for one, rows in zip(passes, results, strict=True):
                    vectors[[batch[index] for index in one.text_indexes]] = rows
            return vectors, len(self._tokens) / (time.perf_counter() - started)

    def _batches(self, sizes_max: int) -> Iterator[list[int]]:
        generator = random.Random(sizes_max)  # noqa: S311 - not a secret
        order = list(range(len(self._tokens)))
        generator.shuffle(order)
        while order:
            size = generator.randint(1, sizes_max)
            yield order[:size]
            del order[:size]


def read_articles(file: Path, count: int) -> list[Article]:
    """Return a sample of the file's articles."""
    data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    rows = [json.loads(line) for line in data.splitlines()]
    rows = random.Random(0).sample(rows, min(count, len(rows)))  # noqa: S311 - not a secret
    return [Article(id=str(number), title=row["title"], text=row["text"]) for number, row in enumerate(rows)]


def read_texts(file: Path, count: int, *, headlines: bool) -> list[str]:
    """Return the passages of a sample of the file's articles."""
    articles = read_articles(file, count)
    if headlines:
        articles = [Article(id=one.id, title=one.title, text="") for one in articles]
    return [passage for passage in (prepare(article).passage for article in articles) if passage]


def rows_equal(a: Vectors, b: Vectors, dtype: str) -> float:
    """Return the share of rows that are bit-equal after rounding to this type."""
    return float((a.astype(dtype) == b.astype(dtype)).all(axis=1).mean())


def main() -> None:
    """Measure each way and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles_file", type=Path)
    parser.add_argument("--articles", type=int, default=2_000)
    parser.add_argument("--headlines", action="store_true", help="titles only")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--way", default="", help="only the ways with these words in their name")
    arguments = parser.parse_args()
    texts = read_texts(arguments.articles_file, arguments.articles, headlines=arguments.headlines)
    planned = PlannedEncoder(open_encoder(find_model(DEFAULT_MODEL)), texts, arguments.threads)
    print(f"{len(texts)} {'headlines' if arguments.headlines else 'texts'}, {arguments.threads} threads\n")
    print("| way | texts/s | one by one, texts/s | float32 equal | float16 equal |")
    print("|---|---:|---:|---:|---:|")
    for name, (planner, split) in WAYS.items():
        if arguments.way not in name:
            continue
        batched, speed = planned.run(planner, split=split, sizes_max=BATCH_MAX)
        alone, speed_alone = planned.run(planner, split=split, sizes_max=1)
        equal = f"{rows_equal(batched, alone, '<f4'):.2%} | {rows_equal(batched, alone, '<f2'):.2%}"
        print(f"| {name} | {speed:.1f} | {speed_alone:.1f} | {equal} |", flush=True)


if __name__ == "__main__":
    main()
