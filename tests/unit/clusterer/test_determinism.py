"""The same input gives the same events, in batches of any size and with restarts between them."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from random import Random

import pytest

from newsloom.contracts.codec import encode
from newsloom.contracts.topics import ARTICLE_STORIES, ARTICLE_VECTORS, STORIES, STORY_UPDATES
from newsloom.contracts.vector import ArticleRetraction, ArticleVector
from newsloom.log_names import topic_name, topic_specs
from newsloom.settings import Settings
from newsloom.streaming.records import Message
from newsloom.streaming.scan import read_topic
from newsloom.streaming.sqlite import open_sqlite
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.space import unix_ms
from services.clusterer.step import ClustererStep
from tests.conformance.clients import Member, put
from tests.laws.streams import EDITION, START, article

EVENTS = 300
SETTINGS = Settings(log="sqlite://", model="test", partitions=1)
PARTITION = 0
ARRIVED_MS = unix_ms(START + timedelta(days=40))

Written = tuple[list[object], dict[bytes | None, bytes | None], dict[bytes | None, bytes | None]]
"""All records of `story-updates`, and the latest value of each key of `stories` and `article-stories`."""


def events(seed: int) -> list[ArticleVector | ArticleRetraction]:
    """Build a month of articles on several subjects, with copies, duplicates, corrections, late articles and retractions."""
    random = Random(seed)  # noqa: S311 - no secret
    found: list[ArticleVector | ArticleRetraction] = []
    for number in range(EVENTS):
        if random.random() < 0.05:
            found.append(ArticleRetraction(article_id=f"a{random.randrange(number + 1)}", edition=EDITION))
            continue
        again = random.random() < 0.1
        found.append(
            article(
                random.randrange(number + 1) if again else number,
                subject=random.randrange(6),
                wobble=random.randrange(7),
                hour=number * 24 * 30 / EVENTS - (random.random() < 0.1) * random.randrange(300),
                text=random.randrange(9) if random.random() < 0.2 else None,
                revision=random.randrange(3) if again else 0,
            )
        )
    return found


def written(seed: int, *, batch: int, restart_every: int | None = None) -> Written:
    """Return what a clusterer writes for a stream in batches of `batch` records, restarted every `restart_every` batches."""
    with closing(open_sqlite(SETTINGS.log, clock=lambda: ARRIVED_MS)) as log:
        log.admin().create(topic_specs(SETTINGS))
        source = topic_name(SETTINGS, ARTICLE_VECTORS)
        put(log, [Message(source, EDITION.encode(), encode(event), partition=PARTITION) for event in events(seed)])
        member = Member(log, "clusterer", [source])
        step = ClustererStep(SETTINGS, log, None, Parameters())
        step.restore(PARTITION)
        processed, batches = 0, 0
        while processed < EVENTS:
            polled = member.batch(batch)
            outcome = step.process(polled.records)
            assert not outcome.rejected
            member.worker.commit(polled, outcome.messages)
            processed, batches = processed + len(polled.records), batches + 1
            if restart_every is not None and batches % restart_every == 0:
                step = ClustererStep(SETTINGS, log, None, Parameters())
                step.restore(PARTITION)
        updates = [
            (record.key, record.value, record.headers)
            for record in read_topic(log, topic_name(SETTINGS, STORY_UPDATES))
        ]
        stories, memberships = (
            {record.key: record.value for record in read_topic(log, topic_name(SETTINGS, topic))}
            for topic in (STORIES, ARTICLE_STORIES)
        )
        return list(updates), stories, memberships


@pytest.mark.parametrize("seed", [1, 2])
def test_batches_of_any_size_give_the_same_events(seed: int) -> None:
    one_by_one = written(seed, batch=1)
    assert len(one_by_one[0]) > EVENTS / 2
    # The stream must contain merges by second looks.
    assert any(b'"second_look"' in (value or b"") for value in one_by_one[2].values())
    assert written(seed, batch=7) == one_by_one
    assert written(seed, batch=500) == one_by_one


@pytest.mark.parametrize(("batch", "restart_every"), [(1, 13), (7, 1), (50, 2)])
def test_restarts_between_batches_change_nothing(batch: int, restart_every: int) -> None:
    assert written(3, batch=batch, restart_every=restart_every) == written(3, batch=500)
