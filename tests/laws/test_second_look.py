"""What holds for every second look, among whatever else comes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from hypothesis import given, settings

from newsloom.contracts.membership import Decision, Membership, MergeDecision
from services.clusterer.core.changes import StoryChanges
from services.clusterer.core.engine import Engine
from services.clusterer.core.story import LiveStory
from tests.laws.command_streams import Input, apply_event, commanded_streams
from tests.laws.test_engine import PARAMETERS, fresh_engine


class Alone(NamedTuple):
    """A report that no other article tells, as it stood before an event."""

    report: Membership
    is_pinned: bool
    kept_apart: tuple[str, ...]


def alone(engine: Engine) -> dict[str, Alone]:
    """The open stories of one report, by id."""
    return {story.id: _alone(story) for story in engine.edition.open_stories() if story.report_count == 1}


def _alone(story: LiveStory) -> Alone:
    return Alone(story.reports()[0], story.pinned is not None, story.kept_apart)


def looks_due(watermark: datetime, report: Membership) -> int:
    """How many looks a report that is alone has had by then."""
    return sum(watermark >= report.published_at + PARAMETERS.second_look * 2**number for number in range(4))


def bar_for_one_report(look: Decision) -> float:
    """The bar as it is for an article that comes: not lower, and not raised by the size of a story that has none."""
    assert look.background_mean is not None
    assert look.background_std is not None
    of_background = PARAMETERS.bar_mean * look.background_mean + PARAMETERS.bar_std * look.background_std
    return PARAMETERS.bar_base + of_background


def moved_by_a_look(
    changes: StoryChanges, homes: Mapping[str, str]
) -> Iterator[tuple[str, str, MergeDecision, Decision]]:
    """Of each article that a second look has moved: the story it was in by `homes`, that it is in now, and what was decided."""
    for article_id, member in changes.memberships:
        merge = member.merge if member is not None else None
        if member is None or merge is None or merge.second_look is None or merge.from_story_id == member.story_id:
            continue
        if homes.get(article_id) == merge.from_story_id:
            yield merge.from_story_id, member.story_id, merge, merge.second_look


@given(commanded_streams)
@settings(max_examples=200)
def test_it_brings_a_report_that_is_alone_and_old_enough_to_others_that_it_fits(events: list[Input]) -> None:
    engine = fresh_engine()
    for event in events:
        before, watermark, homes = alone(engine), engine.edition.watermark, dict(engine.edition.articles)
        changes = apply_event(engine, event)
        grown: set[str] = set()
        for from_id, into_id, merge, look in moved_by_a_look(changes, homes):
            fitted = look.candidates[0]
            assert (merge.affinity, merge.bar) == (fitted.score, look.bar)
            assert look.bar is not None
            assert fitted.score >= look.bar
            (lone,) = {from_id, into_id} - {fitted.story_id}
            report, is_pinned, kept_apart = before[lone]
            if fitted.story_id in before and fitted.story_id not in grown:
                assert look.bar == bar_for_one_report(look)
            grown.add(into_id)
            # It has come of age for another look: the first, the second...
            assert looks_due(engine.edition.watermark, report) > looks_due(watermark, report)
            assert report.placed_by is None
            assert not is_pinned
            assert fitted.story_id not in kept_apart
