"""What came after a lone article may show where it belongs: stories of one report are compared once more, in time."""

from __future__ import annotations

from newsloom.contracts.membership import MergeDecision, Verdict
from services.clusterer.core.edition import Edition
from services.clusterer.core.features import length_correction
from services.clusterer.core.ranking import build_decision, joining_bar, rank_stories
from services.clusterer.core.separation import may_merge
from services.clusterer.core.story import LiveStory


def run_second_looks(edition: Edition) -> None:
    """Compare each open story of a single report that is due with the others; where it fits now, the two become one.

    In the order of the articles' arrival. A story of several reports has been shown to be one since, so the bar for it is
    lower; two that are both alone have to clear the same bar as ever, and do if their background has changed. A story that
    stays alone is due again once its article is twice as old.
    """
    due = []
    while (taken := edition.looking.take(edition.watermark)) is not None:
        due.append(edition.stories[taken[1]])
    for story in sorted(due, key=lambda story: story.reports()[0].sequence):
        # An earlier one of these may have become part of it, or it of that.
        if story.is_open and story.report_count == 1:
            _look(story, edition)


def _look(story: LiveStory, edition: Edition) -> None:
    report, parameters, space = story.reports()[0], edition.parameters, edition.space
    edition.set_looking(story)
    if report.placed_by is not None:
        return
    vector, at = space.sums[story.slot], int(space.firsts[story.slot])
    found = rank_stories(vector, at, length_correction(report.words, parameters), space, parameters)
    scores = [score for score in found if score.slot != story.slot]
    if not scores:
        return
    other = edition.stories[scores[0].story_id]
    bar = joining_bar(scores, space, parameters if other.report_count == 1 else parameters.at_second_look())
    if scores[0].value >= bar.value and may_merge(story, other, edition.stories):
        survivor, absorbed = sorted((story, other), key=LiveStory.seniority)
        decision = build_decision(Verdict.JOINED, scores, bar, vector, space)
        merge = MergeDecision(from_story_id=absorbed.id, affinity=scores[0].value, bar=bar.value, second_look=decision)
        edition.absorb(survivor, absorbed, merge)
