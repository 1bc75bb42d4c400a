"""What stands published, by the published words alone: a small model of its own that owes nothing to who publishes or verifies.

It is told the clusterer's records in the order in which a transaction wrote them, and holds stories' articles twice: as the
updates tell it, and as the memberships do. Between two transactions both must be the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from newsloom.contracts.membership import Checkpoint, Membership
from newsloom.contracts.story import Cause, Story, StoryState, StoryUpdate, UpdateKind

Article = tuple[str, str]
"""Edition and article id."""

SAID_ALIKE = (
    "version", "state", "title", "article_count", "report_count", "outlet_count", "outlets", "leanings", "merged_into",
    "merged_from", "split_from", "split_into", "kept_apart", "pinned", "related", "edition",
)  # fmt: skip
"""What a story and its last update say in the same words."""


@dataclass
class StateModel:
    """Stories, articles and how far each edition has come. `complain` is told of every contradiction, in a sentence."""

    complain: Callable[[str], None]
    retention: timedelta
    members: dict[Article, Membership] = field(default_factory=dict)
    stories: dict[str, Story] = field(default_factory=dict)
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    last: dict[str, StoryUpdate] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    _told: dict[Article, str] = field(default_factory=dict)
    _articles: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _members_of: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _under_way: dict[str, set[str]] = field(default_factory=dict)
    _touched: dict[str, None] = field(default_factory=dict)
    _moved: set[str] = field(default_factory=set)
    _snapshots: Counter[str] = field(default_factory=Counter)
    _forgotten: list[str] = field(default_factory=list)
    _outlived: list[str] = field(default_factory=list)

    # --- updates

    def update(self, update: StoryUpdate) -> None:
        """A change of one story."""
        name = f"{update.story_id} version {update.version}"
        last = self.last.get(update.story_id)
        expected = 1 if last is None else last.version + 1
        if update.version != expected:
            self.complain(f"{name}: expected version {expected}")
        if (update.kind is UpdateKind.CREATED) != (last is None):
            self.complain(f"{name} is of kind {update.kind.value}")
        if update.article_count_before != (0 if last is None else last.article_count):
            self.complain(f"{name} counts {update.article_count_before} articles before, not as the version before it")
        if last is not None and last.state is not StoryState.OPEN and update.state is not last.state:
            self.complain(f"{name} is {update.state.value} after it was {last.state.value}")
        self.last[update.story_id] = update
        self._touched[update.story_id] = None
        self.kinds[f"{update.kind.value}, {update.cause.value}"] += 1
        self._enter(update, name)
        if len(self._articles[update.story_id]) != update.article_count:
            self.complain(
                f"{name} counts {update.article_count} articles, by the updates it has {len(self._articles[update.story_id])}"
            )

    def _enter(self, update: StoryUpdate, name: str) -> None:
        article_ids = update.article_ids or (() if update.article is None else (update.article.id,))
        moved = update.kind is UpdateKind.MOVED
        shrinks = update.article_count < update.article_count_before
        if update.kind is UpdateKind.MERGED:
            self._merge(update, name)
        elif update.kind is UpdateKind.SPLIT or update.cause is Cause.RETRACTION or (moved and shrinks):
            self._leave(update, article_ids, name)
        elif moved or update.kind is UpdateKind.CREATED or update.cause is Cause.ARTICLE:
            self._join(update, article_ids, name)
        elif not self._articles[update.story_id].issuperset(article_ids):
            self.complain(f"{name} corrects {article_ids}, which it does not have")

    def _merge(self, update: StoryUpdate, name: str) -> None:
        if update.state is StoryState.MERGED:
            into = update.merged_into or ""
            self._under_way[into] = self._articles.pop(update.story_id, set())
            for article_id in self._under_way[into]:
                self._told.pop((update.edition, article_id), None)
            return
        coming = self._under_way.pop(update.story_id, None)
        if coming is None:
            self.complain(f"{name} takes in {update.merged_from[-1:]}, which was not said to go there")
        self._join(update, tuple(sorted(coming or ())), name)

    def _join(self, update: StoryUpdate, article_ids: tuple[str, ...], name: str) -> None:
        for article_id in article_ids:
            article = (update.edition, article_id)
            before = self._told.get(article)
            if before is not None and self.last[before].state is StoryState.OPEN:
                self.complain(f"{name}: article {article_id} joins, and is in {before}")
            elif before is not None:
                # No update tells that a story is forgotten: its snapshot will.
                self._outlived.append(before)
                self._articles[before].discard(article_id)
            self._told[article] = update.story_id
            self._articles[update.story_id].add(article_id)

    def _leave(self, update: StoryUpdate, article_ids: tuple[str, ...], name: str) -> None:
        for article_id in article_ids:
            if self._told.pop((update.edition, article_id), None) != update.story_id:
                self.complain(f"{name}: article {article_id} leaves, and was not in it")
            self._articles[update.story_id].discard(article_id)

    # --- state

    def member(self, article: Article, member: Membership | None) -> None:
        """An article's place; None: it has none any more."""
        before = self.members.pop(article, None)
        if before is not None:
            self._members_of[before.story_id].discard(article[1])
        if member is not None:
            self.members[article] = member
            self._members_of[member.story_id].add(article[1])
        stories = {one.story_id for one in (before, member) if one is not None}
        self._moved |= stories if before is None or member is None or before.story_id != member.story_id else set()

    def snapshot(self, story_id: str, story: Story | None) -> None:
        """A story as it stands; None: it is forgotten."""
        self._snapshots[story_id] += 1
        if story is None:
            self._forgotten.append(story_id)
            self.stories.pop(story_id, None)
            if story_id not in self.last:
                self.complain(f"{story_id} is forgotten, and was never there")
        else:
            self.stories[story_id] = story

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """How far an edition has come."""
        before = self.checkpoints.get(checkpoint.edition)
        if before is not None and (
            checkpoint.watermark < before.watermark or checkpoint.next_sequence < before.next_sequence
        ):
            self.complain(f"the checkpoint of {checkpoint.edition} goes back, from {before} to {checkpoint}")
        self.checkpoints[checkpoint.edition] = checkpoint

    # --- what must hold between two transactions

    def close_transaction(self) -> None:
        """Nothing is under way, and both tellings agree on every story that was touched."""
        self._check_snapshots()
        for into in self._under_way:
            self.complain(f"articles are on the way to {into}, which does not take them in")
        for story_id in sorted(set(self._outlived) - set(self._forgotten)):
            self.complain(f"an article of {story_id}, which stands, has joined another story")
        for story_id in self._forgotten:
            self._check_forgotten(story_id)
        for story_id in self._touched:
            if story_id in self.stories:
                self._check_story(story_id, self.stories[story_id])
        for story_id in sorted(self._moved - set(self._touched) - set(self._forgotten)):
            self.complain(f"articles came to {story_id}, or left it, and no update says so")
        self._under_way, self._touched, self._moved = {}, {}, set()
        self._snapshots, self._forgotten, self._outlived = Counter(), [], []

    def _check_snapshots(self) -> None:
        """One of each story that was touched, and of no other."""
        if set(self._snapshots) - set(self._forgotten) != set(self._touched) - set(self._forgotten):
            self.complain(f"updates are of {sorted(self._touched)}, snapshots of {sorted(self._snapshots)}")
        for story_id, count in self._snapshots.items():
            if count != 1:
                self.complain(f"{count} snapshots of {story_id} in one transaction")

    def _check_forgotten(self, story_id: str) -> None:
        last = self.last[story_id]
        watermark = self.checkpoints[last.edition].watermark
        if last.state is StoryState.OPEN or watermark < last.at + self.retention:
            self.complain(f"{story_id} is forgotten at {watermark}, {last.state.value} since {last.at}")
        for article_id in self._articles.pop(story_id, set()):
            self._told.pop((last.edition, article_id), None)
        if self._members_of[story_id]:
            self.complain(f"{story_id} is forgotten, and not its articles {sorted(self._members_of[story_id])}")

    def _check_story(self, story_id: str, story: Story) -> None:
        last, members = self.last[story_id], self._members_of[story_id]
        for name in SAID_ALIKE:
            if getattr(story, name) != getattr(last, name):
                self.complain(
                    f"{story_id}: {name} is {getattr(story, name)}, the last update says {getattr(last, name)}"
                )
        if story.updated_at != last.at:
            self.complain(f"{story_id} was updated at {story.updated_at}, by its last update at {last.at}")
        if members != self._articles[story_id]:
            self.complain(
                f"{story_id} has {sorted(members)} by the memberships, {sorted(self._articles[story_id])} by the updates"
            )
        counted = [self.members[story.edition, article_id] for article_id in members]
        reports = sum(member.copy_of is None for member in counted)
        if (len(counted), reports) != (story.article_count, story.report_count):
            self.complain(
                f"{story_id} counts {story.article_count} articles and {story.report_count} reports, it has "
                f"{len(counted)} and {reports}"
            )
        self._check_lineage(story_id, story)

    def _check_lineage(self, story_id: str, story: Story) -> None:
        def agree(other: str | None, attribute: str, *, listed: bool) -> bool:
            stands = self.stories.get(other or "")
            if stands is None:
                return other in self.last  # It was forgotten.
            said = getattr(stands, attribute)
            return story_id in said if listed else story_id == said

        for other, attribute, listed in (
            *([(story.merged_into, "merged_from", True)] if story.merged_into else ()),
            *([(story.split_from, "split_into", True)] if story.split_from else ()),
            *((one, "merged_into", False) for one in story.merged_from),
            *((one, "split_from", False) for one in story.split_into),
        ):
            if not agree(other, attribute, listed=listed):
                self.complain(f"{story_id} names {other}, whose {attribute} does not name it")
