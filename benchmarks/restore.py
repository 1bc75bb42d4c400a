"""Measure how long a clusterer takes to restore a partition, by the number of articles in its window.

    python -m benchmarks.restore --articles 10000 30000 100000 [--log kafka://localhost:9092] [--repeats 3] [--profile]

The state is invented (the articles of benchmarks/core.py in random stories) and written to a log. The restore is that of a
starting clusterer: read, decode, and rebuild every sum and index. All stories are open; closed ones cost less. CPU is that of
this process, without the broker's. Load is the machine's over the last minute: on a busy machine the time means little.
"""

from __future__ import annotations

import argparse
import cProfile
import logging
import multiprocessing
import os
import pstats
import resource
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from functools import partial

# The clusterer sets it as well.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import structlog

from benchmarks.core import DIMENSION, STORY_MEAN, describe_run, stream
from newsloom.contracts.codec import encode
from newsloom.contracts.membership import (
    Candidate,
    Checkpoint,
    Decision,
    Membership,
    Verdict,
    checkpoint_key,
    membership_key,
)
from newsloom.contracts.topics import ARTICLE_STORIES, STORIES
from newsloom.contracts.vector import ArticleVector
from newsloom.log_names import topic_name, topic_specs
from newsloom.settings import Settings
from newsloom.streaming.batching import batches
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message
from services.clusterer.core.calibration import zero_calibration
from services.clusterer.core.copy_groups import CopyGroups
from services.clusterer.core.features import decode_features
from services.clusterer.core.fixed_point import encode_int16
from services.clusterer.core.frequencies import DocumentFrequencies
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.publication import story_snapshot
from services.clusterer.core.story import NO_SLOT, LiveStory
from services.clusterer.step import ClustererStep

RECENT = 2_000
"""An article joins one of about this many latest stories."""
CANDIDATE = Candidate(
    story_id="st-aaaaaaaaaaaaaaaa", score=0.1, centroid=0.1, mean=0.1, title=0.1, lead=0.1, terms=0.1, time=0.1
)
DECISION = Decision(
    verdict=Verdict.JOINED,
    bar=0.3,
    background_mean=0.1,
    background_std=0.1,
    background_count=10,
    candidates=(CANDIDATE,) * 5,
)


def state_records(articles: int, settings: Settings) -> Iterator[Message]:
    """Yield the state records of an edition with so many articles in its window: memberships, stories, checkpoint."""
    random = np.random.default_rng(7)
    frequencies = DocumentFrequencies(idf_floor=Parameters().idf_floor)
    stories: list[LiveStory] = []
    topic = topic_name(settings, ARTICLE_STORIES)
    for number, event in enumerate(stream(articles, window=articles)):
        if not stories or random.random() < 1 / STORY_MEAN:
            at = event.published_at
            stories.append(LiveStory(f"st-{number}", NO_SLOT, at, at, at, at, title=event.title))
            stories[-1].title_article_id = event.article_id
        story = stories[max(0, len(stories) - 1 - int(random.exponential(RECENT)))]
        member = _member(event, story.id, number, frequencies)
        story.add(member)
        story.version += 1
        yield Message(topic, membership_key("main", member.article_id), encode(member), partition=0)
    for story in stories:
        value = encode(story_snapshot(story, "main", CopyGroups()))
        yield Message(topic_name(settings, STORIES), story.id.encode(), value, partition=0)
    checkpoint = Checkpoint(
        edition="main",
        watermark=event.published_at,
        next_sequence=articles,
        model=settings.model,
        dimension=DIMENSION,
    )
    yield Message(topic, checkpoint_key("main"), encode(checkpoint), partition=0)


def _member(event: ArticleVector, story_id: str, number: int, frequencies: DocumentFrequencies) -> Membership:
    features = decode_features(event, DIMENSION).weighted(frequencies)
    frequencies.add(features.terms)
    return Membership(
        article_id=event.article_id,
        edition="main",
        story_id=story_id,
        sequence=number,
        title=event.title,
        published_at=event.published_at,
        digest=event.digest,
        words=event.words,
        shingles=event.shingles,
        title_vector=encode_int16(features.title),
        lead_vector=encode_int16(features.lead),
        terms=event.terms,
        term_weights=encode_int16(features.term_weights),
        decision=DECISION,
        outlet=event.outlet,
    )


def write(log: Log, articles: int, settings: Settings) -> None:
    """Write the state to the log."""
    log.admin().create(topic_specs(settings))
    with closing(log.writer(f"{settings.topic_prefix}restore")) as writer:
        for batch in batches(state_records(articles, settings), lambda message: message.size_bytes):
            writer.write(batch, Progress(0))


def measure(url: str, articles: int, *, repeats: int, profile: bool) -> None:
    """Write a state of this size under a topic prefix of its own, restore it `repeats` times, and print the time of each."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    settings = Settings(log=url, topic_prefix=f"restore-{uuid.uuid4().hex[:8]}.", model="random")
    with closing(open_log_url(url)) as log:
        write(log, articles, settings)
        step = ClustererStep(settings, log, zero_calibration("random", DIMENSION), Parameters())
        profiler = cProfile.Profile()
        for _ in range(repeats):
            if profile:
                profiler.enable()
            started, started_cpu = time.perf_counter(), time.process_time()
            step.restore(0)
            seconds, cpu_s = time.perf_counter() - started, time.process_time() - started_cpu
            profiler.disable()
            step.forget(0)
            memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"| {articles:,} | {seconds:.1f} s | {cpu_s:.1f} s | {1_000_000 * cpu_s / articles:.0f} us "
                f"| {memory_mb:,.0f} MB | {os.getloadavg()[0]:.1f} |",
                flush=True,
            )
    if profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


def main() -> None:
    """Measure each size in a process of its own, so that the peak memory is that of the size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, nargs="+", default=[10_000, 30_000, 100_000])
    parser.add_argument("--log", help="URL of the log. [a temporary SQLite file]")
    parser.add_argument(
        "--repeats", type=int, default=1, help="Restores per size: the fastest is the least disturbed one."
    )
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    print(describe_run())
    print(
        "\n| articles | time | CPU | CPU per article | peak memory | load |\n|---:|---:|---:|---:|---:|---:|",
        flush=True,
    )
    for articles in arguments.articles:
        with tempfile.TemporaryDirectory() as folder:
            url = arguments.log or f"sqlite:///{folder}/news.db"
            task = partial(measure, url, articles, repeats=arguments.repeats, profile=arguments.profile)
            process = multiprocessing.get_context("spawn").Process(target=task)
            process.start()
            process.join()


if __name__ == "__main__":
    main()
