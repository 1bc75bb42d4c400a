"""When the stories of an edition are due: to close, for a second look, to be released from the indexes, to be forgotten.

All of it follows from the stories and the checkpoint, so that a restore sets the same deadlines.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from services.clusterer.core.deadlines import Deadlines
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.story import LiveStory, founded_at, last_activity


class StorySchedule:
    """The deadlines by story.

    `close` and `second_look` are in event time, `forget` is in arrival time; `late_look` and `release` are numbers of articles.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self.close: Deadlines[datetime] = Deadlines()
        self.second_look: Deadlines[datetime] = Deadlines()
        self.late_look: Deadlines[int] = Deadlines()
        self.release: Deadlines[int] = Deadlines()
        self.forget: Deadlines[datetime] = Deadlines()

    def set(self, story: LiveStory, next_sequence: int) -> None:
        """Set when the story closes or is forgotten, and when it is released. `next_sequence` is that of the edition."""
        if story.is_open:
            self.set_close(story, next_sequence)
        else:
            self.forget.set(story.id, story.changed_at + self._parameters.retention)
        if story.is_comparable:
            # An empty story is compared with nothing: release it now.
            limit = self._parameters.comparable_articles if story.members else 0
            self.release.set(story.id, story.last_sequence + limit)

    def set_close(self, story: LiveStory, next_sequence: int) -> None:
        """Set when an open story closes."""
        since = story.last_published_at if self.is_outgrown(story, next_sequence) else last_activity(story)
        self.close.set(story.id, since + self._parameters.window)

    def set_second_look(self, story: LiveStory, at: datetime, watermark: datetime, next_sequence: int) -> None:
        """Set the next second look at a story of one report, published `at`: at an age of `second_look`, twice that, and so on.

        If the report was late, set one by the number of articles that have arrived after it too: event time may stand still.
        """
        every = self._parameters.second_look
        age = max(watermark - at, timedelta()) // every
        self.second_look.set(story.id, at + every * (1 << age.bit_length()))
        if founded_at(story) - at > self._parameters.late_after:
            self._set_late_look(story, next_sequence)

    def _set_late_look(self, story: LiveStory, next_sequence: int) -> None:
        every, sequence = self._parameters.late_second_look, story.first_report().sequence
        age = (next_sequence - sequence) // every
        self.late_look.set(story.id, sequence + every * (1 << age.bit_length()))

    def cancel_second_looks(self, story: LiveStory) -> None:
        """Cancel both second looks."""
        self.second_look.cancel(story.id)
        self.late_look.cancel(story.id)

    def end(self, story: LiveStory) -> None:
        """Cancel what only an open story has, before it ends."""
        self.close.cancel(story.id)
        self.release.cancel(story.id)
        self.cancel_second_looks(story)

    def is_outgrown(self, story: LiveStory, next_sequence: int) -> bool:
        """Return whether the story's latest article is no longer among the latest `comparable_articles` of the edition."""
        return story.last_sequence + self._parameters.comparable_articles <= next_sequence
