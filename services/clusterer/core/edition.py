"""The stories of one edition and every operation that changes them. The engine decides which operation to call."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime

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
from newsloom.contracts.vector import FIRST_PREPARATION
from services.clusterer.core.calibration import Calibration
from services.clusterer.core.changes import StoryChanges
from services.clusterer.core.clock import EditionClock
from services.clusterer.core.copy_groups import CopyGroups, as_report, in_group
from services.clusterer.core.headline import best_report, earliest_report, headline_report
from services.clusterer.core.history import extend_history
from services.clusterer.core.indexes import Indexes, Representation
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.publication import story_update
from services.clusterer.core.schedule import StorySchedule
from services.clusterer.core.separation import Lists, lists_after_merge, lists_after_separation, lists_after_split
from services.clusterer.core.space import EPOCH, MILLISECOND
from services.clusterer.core.story import LiveStory, has_features, without_features


class EditionState:
    """The stories of an edition, the story id of each article, the indexes over comparable stories, and the schedule.

    `next_sequence` is the number of the next new article, `preparation` the version of the text preparation of all its
    vectors. Stories whose articles all have a sequence number below `comparable_from` are not comparable once they have closed.
    `released_until` is the latest date in a closed story that is no longer comparable. `changes` collects what the current event
    changes; `event_arrived_at` is when it arrived, in whole milliseconds.
    """

    def __init__(
        self, name: str, calibration: Calibration, parameters: Parameters, preparation: str = FIRST_PREPARATION
    ) -> None:
        self.name = name
        self.calibration = calibration
        self.parameters = parameters
        self.preparation = preparation
        self.clock = EditionClock()
        self.event_arrived_at = EPOCH
        self.next_sequence = 0
        self.comparable_from = 0
        self.released_until = EPOCH
        self.stories_forgotten = 0
        self.stories: dict[str, LiveStory] = {}
        self.articles: dict[str, str] = {}
        self.copies = CopyGroups()
        self.indexes = Indexes(calibration, parameters)
        self.schedule = StorySchedule(parameters)
        self.changes = StoryChanges()

    @property
    def watermark(self) -> datetime:
        """Return the event time of the edition."""
        return self.clock.published.now

    def story_of(self, article_id: str) -> LiveStory | None:
        """Return the story of an article; None if the article is unknown."""
        story_id = self.articles.get(article_id)
        return self.stories[story_id] if story_id is not None else None

    def open_stories(self) -> list[LiveStory]:
        """Return the open stories, in no order."""
        return [self.stories[story_id] for story_id in self.indexes.space.open_stories()]

    # --- articles

    def add_article(self, story: LiveStory, member: Membership, known: Representation | None = None) -> None:
        """Add an article to a story. Pass its representation if it is known, to spare computing it again."""
        if not story.is_comparable:
            member = without_features(member)
        member = self._grouped(story, member)
        self._record(member)
        self._add_member(story, member, known)

    def _grouped(self, story: LiveStory, member: Membership) -> Membership:
        """Return the article in the copy group of its report, or in a new group if it is a report itself."""
        if member.copy_of is None:
            return in_group(member, self.copies.unused_name(member.article_id, self.articles))
        report = story.members[member.copy_of]
        if member.sequence < report.sequence:
            # The report may have been a copy in its latest record. Readers take the earliest article of a group for its report.
            self._record(report)
        return in_group(member, report.group)

    def _add_member(self, story: LiveStory, member: Membership, known: Representation | None = None) -> None:
        story.add(member)
        self.copies.add(member)
        if story.is_comparable and member.copy_of is None:
            self.indexes.add(story.slot, member, known)
        if story.is_open:
            self.schedule_second_look(story)
        if story.is_comparable and member.copy_of is None:
            self._offer_title(story, member)

    def detach_article(self, article_id: str) -> Membership:
        """Take an article out of its story, before it is added to one again or removed for good.

        The first of its copies becomes the report of the others. Returns the membership with the report that the article was
        a copy of.
        """
        story = self.stories[self.articles[article_id]]
        self._promote_copy(story, story.members[article_id])
        member = story.remove(article_id)
        original = self.copies.report_id(member)
        self.copies.remove(member)
        del self.articles[article_id]
        if story.is_comparable and member.copy_of is None:
            self.indexes.remove(story.slot, member, story.reports())
        if story.is_open:
            self.schedule_second_look(story)
        if story.members and article_id == story.title_article_id:
            self.set_title(story, self._title_report(story))
        return msgspec.structs.replace(member, copy_of=original)

    def remove_article(self, article_id: str) -> Membership:
        """Remove an article for good."""
        member = self.detach_article(article_id)
        self.changes.memberships.append((article_id, None))
        return member

    def set_placed_by(self, article_id: str, command: CommandRef) -> None:
        """Record that a command has put the article where it is."""
        story = self.stories[self.articles[article_id]]
        story.members[article_id] = msgspec.structs.replace(story.members[article_id], placed_by=command)
        self._record(story.members[article_id])

    def _record(self, member: Membership) -> None:
        self.articles[member.article_id] = member.story_id
        self.changes.memberships.append((member.article_id, member))

    def _promote_copy(self, story: LiveStory, leaving: Membership) -> None:
        """Replace a report that leaves by its first copy. Writes no record: readers find it by the sequence numbers."""
        article_id = self.copies.first_copy(leaving)
        if article_id is not None:
            copy = story.remove(article_id)
            self.copies.remove(copy)
            self._add_member(story, as_report(copy))

    # --- stories

    def create_story(self, member: Membership) -> LiveStory:
        """Create an empty story for this article and return it.

        Its id is derived from the article, the watermark and two counters, so that no id is used twice: the number of forgotten
        stories differs from that of a forgotten story, the other counter from those of stories that the article has left.
        """
        attempt = 0
        forgotten = [str(self.stories_forgotten)] if self.stories_forgotten else []
        source = [self.name, member.article_id, rfc3339(self.watermark), *forgotten]
        while (story_id := _story_id(*source, str(attempt))) in self.stories:
            attempt += 1
        moment = member.published_at
        slot = self.indexes.space.open(story_id)
        story = LiveStory(story_id, slot, moment, moment, updated_at=self.watermark, arrived_at=self.event_arrived_at)
        self.stories[story_id] = story
        return story

    def restore_story(self, story: LiveStory, members: list[Membership]) -> None:
        """Add a story that was published before, with its articles. Records no changes."""
        self.stories[story.id] = story
        for member in members:
            story.add(member)
            self.copies.add(member)
            self.articles[member.article_id] = story.id
        if story.is_open or self._may_be_comparable(story):
            story.slot = self.indexes.space.open(story.id)
            if not story.is_open:
                self.indexes.space.close(story.slot)
            self.indexes.fill(story.slot, story.reports())
        else:
            self._drop_features(story)
        self.schedule.set(story, self.next_sequence)
        if story.is_open:
            self.schedule_second_look(story)

    def _may_be_comparable(self, story: LiveStory) -> bool:
        """Return whether a restored story that has closed is comparable: the rule by which it would be released."""
        is_recent = story.last_sequence >= self.comparable_from and not self.schedule.is_outgrown(
            story, self.next_sequence
        )
        return is_recent and bool(story.members) and all(map(has_features, story.members.values()))

    def merge_stories(self, survivor: LiveStory, absorbed: LiveStory, merge: MergeDecision) -> None:
        """Move all articles of one open story into another, and publish both; the absorbed story points to the survivor."""
        neighbours = self._set_kept_apart(lists_after_merge(survivor, absorbed, self.stories), survivor, absorbed)
        survivor.pinned = survivor.pinned or absorbed.pinned
        absorbed.pinned = None
        # Other stories may go on naming the absorbed one as related: it points to the survivor.
        survivor.related = tuple(other for other in survivor.related if other != absorbed.id)
        absorbed.related = ()
        self.indexes.absorb(survivor.slot, absorbed.slot)
        self._move_members(absorbed, survivor, merge)
        self._offer_title(survivor, survivor.members[absorbed.title_article_id])
        self.schedule_second_look(survivor)
        self._end(absorbed, StoryState.MERGED)
        absorbed.drop_features()
        absorbed.merged_into = survivor.id
        # The survivor must not be forgotten before the story that points to it.
        survivor.arrived_at = max(survivor.arrived_at, absorbed.arrived_at)
        survivor.merged_from = (*survivor.merged_from, absorbed.id)[-LINEAGE_MAX:]
        cause = Cause.SIMILARITY if merge.command is None else Cause.COMMAND
        for story, kind in (
            (absorbed, UpdateKind.MERGED),
            (survivor, UpdateKind.MERGED),
            *((neighbour, UpdateKind.UPDATED) for neighbour in neighbours),
        ):
            self.publish(story, kind, cause, command=merge.command)

    def _move_members(self, source: LiveStory, target: LiveStory, merge: MergeDecision) -> None:
        for member in sorted(source.members.values(), key=lambda member: member.sequence):
            placed_by = merge.command or member.placed_by
            moved = msgspec.structs.replace(member, story_id=target.id, merge=merge, placed_by=placed_by)
            target.add(moved)
            if member.copy_of is None:
                self.indexes.titles.remove(member)
                self.indexes.titles.add(moved)
            self._record(moved)
        source.remove_all()

    def close_story(self, story: LiveStory) -> None:
        """Close an open story. It stays comparable until it is released."""
        self.indexes.close(story.slot, story.reports())
        self._end(story, StoryState.CLOSED)

    def outgrow_story(self, story: LiveStory) -> None:
        """Release a closed story whose latest article is too far back among those of the edition; close an open one sooner."""
        if story.is_open:
            self.schedule.set_close(story, self.next_sequence)
        else:
            self._release(story)

    def _release(self, story: LiveStory) -> None:
        self.indexes.release(story.slot, story.reports())
        self.schedule.release.cancel(story.id)
        self._drop_features(story)

    def _drop_features(self, story: LiveStory) -> None:
        story.drop_features()
        if story.members:
            self.released_until = max(self.released_until, story.last_published_at)

    def forget_story(self, story: LiveStory) -> None:
        """Delete a closed story and its articles."""
        if story.is_comparable:
            self._release(story)
        del self.stories[story.id]
        self.stories_forgotten += 1
        self.schedule.forget.cancel(story.id)
        self.changes.stories[story.id] = None
        # In order of arrival: a correction moves an article to the end of `members`, but not in a restored story.
        for member in sorted(story.members.values(), key=lambda member: member.sequence):
            self.copies.remove(member)
            del self.articles[member.article_id]
            self.changes.memberships.append((member.article_id, None))

    def record_split(self, old: LiveStory, new: LiveStory) -> list[LiveStory]:
        """Link both sides of a split and keep them apart; return the other stories whose `kept_apart` changes."""
        new.split_from = old.id
        old.split_into = (*old.split_into, new.id)[-LINEAGE_MAX:]
        return self._set_kept_apart(lists_after_split(new, old, self.stories), old, new)

    def keep_apart(self, one: LiveStory, other: LiveStory) -> None:
        """Keep two open stories apart from now on."""
        self._set_kept_apart(lists_after_separation(one, other, self.stories))

    def set_pinned(self, story: LiveStory, command: CommandRef | None) -> None:
        """Set or clear the command that pins the story."""
        story.pinned = command

    def set_related(self, story: LiveStory, related: tuple[str, ...]) -> None:
        """Set the ids of the related stories."""
        story.related = related

    def earlier_related(self, story: LiveStory) -> tuple[str, ...]:
        """Return the related stories that had ended a window before this one begins: it takes up one of them again."""
        known = (self.stories[other] for other in story.related if other in self.stories)
        before = story.first_published_at - self.parameters.window
        return tuple(other.id for other in known if not other.is_open and other.last_published_at < before)

    def is_beyond_comparable(self, moment: datetime) -> bool:
        """Return whether stories of this time have been released, so that an article of this time is not compared with them."""
        return moment <= self.released_until + self.parameters.window

    def set_title(self, story: LiveStory, report: Membership) -> None:
        """Let the story carry the title of this report, without its rubrics."""
        story.set_title(report, self.indexes.titles.without_rubrics(report.title))

    def _set_kept_apart(self, lists: Lists, *sides: LiveStory) -> list[LiveStory]:
        """Set these lists and return the stories that have them, except for the two `sides` of the operation."""
        for story_id, kept_apart in lists.items():
            self.stories[story_id].kept_apart = kept_apart
        return [self.stories[story_id] for story_id in lists if all(story_id != side.id for side in sides)]

    def _title_report(self, story: LiveStory) -> Membership:
        if story.is_comparable:
            return best_report(story, self.indexes.space.lead_sum(story.slot), self.indexes.titles)
        return earliest_report(story, self.indexes.titles)

    def _end(self, story: LiveStory, state: StoryState) -> None:
        self.schedule.end(story)
        story.close_as(state)

    def _offer_title(self, story: LiveStory, report: Membership) -> None:
        lead_sum = self.indexes.space.lead_sum(story.slot)
        chosen = headline_report(story, report, lead_sum, self.indexes.titles)
        title = self.indexes.titles.without_rubrics(chosen.title)
        if chosen is not report and chosen.article_id == story.title_article_id:
            # A rubric that was cut stays cut, though the other stories that have it close.
            title = min(story.title, title, key=len)
        story.set_title(chosen, title)

    def schedule_second_look(self, story: LiveStory) -> None:
        """Schedule the next second look at a story of one report; cancel that of any other story."""
        if story.report_count != 1:
            self.schedule.cancel_second_looks(story)
            return
        at = EPOCH + int(self.indexes.space.firsts[story.slot]) * MILLISECOND
        self.schedule.set_second_look(story, at, self.watermark, self.next_sequence)

    # --- versions

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
        late: bool = False,
    ) -> None:
        """Make a new version of the story, dated `at` or the watermark. `late`: the article joined a closed story."""
        story.version += 1
        story.updated_at = max(story.updated_at, at or self.watermark)
        story.arrived_at = max(story.arrived_at, self.event_arrived_at)
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
        self.schedule.set(story, self.next_sequence)
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
                late=late,
            )
        )


def _story_id(*source: str) -> str:
    digest = hashlib.blake2b("\0".join(source).encode(), digest_size=10).digest()
    return "st-" + base64.b32encode(digest).decode().lower()
