"""The stories of one edition and the operations on them. What is done here is recorded; what to do is decided elsewhere."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from newsloom.contracts.cloudevents import rfc3339
from newsloom.contracts.command import CommandRef
from newsloom.contracts.limits import truncate
from newsloom.contracts.membership import Membership, MergeDecision
from newsloom.contracts.story import (
    HISTORY_TITLE_BYTES_MAX,
    LINEAGE_MAX,
    TITLE_LISTED_MAX,
    Cause,
    HistoryEntry,
    StoryState,
    UpdateKind,
)
from services.clusterer.core.calibration import Calibration
from services.clusterer.core.changes import StoryChanges
from services.clusterer.core.deadlines import Deadlines
from services.clusterer.core.features import Features, combined_vector, stored_features
from services.clusterer.core.fixed_point import ExactVector
from services.clusterer.core.frequencies import DocumentFrequencies
from services.clusterer.core.hashes import decode_hashes
from services.clusterer.core.headline import choose_title, earliest_title, offer_title
from services.clusterer.core.history import extend_history
from services.clusterer.core.minhash_index import Bands, MinHashIndex
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.publication import story_update
from services.clusterer.core.separation import inherit
from services.clusterer.core.space import EPOCH, MILLISECOND, StorySpace, unix_ms
from services.clusterer.core.story import LiveStory, without_features


class Representation(NamedTuple):
    """All that is compared of an article."""

    features: Features
    vector: ExactVector
    bands: Bands


class Edition:
    """Everything known of an edition: stories, which article is in which, and the indexes over them.

    `watermark` is the latest publication time taken in, `next_sequence` the number of the next new article.
    """

    def __init__(self, name: str, calibration: Calibration, parameters: Parameters) -> None:
        self.name = name
        self.calibration = calibration
        self.parameters = parameters
        self.watermark = EPOCH
        self.next_sequence = 0
        self.stories: dict[str, LiveStory] = {}
        self.articles: dict[str, str] = {}
        self.space = StorySpace(calibration.dimension)
        self.frequencies = DocumentFrequencies(idf_floor=parameters.idf_floor)
        self.copies = MinHashIndex(jaccard_min=parameters.copy_jaccard, shingles_min=parameters.copy_shingles_min)
        self.closing = Deadlines()
        self.looking = Deadlines()
        self.forgetting = Deadlines()
        self.changes = StoryChanges()

    def story_of(self, article_id: str) -> LiveStory | None:
        """The story an article is in."""
        story_id = self.articles.get(article_id)
        return self.stories[story_id] if story_id is not None else None

    def open_stories(self) -> list[LiveStory]:
        """The stories that may still grow."""
        return [self.stories[story_id] for story_id in self.space.stories if story_id]

    def compared(self, features: Features) -> Representation:
        """The article under this edition's parameters and calibration."""
        vector = combined_vector(features, self.parameters, self.calibration)
        return Representation(features, vector, self.copies.bands(features.shingles))

    def found(self, member: Membership) -> LiveStory:
        """A new, still empty story. Its id derives from its founding article and from how far event time has come.

        The watermark tells it from a story of the same article that was forgotten before, the attempt from one that is
        still known (the article left it, or was retracted and came back): an id is never used twice.
        """
        attempt = 0
        while (story_id := _story_id(self.name, member.article_id, self.watermark, attempt)) in self.stories:
            attempt += 1
        moment = member.published_at
        story = LiveStory(story_id, self.space.open(story_id), moment, moment, updated_at=self.watermark)
        self.stories[story_id] = story
        return story

    def admit(self, story: LiveStory, member: Membership, compared: Representation | None = None) -> None:
        """Put an article into a story; `compared` spares finding out again what is compared of it."""
        if not story.is_open:
            member = without_features(member)
        story.add(member)
        self.articles[member.article_id] = story.id
        self.changes.memberships.append((member.article_id, member))
        if story.is_open:
            self.track(story, member, compared)
            if member.copy_of is None:
                offer_title(story, member, self._lead_sum(story))

    def track(self, story: LiveStory, member: Membership, compared: Representation | None = None) -> None:
        """Let everything that is compared, and the deadlines, follow a new member of an open story."""
        if member.copy_of is None:
            features, vector, bands = compared or self.compared(stored_features(member))
            self.space.add(story.slot, vector, unix_ms(member.published_at))
            self.frequencies.add(features.terms)
            self.copies.add(member.article_id, features.shingles, bands)
        self._set_deadlines(story)

    def track_all(self, story: LiveStory) -> None:
        """Let everything that is compared, and the deadlines, follow an open story that is restored."""
        reports = [member for member in story.members.values() if member.copy_of is None]
        vectors = []
        for member in reports:
            features, vector, bands = self.compared(stored_features(member))
            vectors.append(vector)
            self.frequencies.add(features.terms)
            self.copies.add(member.article_id, features.shingles, bands)
        self.space.fill(story.slot, vectors, [unix_ms(member.published_at) for member in reports])
        self._set_deadlines(story)

    def release(self, article_id: str) -> Membership:
        """Take an article out of its story, to be admitted again or expelled.

        The first of its copies becomes the report that the others repeat.
        """
        story = self.stories[self.articles[article_id]]
        self._promote_copy(story, article_id)
        member = story.remove(article_id)
        del self.articles[article_id]
        if story.is_open:
            self._untrack(story, member)
        if story.members and article_id == story.title_article_id:
            if story.is_open:
                choose_title(story, self._lead_sum(story))
            else:
                earliest_title(story)
        return member

    def _untrack(self, story: LiveStory, member: Membership) -> None:
        if member.copy_of is None:
            features, vector, _ = self.compared(stored_features(member))
            remaining = [unix_ms(report.published_at) for report in story.reports()]
            at = unix_ms(member.published_at)
            self.space.remove(story.slot, vector, at, remaining)
            self.frequencies.remove(features.terms)
            self.copies.remove(member.article_id)
        self._set_deadlines(story)

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

    def sign(self, article_id: str, command: CommandRef) -> None:
        """Record that a command wants the article where it is."""
        story = self.stories[self.articles[article_id]]
        signed = msgspec.structs.replace(story.members[article_id], placed_by=command)
        story.members[article_id] = signed
        self.changes.memberships.append((article_id, signed))

    def absorb(self, survivor: LiveStory, absorbed: LiveStory, merge: MergeDecision) -> None:
        """Move every article of one open story into another, for the reason in `merge`, and leave a pointer behind."""
        neighbours = inherit(survivor, absorbed, self.stories)
        survivor.pinned = survivor.pinned or absorbed.pinned
        absorbed.pinned = None
        # Nobody is related to himself; the others, who name the pointer, find it in the survivor.
        survivor.related = tuple(other for other in survivor.related if other != absorbed.id)
        absorbed.related = ()
        self.space.absorb(survivor.slot, absorbed.slot)
        for member in sorted(absorbed.members.values(), key=lambda member: member.sequence):
            placed_by = merge.command or member.placed_by
            moved = msgspec.structs.replace(member, story_id=survivor.id, merge=merge, placed_by=placed_by)
            survivor.add(moved)
            self.articles[moved.article_id] = survivor.id
            self.changes.memberships.append((moved.article_id, moved))
        title_report = survivor.members[absorbed.title_article_id]
        offer_title(survivor, title_report, self._lead_sum(survivor))
        self._set_deadlines(survivor)
        absorbed.empty()
        absorbed.clear(StoryState.MERGED)
        self.closing.clear(absorbed.id)
        self.looking.clear(absorbed.id)
        absorbed.merged_into = survivor.id
        survivor.merged_from = (*survivor.merged_from, absorbed.id)[-LINEAGE_MAX:]
        cause = Cause.SIMILARITY if merge.command is None else Cause.COMMAND
        for story, kind in (
            (absorbed, UpdateKind.MERGED),
            (survivor, UpdateKind.MERGED),
            *((neighbour, UpdateKind.UPDATED) for neighbour in neighbours),
        ):
            self.publish(story, kind, cause, command=merge.command)

    def end(self, story: LiveStory, state: StoryState) -> None:
        """Take an open story, with the articles it has, out of all comparisons."""
        self.space.close(story.slot)
        self.closing.clear(story.id)
        self.looking.clear(story.id)
        for report in story.reports():
            self.copies.remove(report.article_id)
            self.frequencies.remove(decode_hashes(report.terms, "terms"))
        story.clear(state)

    def set_looking(self, story: LiveStory) -> None:
        """Let a story of a single report be looked at again when its article is as old as `second_look`, twice, four times...

        Any other story is not. It follows from the story and the watermark alone, so that it is restored with them.
        """
        if story.report_count != 1:
            self.looking.clear(story.id)
            return
        every = self.parameters.second_look
        at = EPOCH + int(self.space.firsts[story.slot]) * MILLISECOND
        age = max(self.watermark - at, timedelta()) // every
        self.looking.set(story.id, at + every * (1 << age.bit_length()))

    def _set_deadlines(self, story: LiveStory) -> None:
        self.closing.set(story.id, story.last_published_at + self.parameters.window)
        self.set_looking(story)

    def _lead_sum(self, story: LiveStory) -> ExactVector:
        row: ExactVector = self.space.sums[story.slot, self.space.blocks.lead]
        return row

    def publish(
        self,
        story: LiveStory,
        kind: UpdateKind,
        cause: Cause,
        *,
        article: Membership | None = None,
        article_ids: tuple[str, ...] = (),
        command: CommandRef | None = None,
        at: datetime | None = None,
    ) -> None:
        """Make a new version of the story, as of `at` or the watermark."""
        story.version += 1
        story.updated_at = max(story.updated_at, at or self.watermark)
        before, story.published_count = story.published_count, story.article_count
        if before != story.article_count:
            entry = HistoryEntry(
                version=story.version,
                at=story.updated_at,
                article_count=story.article_count,
                title=truncate(story.title[:TITLE_LISTED_MAX], bytes_max=HISTORY_TITLE_BYTES_MAX),
                kind=kind,
                cause=cause,
            )
            story.history = extend_history(story.history, entry)
        if not story.is_open:
            self.forgetting.set(story.id, story.updated_at + self.parameters.retention)
        self.changes.stories[story.id] = None
        self.changes.updates.append(
            story_update(
                story,
                self.name,
                kind=kind,
                cause=cause,
                count_before=before,
                article=article,
                article_ids=article_ids,
                command=command,
            )
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
