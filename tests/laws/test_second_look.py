"""Laws of second looks, in streams of other events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hypothesis import given, settings

from newsloom.contracts.membership import Decision, Membership, MergeDecision
from services.clusterer.core.changes import StoryChanges
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.story import LiveStory
from tests.laws.command_streams import StreamItem, apply_event, streams_with_commands
from tests.laws.test_engine import PARAMETERS, fresh_engine


class LoneReport(NamedTuple):
    """The only report of a story, before an event."""

    report: Membership
    is_pinned: bool
    kept_apart: tuple[str, ...]
    looks: int
    """How many second looks it has had, by its age and by the number of later articles."""


def lone_reports(engine: Engine) -> dict[str, LoneReport]:
    """Return the report of each open story that has only one, by story id."""
    edition = engine.edition
    return {story.id: _lone_report(story, edition) for story in edition.open_stories() if story.report_count == 1}


def _lone_report(story: LiveStory, edition: EditionState) -> LoneReport:
    report = story.reports()[0]
    return LoneReport(report, story.pinned is not None, story.kept_apart, looks_due(edition, report))


def looks_due(edition: EditionState, report: Membership) -> int:
    """Return how many second looks a lone report has had, if it was late."""
    ages = (PARAMETERS.second_look * 2**number for number in range(4))
    numbers = (PARAMETERS.late_second_look * 2**number for number in range(8))
    passed = [edition.watermark >= report.published_at + age for age in ages]
    return sum(passed + [edition.next_sequence >= report.sequence + number for number in numbers])


def bar_for_one_report(look: Decision) -> float:
    """Return the bar between two stories of one report: not lowered, and not raised by the size of a story."""
    assert look.background_mean is not None
    assert look.background_std is not None
    # Added in the core's order: another order may differ in the last bit.
    of_mean = PARAMETERS.bar_base + PARAMETERS.bar_mean * look.background_mean
    return of_mean + PARAMETERS.bar_std * look.background_std


def merged_by_second_look(
    changes: StoryChanges, story_ids: Mapping[str, str]
) -> Iterator[tuple[str, str, MergeDecision, Decision]]:
    """Yield, for each article that a second look has moved: its story in `story_ids`, its present story, and the decisions."""
    for article_id, member in changes.memberships:
        merge = member.merge if member is not None else None
        if member is None or merge is None or merge.second_look is None or merge.from_story_id == member.story_id:
            continue
        if story_ids.get(article_id) == merge.from_story_id:
            yield merge.from_story_id, member.story_id, merge, merge.second_look


@given(streams_with_commands)
@settings(max_examples=200)
def test_a_second_look_merges_a_lone_report_that_is_due_into_a_story_that_it_fits(events: list[StreamItem]) -> None:
    engine = fresh_engine()
    for event in events:
        before, story_ids = lone_reports(engine), dict(engine.edition.articles)
        changes = apply_event(engine, event)
        # The article of the event may have joined a story before the look.
        grown = {update.story_id for update in changes.updates if update.article is not None}
        for from_id, into_id, merge, look in merged_by_second_look(changes, story_ids):
            fitted = look.candidates[0]
            assert (merge.affinity, merge.bar) == (fitted.score, look.bar)
            assert look.bar is not None
            assert fitted.score >= look.bar
            (lone,) = {from_id, into_id} - {fitted.story_id}
            report, is_pinned, kept_apart, looks = before[lone]
            if fitted.story_id in before and fitted.story_id not in grown:
                assert look.bar == bar_for_one_report(look)
            grown.add(into_id)
            # Its age or the number of later articles has passed another deadline: the first, the second...
            assert looks_due(engine.edition, report) > looks
            assert report.placed_by is None
            assert not is_pinned
            assert fitted.story_id not in kept_apart
