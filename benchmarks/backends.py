"""Compare encoder backends by text length, and the embedder's step with its bare encoder.

    python -m benchmarks.backends ARTICLES.jsonl[.gz] [--articles 16] [--rounds 5]

Compares the backends that this machine can run and that `newsloom model export` has prepared. They take turns, so that
other work on the machine slows all of them. Speeds are texts per second of CPU time of this process, which waiting for a core
does not change; ratios are to torch. Prints tables in Markdown.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.encode import read_articles
from newsloom.contracts.article import Article
from newsloom.contracts.codec import encode
from newsloom.settings import Settings, load_settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.records import Record
from services.embedder.backends import BACKENDS, load_encoder
from services.embedder.encoder import Encoder
from services.embedder.preparation import prepare
from services.embedder.step import EmbedderStep, encode_texts

LENGTHS: Final = {"title": 0, "title + 40 words": 40, "title + 120 words": 120}
NOW_MS: Final = 1_938_000_000_000


def load_encoders(settings: Settings) -> dict[str, Encoder]:
    """Load each backend that can run here, torch first."""
    found = {}
    for name in sorted(BACKENDS, key=lambda name: name != "torch"):
        with suppress(ConfigurationError):
            found[name] = load_encoder(settings.model, name, settings.model_cache)
    return found


def take_turns(tasks: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the CPU seconds of each task in all rounds, after one round that does not count."""
    seconds = dict.fromkeys(tasks, 0.0)
    for number in range(rounds + 1):
        for name, task in tasks.items():
            started = time.process_time()
            task()
            if number:
                seconds[name] += time.process_time() - started
    return seconds


def shortened(article: Article, words: int) -> str:
    """Return the passage with only the first words of the text."""
    text = prepare(Article(id="-", title=article.title, text=" ".join(article.text.split()[:words])))
    return text.passage


def print_by_length(encoders: Mapping[str, Encoder], articles: Sequence[Article], rounds: int) -> None:
    """Print the speed of each backend for each length."""
    print("| texts | backend | texts/s of CPU | to torch |")
    print("|---|---|---:|---:|")
    for length, words in LENGTHS.items():
        texts = [passage for passage in (shortened(article, words) for article in articles) if passage]
        tasks: dict[str, Callable[[], object]] = {name: partial(one.encode, texts) for name, one in encoders.items()}
        seconds = take_turns(tasks, rounds)
        for name, taken in seconds.items():
            print(
                f"| {length} | {name} | {rounds * len(texts) / taken:.1f} | {seconds['torch'] / taken:.2f} |",
                flush=True,
            )


def print_step(encoders: Mapping[str, Encoder], articles: Sequence[Article], rounds: int) -> None:
    """Print the speed of the embedder's step, without its cache, and of the encoder alone on the same texts."""
    records = [Record("articles", 0, offset, NOW_MS, None, encode(article)) for offset, article in enumerate(articles)]
    texts = [prepare(article) for article in articles]
    print("\n| backend | step, articles/s of CPU | encoder alone | share |")
    print("|---|---:|---:|---:|")
    for name, encoder in encoders.items():
        step = EmbedderStep(Settings(topic_prefix=""), encoder)
        tasks: dict[str, Callable[[], object]] = {
            "step": partial(step.process, records),
            "bare": partial(encode_texts, encoder, texts),
        }
        seconds = take_turns(tasks, rounds)
        speeds = {task: rounds * len(articles) / taken for task, taken in seconds.items()}
        share = seconds["bare"] / seconds["step"]
        print(f"| {name} | {speeds['step']:.1f} | {speeds['bare']:.1f} | {share:.0%} |", flush=True)


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles_file", type=Path)
    parser.add_argument("--articles", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    articles = read_articles(arguments.articles_file, arguments.articles)
    encoders = load_encoders(load_settings(os.environ))
    print(f"{len(articles)} articles, {arguments.rounds} rounds, load {os.getloadavg()[0]:.0f}\n")
    print_by_length(encoders, articles, arguments.rounds)
    print_step(encoders, articles, arguments.rounds)


if __name__ == "__main__":
    main()
