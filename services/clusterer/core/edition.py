"""The stories of one edition and the operations on them. What is done here is recorded; what to do is decided elsewhere."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from typing import Final

import msgspec

from newsloom.contracts.events import rfc3339
from newsloom.contracts.membership import Decision, Membership, Verdict
from newsloom.contracts.story import LINEAGE_MAX, Cause, HistoryEntry, StoryState, UpdateKind
from services.clusterer.core.changes import Changes
from services.clusterer.core.copies import CopyIndex, decode_shingles
from services.clusterer.core.deadlines import Deadlines
from services.clusterer.core.history import extended
from services.clusterer.core.index import StoryIndex
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.projection import update
from services.clusterer.core.story import LiveStory, empty_total

EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Edition:
    """Everything known of an edition: stories, which article is in which, and the indexes over them.

    `watermark` is the latest publication time taken in, `next_sequence` the number of the next new article.
    """

    def __init__(self, name: str, dimension: int, parameters: Parameters) -> None:
        self.name = name
        self.dimension = dimension
        self.parameters = parameters
        self.watermark = EPOCH
        self.next_sequence = 0
        self.stories: dict[str, LiveStory] = {}
        self.articles: dict[str, str] = {}
        self.index = StoryIndex(dimension)
        self.copies = CopyIndex(jaccard_min=parameters.copy_jaccard, shingles_min=parameters.copy_shingles_min)
        self.closing = Deadlines()
        self.forgetting = Deadlines()
        self.changes = Changes()

    def story_of(self, article_id: str) -> LiveStory | None:
        """The story an article is in."""
        story_id = self.articles.get(article_id)
        return self.stories[story_id] if story_id is not None else None

    def open_stories(self) -> list[LiveStory]:
        """The stories that may still grow."""
        return [story for story in self.stories.values() if story.is_open]

    def found(self, member: Membership) -> LiveStory:
        """A new, still empty story. Its id derives from its founding article and from how far event time has come.

        The watermark tells it from a story of the same article that was forgotten before, the attempt from one that is
        still known (the article left it, or was retracted and came back): an id is never used twice.
        """
        attempt = 0
        while (story_id := _story_id(self.name, member.article_id, self.watermark, attempt)) in self.stories:
            attempt += 1
        moment = member.published_at
        story = LiveStory(story_id, empty_total(self.dimension), moment, moment, updated_at=self.watermark)
        self.stories[story_id] = story
        return story

    def admit(self, story: LiveStory, member: Membership) -> None:
        """Put an article into a story."""
        if not story.is_open:
            member = msgspec.structs.replace(member, vector=b"", shingles=b"")
        story.add(member)
        self.articles[member.article_id] = story.id
        self.changes.memberships.append((member.article_id, member))
        if story.is_open:
            self.track(story, member)

    def track(self, story: LiveStory, member: Membership) -> None:
        """Let the indexes and the deadline follow a member of an open story."""
        if member.copy_of is None:
            self.index.put(story.id, story.total)
            self.copies.add(member.article_id, decode_shingles(member.shingles))
        self.closing.set(story.id, story.last_published_at + self.parameters.window)

    def release(self, article_id: str) -> Membership:
        """Take an article out of its story, to be admitted again or expelled.

        The first of its copies becomes the report that the others repeat.
        """
        story = self.stories[self.articles[article_id]]
        self._promote_copy(story, article_id)
        member = story.remove(article_id)
        del self.articles[article_id]
        if story.is_open:
            self.copies.remove(article_id)
            self.index.put(story.id, story.total)
            self.closing.set(story.id, story.last_published_at + self.parameters.window)
        return member

    def expel(self, article_id: str) -> Membership:
        """Take an article out for good."""
        member = self.release(article_id)
        self.changes.memberships.append((article_id, None))
        return member

    def _promote_copy(self, story: LiveStory, article_id: str) -> None:
        copies = story.copies_of(article_id)
        for copy in copies:
            story.remove(copy.article_id)
            copy_of = None if copy is copies[0] else copies[0].article_id
            self.admit(story, msgspec.structs.replace(copy, copy_of=copy_of))

    def absorb(self, survivor: LiveStory, absorbed: LiveStory, affinity: float) -> None:
        """Move every article of one open story into another and leave a pointer behind."""
        decision = Decision(
            verdict=Verdict.MERGED, bar=self.parameters.merge_bar, best_story_id=survivor.id, best_score=affinity
        )
        members = sorted(absorbed.members.values(), key=lambda member: member.sequence)
        absorbed.members.clear()
        for counter in (absorbed.outlets, absorbed.leanings):
            counter.clear()
        absorbed.report_count = 0
        self.end(absorbed, StoryState.MERGED)
        absorbed.merged_into = survivor.id
        for member in members:
            self.admit(survivor, msgspec.structs.replace(member, story_id=survivor.id, decision=decision))
        survivor.merged_from = (*survivor.merged_from, absorbed.id)[-LINEAGE_MAX:]
        self.publish(absorbed, UpdateKind.MERGED, Cause.SIMILARITY)
        self.publish(survivor, UpdateKind.MERGED, Cause.SIMILARITY)

    def end(self, story: LiveStory, state: StoryState) -> None:
        """Take an open story out of all comparisons."""
        self.index.remove(story.id)
        self.closing.clear(story.id)
        for member in story.members.values():
            self.copies.remove(member.article_id)
        story.clear(state)

    def publish(
        self,
        story: LiveStory,
        kind: UpdateKind,
        cause: Cause,
        *,
        article: Membership | None = None,
        at: datetime | None = None,
    ) -> None:
        """Make a new version of the story, as of `at` or the watermark."""
        story.version += 1
        story.updated_at = max(story.updated_at, at or self.watermark)
        before, story.published_count = story.published_count, story.article_count
        if before != story.article_count:
            entry = HistoryEntry(
                version=story.version, at=story.updated_at, article_count=story.article_count, title=story.title
            )
            story.history = extended(story.history, entry)
        if not story.is_open:
            self.forgetting.set(story.id, story.updated_at + self.parameters.retention)
        self.changes.stories[story.id] = None
        self.changes.updates.append(
            update(story, self.name, kind=kind, cause=cause, count_before=before, article=article)
        )

    def forget(self, story: LiveStory) -> None:
        """Drop a story and its articles for good."""
        del self.stories[story.id]
        self.forgetting.clear(story.id)
        self.changes.stories[story.id] = None
        for article_id in story.members:
            del self.articles[article_id]
            self.changes.memberships.append((article_id, None))


def _story_id(edition: str, article_id: str, watermark: datetime, attempt: int) -> str:
    source = "\0".join((edition, article_id, rfc3339(watermark), str(attempt))).encode()
    return "st-" + base64.b32encode(hashlib.blake2b(source, digest_size=10).digest()).decode().lower()
