"""An engine for tests that address articles and their stories by number."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from newsloom.contracts.membership import Decision, Membership, Verdict
from newsloom.contracts.story import Story, StoryUpdate
from newsloom.contracts.vector import VectorEvent
from services.clusterer.core.calibration import zero_calibration
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.story import LiveStory
from tests.laws.streams import DIMENSION, EDITION, START

COMMAND_FIELDS: Final[dict[str, Any]] = {
    "command_id": "c-1",
    "edition": EDITION,
    "by": "Jane",
    "why": "I say so",
    "issued_at": START,
}


def membership(number: int, **changes: Any) -> Membership:
    """Build the membership of a report without features."""
    member = Membership(
        article_id=f"a{number}",
        edition=EDITION,
        story_id="st-0",
        sequence=number,
        title=f"Title {number}",
        published_at=START,
        digest=str(number),
        words=100,
        shingles=b"",
        title_vector=b"",
        lead_vector=b"",
        terms=b"",
        term_weights=b"",
        decision=Decision(verdict=Verdict.FOUNDED),
    )
    return msgspec.structs.replace(member, **changes)


def live_story(story_id: str, *members: Membership) -> LiveStory:
    """Build an open story of these members."""
    story = LiveStory(story_id, 0, START, START, START, START)
    for member in members:
        story.add(member)
    return story


class EngineHarness:
    """An engine whose articles are `a0`, `a1`, ..."""

    def __init__(self, parameters: Parameters, *events: VectorEvent) -> None:
        self.engine = Engine(EditionState(EDITION, zero_calibration("test", DIMENSION), parameters))
        self.apply(*events)

    def apply(self, *events: VectorEvent) -> list[StoryUpdate]:
        return [update for event in events for update in self.engine.apply(event).updates]

    def story_id(self, number: int) -> str:
        """Return the id of the story that has the article of this number."""
        return self.engine.edition.articles[f"a{number}"]

    def story(self, number: int) -> Story:
        story = self.engine.story(self.story_id(number))
        assert story is not None
        return story

    def member(self, number: int) -> Membership:
        return self.engine.edition.stories[self.story_id(number)].members[f"a{number}"]

    def report_id(self, number: int) -> str | None:
        """Return the id of the report that the article of this number is a copy of; None if it is a report."""
        return self.engine.edition.copies.report_id(self.member(number))

    def article_ids(self, number: int) -> set[str]:
        """Return the ids of all articles in the story of the article of this number."""
        return set(self.engine.edition.stories[self.story_id(number)].members)
