"""A wrong clock that was confirmed breaks no invariant and is told, and the edition comes back from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import msgspec
import pytest

from newsloom.contracts.vector import ArticleVector
from newsloom.settings import Settings
from newsloom.streaming.sqlite import open_sqlite
from services.clusterer.core.clock import MOMENTS, QUORUM, UNDATED_RUN
from services.clusterer.core.space import timestamp, unix_ms
from services.verifier.findings import Findings
from services.verifier.verification import verify_topics
from tests.conformance.harness import ManualClock
from tests.laws.streams import START, article
from tests.unit.verifier.service_loops import ServiceLoops

DAY_MS = 86_400_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(unix_ms(START + timedelta(days=3)))


@pytest.fixture
def loops(clock: ManualClock) -> Iterator[ServiceLoops]:
    with closing(open_sqlite("sqlite://", clock=clock)) as log:
        # Longer than the step of the clock, so that the verifier has the first updates to compare with.
        yield ServiceLoops(log, Settings(log="sqlite://", model="test", retention_days=30))


def set_clock(loops: ServiceLoops, clock: ManualClock, days: int) -> None:
    clock.advance(days * DAY_MS)
    loops.log.admin().confirm_clock()


def feed(loops: ServiceLoops, *articles: ArticleVector) -> Findings:
    loops.feed(articles)
    loops.drain("clusterer")
    return verify_topics(loops.log, loops.settings).findings


def undated(number: int, clock: ManualClock) -> ArticleVector:
    return msgspec.structs.replace(
        article(number, subject=6), published_at=timestamp(clock.now_ms), dated=False, digest=f"undated {number}"
    )


@pytest.mark.parametrize("days", [20, 60])
def test_an_edition_comes_back_from_a_clock_that_was_ahead(loops: ServiceLoops, clock: ManualClock, days: int) -> None:
    feed(loops, *(article(number, subject=number // 3, hour=number * 8) for number in range(9)))
    set_clock(loops, clock, days)
    wrong = feed(loops, *(undated(number, clock) for number in range(20, 20 + UNDATED_RUN + QUORUM)))
    assert list(wrong.violation_lines()) == []
    set_clock(loops, clock, -days)

    behind = feed(loops, *(article(number, subject=5, hour=72) for number in range(50, 49 + MOMENTS)))
    assert list(behind.violation_lines()) == []
    assert len(behind.warnings) == 1
    assert f"{days} days ahead of its latest article" in behind.warnings[0]

    repaired = feed(loops, article(90, subject=5, hour=72))
    assert list(repaired.violation_lines()) == []
    assert repaired.warnings == []
    after = feed(loops, *(article(number, subject=4, hour=72) for number in range(100, 105)))
    assert list(after.violation_lines()) == []
