"""Second looks: compare stories of a single report again once later articles show where they belong."""

from __future__ import annotations

from newsloom.contracts.membership import MergeDecision, Verdict
from services.clusterer.core.edition import EditionState
from services.clusterer.core.features import length_correction
from services.clusterer.core.gate import keeps_apart
from services.clusterer.core.ranking import Bar, StoryScore, build_decision, joining_bar, rank_stories
from services.clusterer.core.separation import may_merge
from services.clusterer.core.story import LiveStory


def run_second_looks(edition: EditionState) -> None:
    """Compare each open story of one report that is due with the other stories, and merge it where it fits now.

    Stories are taken in the order their articles arrived. The bar is lower for joining a story of several reports, which has
    been confirmed since; between two stories of one report it is the usual one, so that they merge only if their background
    has changed. A story that stays alone is due again once its article is twice as old.
    """
    due: dict[str, LiveStory] = {}
    while (by_time := edition.schedule.second_look.pop_due(edition.watermark)) is not None:
        due[by_time[1]] = edition.stories[by_time[1]]
    while (by_number := edition.schedule.late_look.pop_due(edition.next_sequence)) is not None:
        due[by_number[1]] = edition.stories[by_number[1]]
    for story in sorted(due.values(), key=lambda story: story.first_report().sequence):
        # An earlier one of these may have been merged with this one, in either direction.
        if story.is_open and story.report_count == 1:
            _second_look(story, edition)


def _second_look(story: LiveStory, edition: EditionState) -> None:
    report, parameters, space = story.first_report(), edition.parameters, edition.indexes.space
    edition.schedule_second_look(story)
    if report.placed_by is not None:
        return
    vector, at = space.vectors(story.slot), int(space.firsts[story.slot])
    ranked = rank_stories(vector, at, length_correction(report.words, parameters), space, parameters)
    scores = [score for score in ranked if score.slot != story.slot]
    for rank, score in enumerate(scores):
        other = edition.stories[score.story_id]
        looked = parameters if other.report_count == 1 else parameters.at_second_look()
        bar = joining_bar(scores, space, looked, rank=rank)
        if score.value < bar.value:
            return
        if not keeps_apart(story, other, edition):
            _merge_if_allowed(story, other, scores, bar, edition)
            return


def _merge_if_allowed(
    story: LiveStory, other: LiveStory, scores: list[StoryScore], bar: Bar, edition: EditionState
) -> None:
    if may_merge(story, other, edition.stories):
        space = edition.indexes.space
        survivor, absorbed = sorted((story, other), key=LiveStory.seniority)
        decision = build_decision(Verdict.JOINED, scores, bar, space.vectors(story.slot), space)
        merge = MergeDecision(
            from_story_id=absorbed.id, affinity=scores[bar.rank].value, bar=bar.value, second_look=decision
        )
        edition.merge_stories(survivor, absorbed, merge)
