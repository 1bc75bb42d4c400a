"""A small independent model of the published state, which shares no code with the clusterer or the verifier.

It applies the clusterer's records in the order in which a transaction wrote them. It keeps the articles of each story twice,
once by the updates and once by the memberships: after each transaction both must be equal.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from newsloom.contracts.membership import Checkpoint, Membership
from newsloom.contracts.story import Cause, Story, StoryState, StoryUpdate, UpdateKind

ArticleKey = tuple[str, str]
"""Edition and article id."""

COMMON_FIELDS = (
    "version", "state", "title", "article_count", "report_count", "outlet_count", "outlets", "leanings", "merged_into",
    "merged_from", "split_from", "split_into", "kept_apart", "pinned", "related", "edition",
)  # fmt: skip
"""Fields that must be equal in a story and its last update."""


@dataclass
class StateModel:
    """Stories, memberships and checkpoints. Calls `add_problem` with a sentence for every contradiction."""

    add_problem: Callable[[str], None]
    retention: timedelta
    members: dict[ArticleKey, Membership] = field(default_factory=dict)
    stories: dict[str, Story] = field(default_factory=dict)
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    last: dict[str, StoryUpdate] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    _changed_at: dict[str, datetime] = field(default_factory=dict)
    _story_by_updates: dict[ArticleKey, str] = field(default_factory=dict)
    _articles_by_updates: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _articles_by_memberships: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    # Of the current transaction:
    _merging: dict[str, set[str]] = field(default_factory=dict)
    """Articles of merged stories by the surviving story, until its own update."""
    _updated: dict[str, None] = field(default_factory=dict)
    _with_changed_members: set[str] = field(default_factory=set)
    _snapshots: Counter[str] = field(default_factory=Counter)
    _forgotten: list[str] = field(default_factory=list)
    _expected_forgotten: list[str] = field(default_factory=list)
    """Stories that lost an article to another story although they are not open."""

    # --- updates

    def apply_update(self, update: StoryUpdate, arrived_at: datetime) -> None:
        """Apply a record of `story-updates` with this timestamp."""
        name = f"{update.story_id} version {update.version}"
        last = self.last.get(update.story_id)
        expected = 1 if last is None else last.version + 1
        if update.version != expected:
            self.add_problem(f"{name}: expected version {expected}")
        if (update.kind is UpdateKind.CREATED) != (last is None):
            self.add_problem(f"{name} has the kind {update.kind.value}")
        if update.article_count_before != (0 if last is None else last.article_count):
            self.add_problem(
                f"{name}: article_count_before is {update.article_count_before}, unlike the version before"
            )
        if last is not None and last.state is not StoryState.OPEN and update.state is not last.state:
            self.add_problem(f"{name}: state changed from {last.state.value} to {update.state.value}")
        self.last[update.story_id] = update
        self._changed_at[update.story_id] = max(arrived_at, update.at)
        self._updated[update.story_id] = None
        self.kinds[f"{update.kind.value}, {update.cause.value}"] += 1
        self._apply_to_articles(update, name)
        found = len(self._articles_by_updates[update.story_id])
        if found != update.article_count:
            self.add_problem(f"{name} counts {update.article_count} articles, but has {found} by the updates")

    def _apply_to_articles(self, update: StoryUpdate, name: str) -> None:
        article_ids = update.article_ids or (() if update.article is None else (update.article.id,))
        moved = update.kind is UpdateKind.MOVED
        shrinks = update.article_count < update.article_count_before
        if update.kind is UpdateKind.MERGED:
            self._merge(update, name)
        elif update.kind is UpdateKind.SPLIT or update.cause is Cause.RETRACTION or (moved and shrinks):
            self._leave(update, article_ids, name)
        elif moved or update.kind is UpdateKind.CREATED or update.cause is Cause.ARTICLE:
            self._join(update, article_ids, name)
        elif not self._articles_by_updates[update.story_id].issuperset(article_ids):
            self.add_problem(f"{name} corrects {article_ids}, which are not in the story")

    def _merge(self, update: StoryUpdate, name: str) -> None:
        if update.state is StoryState.MERGED:
            into = update.merged_into or ""
            self._merging[into] = self._articles_by_updates.pop(update.story_id, set())
            for article_id in self._merging[into]:
                self._story_by_updates.pop((update.edition, article_id), None)
            return
        absorbed = self._merging.pop(update.story_id, None)
        if absorbed is None:
            self.add_problem(
                f"{name} absorbs {update.merged_from[-1:]}, which has no update that merges it into this story"
            )
        self._join(update, tuple(sorted(absorbed or ())), name)

    def _join(self, update: StoryUpdate, article_ids: tuple[str, ...], name: str) -> None:
        for article_id in article_ids:
            article = (update.edition, article_id)
            before = self._story_by_updates.get(article)
            if before is not None and self.last[before].state is StoryState.OPEN:
                self.add_problem(f"{name}: article {article_id} joins, but is in {before}")
            elif before is not None:
                # There is no update when a story is forgotten, but there will be a tombstone.
                self._expected_forgotten.append(before)
                self._articles_by_updates[before].discard(article_id)
            self._story_by_updates[article] = update.story_id
            self._articles_by_updates[update.story_id].add(article_id)

    def _leave(self, update: StoryUpdate, article_ids: tuple[str, ...], name: str) -> None:
        for article_id in article_ids:
            if self._story_by_updates.pop((update.edition, article_id), None) != update.story_id:
                self.add_problem(f"{name}: article {article_id} leaves, but is not in the story")
            self._articles_by_updates[update.story_id].discard(article_id)

    # --- state

    def apply_member(self, article: ArticleKey, member: Membership | None) -> None:
        """Apply a membership; None is its tombstone."""
        before = self.members.pop(article, None)
        if before is not None:
            self._articles_by_memberships[before.story_id].discard(article[1])
        if member is not None:
            self.members[article] = member
            self._articles_by_memberships[member.story_id].add(article[1])
        stories = {one.story_id for one in (before, member) if one is not None}
        self._with_changed_members |= (
            stories if before is None or member is None or before.story_id != member.story_id else set()
        )

    def apply_snapshot(self, story_id: str, story: Story | None) -> None:
        """Apply a record of `stories`; None is its tombstone."""
        self._snapshots[story_id] += 1
        if story is None:
            self._forgotten.append(story_id)
            self.stories.pop(story_id, None)
            if story_id not in self.last:
                self.add_problem(f"{story_id} was forgotten, but never existed")
        else:
            self.stories[story_id] = story

    def apply_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Apply a checkpoint."""
        before = self.checkpoints.get(checkpoint.edition)
        set_back_from = checkpoint.clock.set_back_from if checkpoint.clock is not None else None
        watermark = max(checkpoint.watermark, set_back_from or checkpoint.watermark)
        if before is not None and (watermark < before.watermark or checkpoint.next_sequence < before.next_sequence):
            self.add_problem(f"the checkpoint of {checkpoint.edition} went back from {before} to {checkpoint}")
        self.checkpoints[checkpoint.edition] = checkpoint

    # --- what must hold after a transaction

    def end_transaction(self) -> None:
        """Check that no merge is half done, and that updates, memberships and snapshots agree; forget the transaction."""
        self._check_snapshots()
        for into in self._merging:
            self.add_problem(f"a story was merged into {into}, which has no update that absorbs it")
        for story_id in sorted(set(self._expected_forgotten) - set(self._forgotten)):
            self.add_problem(f"an article of {story_id} joined another story, but {story_id} was not forgotten")
        for story_id in self._forgotten:
            self._check_forgotten(story_id)
        for story_id in self._updated:
            if story_id in self.stories:
                self._check_story(story_id, self.stories[story_id])
        for story_id in sorted(self._with_changed_members - set(self._updated) - set(self._forgotten)):
            self.add_problem(f"memberships of {story_id} changed without an update")
        self._merging, self._updated, self._with_changed_members = {}, {}, set()
        self._snapshots, self._forgotten, self._expected_forgotten = Counter(), [], []

    def _check_snapshots(self) -> None:
        """Check that each updated story has one snapshot, and no other story has any."""
        if set(self._snapshots) - set(self._forgotten) != set(self._updated) - set(self._forgotten):
            self.add_problem(
                f"there are updates of {sorted(self._updated)}, but snapshots of {sorted(self._snapshots)}"
            )
        for story_id, count in self._snapshots.items():
            if count != 1:
                self.add_problem(f"{count} snapshots of {story_id} in one transaction")

    def _check_forgotten(self, story_id: str) -> None:
        last = self.last[story_id]
        clock, changed_at = self.checkpoints[last.edition].clock, self._changed_at[story_id]
        if last.state is StoryState.OPEN or clock is None or clock.arrived_at < changed_at + self.retention:
            self.add_problem(f"{story_id} was forgotten at {clock}, but is {last.state.value} since {changed_at}")
        for article_id in self._articles_by_updates.pop(story_id, set()):
            self._story_by_updates.pop((last.edition, article_id), None)
        if self._articles_by_memberships[story_id]:
            self.add_problem(
                f"{story_id} was forgotten, but not its articles {sorted(self._articles_by_memberships[story_id])}"
            )

    def _check_story(self, story_id: str, story: Story) -> None:
        last, members = self.last[story_id], self._articles_by_memberships[story_id]
        for name in COMMON_FIELDS:
            if getattr(story, name) != getattr(last, name):
                self.add_problem(
                    f"{story_id}: {name} is {getattr(story, name)}, in the last update {getattr(last, name)}"
                )
        if story.updated_at != last.at:
            self.add_problem(f"{story_id}: updated_at is {story.updated_at}, the last update was at {last.at}")
        by_updates = self._articles_by_updates[story_id]
        if members != by_updates:
            self.add_problem(
                f"{story_id} has {sorted(members)} by the memberships, {sorted(by_updates)} by the updates"
            )
        counted = [self.members[story.edition, article_id] for article_id in members]
        # Each report and its copies have a group, named after the report that the group began with.
        reports = len({member.copy_group or member.copy_of or member.article_id for member in counted})
        if (len(counted), reports) != (story.article_count, story.report_count):
            self.add_problem(
                f"{story_id} counts {story.article_count} articles and {story.report_count} reports, but has "
                f"{len(counted)} and {reports}"
            )
        self._check_lineage(story_id, story)

    def _check_lineage(self, story_id: str, story: Story) -> None:
        def agree(other: str | None, attribute: str, *, listed: bool) -> bool:
            found = self.stories.get(other or "")
            if found is None:
                return other in self.last  # It was forgotten.
            value = getattr(found, attribute)
            return story_id in value if listed else story_id == value

        for other, attribute, listed in (
            *([(story.merged_into, "merged_from", True)] if story.merged_into else ()),
            *([(story.split_from, "split_into", True)] if story.split_from else ()),
            *((one, "merged_into", False) for one in story.merged_from),
            *((one, "split_from", False) for one in story.split_into),
        ):
            if not agree(other, attribute, listed=listed):
                self.add_problem(f"{story_id} names {other}, whose {attribute} does not name {story_id}")
