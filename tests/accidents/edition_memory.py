"""The memory of a clusterer with thousands of editions, each phase in a process of its own."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterable

import structlog

from benchmarks.editions import resident_bytes
from newsloom.contracts.vector import VectorEvent
from newsloom.settings import Settings
from newsloom.streaming.sqlite import open_sqlite
from tests.accidents.clusterer_run import MODEL, ClustererRun
from tests.accidents.editions import one_article_editions, retractions


def fill(url: str, editions: int) -> int:
    """Publish an article in each edition; return the resident bytes."""
    return _resident_after(url, one_article_editions(editions))


def restart(url: str, editions: int) -> int:
    """Restore the editions, and publish one article again; return the resident bytes."""
    return _resident_after(url, one_article_editions(min(editions, 1)))


def empty(url: str, editions: int) -> int:
    """Retract all articles; return the resident bytes."""
    return _resident_after(url, retractions(editions))


def _resident_after(url: str, events: Iterable[VectorEvent]) -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    log = open_sqlite(url)
    run = ClustererRun(log, Settings(log="sqlite://", model=MODEL), lambda: 0)
    run.send(events)
    gc.collect()
    resident = resident_bytes()
    log.close()
    return resident
