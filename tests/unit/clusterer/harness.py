"""An engine for tests that address articles and their stories by number."""

from __future__ import annotations

from typing import Any, Final

from newsloom.contracts.membership import Membership
from newsloom.contracts.story import Story, StoryUpdate
from newsloom.contracts.vector import VectorEvent
from services.clusterer.core.calibration import zero_calibration
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters
from tests.laws.streams import DIMENSION, EDITION, START

COMMAND_FIELDS: Final[dict[str, Any]] = {
    "command_id": "c-1",
    "edition": EDITION,
    "by": "Jane",
    "why": "I say so",
    "issued_at": START,
}


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

    def article_ids(self, number: int) -> set[str]:
        """Return the ids of all articles in the story of the article of this number."""
        return set(self.engine.edition.stories[self.story_id(number)].members)
