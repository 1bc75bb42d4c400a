"""A stream through the real core, article by article, and what became of each article's story on the way.

An article's story may change only through a published merge, split or move: `Replay.silent` counts the changes that no update
announced, and must be 0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Final

from newsloom.contracts.story import StoryUpdate, UpdateKind
from newsloom.contracts.vector import ArticleVector
from newsloom.settings import Settings
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
_NOW_KB: Final = re.compile(r"^VmRSS:\s+(\d+) kB", re.MULTILINE)


@dataclass(slots=True)
class Replay:
    """What became of each article: the story it was first published in, and the one it is in at the end, by article id.

    `moved` counts articles by the kind of update that moved them; `peak_memory_mb` is what the replay took over what the
    process held before, None where the system does not tell.
    """

    first: dict[str, str] = field(default_factory=dict)
    final: dict[str, str] = field(default_factory=dict)
    moved: dict[UpdateKind, int] = field(
        default_factory=lambda: dict.fromkeys((UpdateKind.MERGED, UpdateKind.SPLIT, UpdateKind.MOVED), 0)
    )
    silent: int = 0
    seconds: float = 0.0
    peak_memory_mb: float | None = None


def replay(events: Sequence[ArticleVector], parameters: Parameters) -> Replay:
    """The events through a new engine, in their order. `seconds` is the core's own time: `Engine.apply` and nothing else."""
    engine = new_engine(events[0], parameters)
    outcome = Replay()
    before_kb = _memory_before()
    for event in events:
        begun = perf_counter()
        changes = engine.apply(event)
        outcome.seconds += perf_counter() - begun
        note(outcome, changes)
    outcome.peak_memory_mb = _memory_since(before_kb)
    # A place that changed without even a membership; places of forgotten stories are known from before.
    outcome.silent += sum(outcome.final.get(article) != story for article, story in engine.edition.articles.items())
    outcome.final.update(engine.edition.articles)
    return outcome


def new_engine(event: ArticleVector, parameters: Parameters) -> Engine:
    """An engine for the edition and the model of this event."""
    return Engine(EditionState(event.edition, calibration_for(event), parameters))


def calibration_for(event: ArticleVector) -> Calibration:
    """The calibration newsloom ships for the event's model, or one that says nothing."""
    shipped = load_calibration(Settings(model=event.model))
    return shipped or zero_calibration(event.model, len(event.lead_vector) // HALF_BYTES)


def note(outcome: Replay, changes: StoryChanges) -> None:
    """Follow every article that a change places or moves."""
    for article, member in changes.memberships:
        if member is None:
            continue
        before = outcome.final.get(article)
        outcome.final[article] = member.story_id
        if before is None:
            outcome.first[article] = member.story_id
        elif before != member.story_id:
            kind = announced(changes.updates, article, before, member.story_id)
            if kind is None:
                outcome.silent += 1
            else:
                outcome.moved[kind] += 1


def announced(updates: Sequence[StoryUpdate], article: str, before: str, after: str) -> UpdateKind | None:
    """The kind of the update that tells a subscriber why this article is in another story now; None if there is none."""
    for update in updates:
        if update.kind is UpdateKind.MERGED and update.story_id == before and update.merged_into == after:
            return UpdateKind.MERGED
        # Every later update repeats `split_into`; only this one says that it happens now, and to whom.
        is_split = update.kind is UpdateKind.SPLIT and update.story_id == before and update.split_into[-1:] == (after,)
        if is_split and article in update.article_ids:
            return UpdateKind.SPLIT
        named = update.article is not None and update.article.id == article
        if update.kind is UpdateKind.MOVED and update.story_id == before and named:
            return UpdateKind.MOVED
    return None


def _memory_before() -> int | None:
    try:
        _RESET_PEAK.write_text(_RESET_PEAK_CODE)
    except OSError:
        return None
    return _kilobytes(_NOW_KB)


def _memory_since(before_kb: int | None) -> float | None:
    peak_kb = _kilobytes(_PEAK_KB)
    return (peak_kb - before_kb) / 1024 if peak_kb is not None and before_kb is not None else None


def _kilobytes(which: re.Pattern[str]) -> int | None:
    try:
        found = which.search(_STATUS.read_text())
    except OSError:
        return None
    return int(found[1]) if found else None
