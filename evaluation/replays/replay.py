"""Replay of a stream through the real core, which records how each article's story changes.

An article may change its story only by a published merge, split or move. `Replay.silent` counts changes without such an update;
it must be 0.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Final

import msgspec

from newsloom.contracts.story import StoryUpdate, UpdateKind
from newsloom.contracts.vector import ArticleVector
from newsloom.settings import load_settings
from services.clusterer.calibration_files import load_calibration
from services.clusterer.core.calibration import Calibration, zero_calibration
from services.clusterer.core.changes import StoryChanges
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.fixed_point import HALF_BYTES
from services.clusterer.core.parameters import Parameters

_STATUS: Final = Path("/proc/self/status")
_RESET_PEAK: Final = Path("/proc/self/clear_refs")
_RESET_PEAK_CODE: Final = "5"
_PEAK_KB: Final = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
_CURRENT_KB: Final = re.compile(r"^VmRSS:\s+(\d+) kB", re.MULTILINE)


@dataclass(slots=True)
class Replay:
    """The story of each article by article id: `first` as first published, `final` at the end of the replay.

    `copies` has the articles that are copies at the end, with the report that each is a copy of.
    `moved` counts moved articles by the kind of the update that announced it. `seconds` is the time spent in `Engine.apply`.
    `peak_memory_mb` is the memory beyond what the process used before; None if the operating system does not report it.
    """

    first: dict[str, str] = field(default_factory=dict)
    final: dict[str, str] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)
    moved: dict[UpdateKind, int] = field(
        default_factory=lambda: dict.fromkeys((UpdateKind.MERGED, UpdateKind.SPLIT, UpdateKind.MOVED), 0)
    )
    silent: int = 0
    seconds: float = 0.0
    peak_memory_mb: float | None = None


def replay(events: Sequence[ArticleVector], parameters: Parameters) -> Replay:
    """Apply the events to a new engine in their order."""
    engine = new_engine(events[0], parameters)
    outcome = Replay()
    before_kb = _memory_before()
    for event in events:
        started = perf_counter()
        changes = engine.apply(event)
        outcome.seconds += perf_counter() - started
        record_changes(outcome, changes)
    outcome.peak_memory_mb = _memory_since(before_kb)
    # Count changes without a membership, too. Articles of forgotten stories keep their last recorded story.
    outcome.silent += sum(outcome.final.get(article) != story for article, story in engine.edition.articles.items())
    outcome.final.update(engine.edition.articles)
    return outcome


def new_engine(event: ArticleVector, parameters: Parameters) -> Engine:
    """Return an engine for the edition and the model of this event."""
    return Engine(EditionState(event.edition, calibration_for(event), parameters))


def calibration_for(event: ArticleVector) -> Calibration:
    """Return the calibration that NEWSLOOM_CALIBRATION names, or the shipped one of the event's model, or one of zeros."""
    configured = load_calibration(msgspec.structs.replace(load_settings(os.environ), model=event.model))
    return configured or zero_calibration(event.model, len(event.lead_vector) // HALF_BYTES)


def record_changes(outcome: Replay, changes: StoryChanges) -> None:
    """Record the story of each article that the changes assign or move."""
    for article, member in changes.memberships:
        if member is None:
            continue
        before = outcome.final.get(article)
        outcome.final[article] = member.story_id
        if member.copy_of is not None:
            outcome.copies[article] = member.copy_of
        else:
            outcome.copies.pop(article, None)
        if before is None:
            outcome.first[article] = member.story_id
        elif before != member.story_id:
            kind = announced_kind(changes.updates, article, before, member.story_id)
            if kind is None:
                outcome.silent += 1
            else:
                outcome.moved[kind] += 1


def announced_kind(updates: Sequence[StoryUpdate], article: str, before: str, after: str) -> UpdateKind | None:
    """Return the kind of the update that announces this article's move to subscribers; None if there is none."""
    for update in updates:
        if update.kind is UpdateKind.MERGED and update.story_id == before and update.merged_into == after:
            return UpdateKind.MERGED
        # Later updates carry `split_into` as well; only the kind SPLIT announces a new split and its articles.
        is_split = update.kind is UpdateKind.SPLIT and update.story_id == before and update.split_into[-1:] == (after,)
        if is_split and article in update.article_ids:
            return UpdateKind.SPLIT
        is_named = update.article is not None and update.article.id == article
        if update.kind is UpdateKind.MOVED and update.story_id == before and is_named:
            return UpdateKind.MOVED
    return None


def _memory_before() -> int | None:
    try:
        _RESET_PEAK.write_text(_RESET_PEAK_CODE)
    except OSError:
        return None
    return _kilobytes(_CURRENT_KB)


def _memory_since(before_kb: int | None) -> float | None:
    peak_kb = _kilobytes(_PEAK_KB)
    return (peak_kb - before_kb) / 1024 if peak_kb is not None and before_kb is not None else None


def _kilobytes(pattern: re.Pattern[str]) -> int | None:
    try:
        found = pattern.search(_STATUS.read_text())
    except OSError:
        return None
    return int(found[1]) if found else None
