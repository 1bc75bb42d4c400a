"""A story carries the title of its most typical report."""

from __future__ import annotations

import numpy as np

from newsloom.contracts.membership import Membership
from services.clusterer.core.fixed_point import SCALE, ExactVector, encode_int16
from services.clusterer.core.headline import earliest_report, most_typical_report, should_take_title
from services.clusterer.core.story import LiveStory
from tests.unit.clusterer.harness import live_story, membership


def report(number: int, angle: float, title: str = "Title") -> Membership:
    """Build a report whose lead points in this direction (radians)."""
    lead = np.rint(SCALE * np.array([np.cos(angle), np.sin(angle)])).astype(np.int16)
    return membership(number, lead_vector=encode_int16(lead), title=title)


def story_of(*reports: Membership) -> LiveStory:
    story = live_story("st-0", *reports)
    story.set_title(reports[0])
    return story


ALONG: ExactVector = np.array([3.0 * SCALE, 0.0])
"""The sum of leads that point in direction 0."""


def test_a_clearly_more_typical_report_takes_the_title() -> None:
    first, typical, similar = report(0, 0.5), report(1, 0.0), report(2, 0.49)
    story = story_of(first, typical, similar)
    assert should_take_title(story, typical, ALONG)
    assert not should_take_title(story, similar, ALONG)
    story.set_title(typical)
    assert not should_take_title(story, first, ALONG)


def test_a_report_without_a_title_takes_it_from_none_and_gives_it_to_any() -> None:
    untitled, other = report(0, 0.5, title=""), report(1, 1.5)
    story = story_of(other, untitled, report(2, 0.0))
    assert not should_take_title(story, untitled, ALONG)
    story.set_title(untitled)
    assert should_take_title(story, other, ALONG)


def test_the_most_typical_titled_report_replaces_the_title_and_the_earliest_on_a_tie() -> None:
    story = story_of(report(3, 0.2), report(2, 0.2), report(0, 1.0), report(1, 0.0, title=""))
    assert most_typical_report(story, ALONG).article_id == "a2"


def test_a_closed_story_takes_the_title_of_its_earliest_titled_report() -> None:
    assert earliest_report(story_of(report(2, 0), report(1, 1), report(0, 2, title=""))).article_id == "a1"
    assert earliest_report(story_of(report(1, 0, title=""), report(0, 2, title=""))).article_id == "a0"
