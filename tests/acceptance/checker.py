"""An independent bookkeeper. It knows nothing of the engine: it reads what was published and sees whether the books agree.

Its whole model is a table of which article is in which story, kept by the letter of every update in the order of the log.
It takes for granted that nothing has been forgotten yet (`NEWSLOOM_RETENTION_DAYS`) and one partition of every topic.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import zip_longest

from newsloom.contracts.command import CommandKind
from newsloom.contracts.membership import Membership
from newsloom.contracts.story import HISTORY_MAX, Cause, HistoryEntry, Story, StoryState, StoryUpdate, UpdateKind
from newsloom.streaming.records import Record
from tests.acceptance.command_checker import command_problems, standing_problems, undoing_problems
from tests.acceptance.published import Published

Article = tuple[str, str]
"""Edition and article id."""
COMMANDS = frozenset(kind.value for kind in CommandKind)


def problems(published: Published) -> list[str]:
    """Everything that does not add up, from the articles to the stories; empty if the books are in order."""
    return [*embedding_problems(published), *clustering_problems(published)]


def embedding_problems(published: Published) -> Iterator[str]:
    """Every article and every command that was not rejected was passed on once, in order; nothing else was."""
    commands = [record for record in published.vectors if _event(record)["kind"] in COMMANDS]
    vectors = [record for record in published.vectors if record not in commands]
    for kind, given, passed in (
        ("vector", published.articles, vectors),
        ("command", published.commands, commands),
    ):
        accepted = _accepted(given, published.dead_letters)
        expected = [f"{record.topic}/{record.partition}/{record.offset}" for record in accepted]
        found = [record.header("ce_id") for record in passed]
        for place, (wanted, got) in enumerate(zip_longest(expected, found)):
            if wanted != got:
                yield f"{kind} number {place} is of record {got}, not of {wanted}"
                break


def clustering_problems(published: Published) -> Iterator[str]:
    """What the clusterer was given, its updates, its stories and its memberships tell one tale."""
    ledger = Ledger()
    for update in published.updates:
        ledger.book(update)
    yield from ledger.problems
    yield from _same("live articles", live_articles(published), set(ledger.place))
    # What was rejected may be no event at all.
    accepted = _accepted(published.vectors, published.dead_letters)
    commands = [record for record in accepted if _event(record)["kind"] in COMMANDS]
    yield from command_problems(commands, published.updates)
    placed = {article for article, member in published.memberships.items() if member.placed_by is not None}
    yield from _same("articles placed by command", ledger.placed, placed)
    memberships = {article: member.story_id for article, member in published.memberships.items()}
    yield from _same("memberships", set(ledger.place.items()), set(memberships.items()))
    yield from _same("story ids", set(ledger.updates), set(published.stories))
    standing = [story for story in published.stories.values() if story.state is not StoryState.MERGED]
    yield from _same("sum of article counts", len(memberships), sum(story.article_count for story in standing))
    members: defaultdict[str, list[Membership]] = defaultdict(list)
    for member in published.memberships.values():
        members[member.story_id].append(member)
    for story_id, story in published.stories.items():
        yield from _story_problems(story, members[story_id])
        yield from _update_problems(story, ledger.updates[story_id])
        yield from _lineage_problems(story, published.stories)
        yield from standing_problems(story, published.stories)


def live_articles(published: Published) -> set[Article]:
    """The articles that were sent to the clusterer and not withdrawn since."""
    live: set[Article] = set()
    for record in _accepted(published.vectors, published.dead_letters):
        event = _event(record)
        if event["kind"] == "retraction":
            live.discard((event["edition"], event["article_id"]))
        elif event["kind"] == "vector":
            live.add((event["edition"], event["article_id"]))
    return live


def _event(record: Record) -> dict[str, str]:
    event: dict[str, str] = json.loads(record.value or b"")
    return event


def _accepted(records: Iterable[Record], dead_letters: Iterable[Record]) -> list[Record]:
    rejected = {
        (
            letter.header("dead-letter-topic"),
            letter.header("dead-letter-partition"),
            letter.header("dead-letter-offset"),
        )
        for letter in dead_letters
    }
    return [record for record in records if (record.topic, str(record.partition), str(record.offset)) not in rejected]


@dataclass
class Ledger:
    """Which article is in which story, by the updates alone."""

    place: dict[Article, str] = field(default_factory=dict)
    updates: defaultdict[str, list[StoryUpdate]] = field(default_factory=lambda: defaultdict(list))
    placed: set[Article] = field(default_factory=set)
    """The articles that are where a command has put them."""
    problems: list[str] = field(default_factory=list)

    def book(self, update: StoryUpdate) -> None:
        """Take one update in."""
        before = self.updates[update.story_id]
        name = f"{update.story_id} version {update.version}"
        if update.version != len(before) + 1:
            self.problems.append(f"{name} comes after {len(before)} updates")
        if update.article_count_before != (before[-1].article_count if before else 0):
            self.problems.append(f"{name} had {update.article_count_before} articles before, by its own account only")
        if (update.kind is UpdateKind.CREATED) != (not before):
            self.problems.append(f"{name} is of kind {update.kind.value}")
        self.problems += undoing_problems(before[-1] if before else None, update, self.placed)
        self._move(update, name)
        before.append(update)
        held = sum(story_id == update.story_id for story_id in self.place.values())
        if held != update.article_count:
            self.problems.append(f"{name} counts {update.article_count} articles; by the updates it has {held}")

    def _move(self, update: StoryUpdate, name: str) -> None:
        if update.kind is UpdateKind.MERGED:
            self._merge(update)
        if update.kind is UpdateKind.SPLIT:
            self._split(update, name)
        if update.article is None:
            return
        article = (update.edition, update.article.id)
        home = self.place.get(article)
        here = update.story_id
        leaves = update.cause is Cause.RETRACTION or (update.kind is UpdateKind.MOVED and home == here)
        stays = update.kind is UpdateKind.UPDATED and update.cause is Cause.CORRECTION
        if home != (here if leaves or stays else None):
            self.problems.append(f"{name}: article {update.article.id} is in {home}")
        if leaves:
            self.place.pop(article, None)
        else:
            self.place[article] = here
        if update.cause is Cause.RETRACTION:
            self.placed.discard(article)
        elif update.cause is Cause.COMMAND:
            self.placed.add(article)

    def _merge(self, update: StoryUpdate) -> None:
        if update.state is StoryState.MERGED and update.merged_into is not None:
            moved = [article for article, story_id in self.place.items() if story_id == update.story_id]
            self.place.update(dict.fromkeys(moved, update.merged_into))
            self.placed.update(moved if update.cause is Cause.COMMAND else ())

    def _split(self, update: StoryUpdate, name: str) -> None:
        for article_id in update.article_ids:
            article = (update.edition, article_id)
            if self.place.get(article) != update.story_id:
                self.problems.append(f"{name}: article {article_id} is in {self.place.get(article)}")
            self.place[article] = update.split_into[-1]
            self.placed.add(article)


def _story_problems(story: Story, members: list[Membership]) -> Iterator[str]:
    """A story is the sum of its members."""
    name = f"story {story.id}"
    outlets = Counter(member.outlet for member in members if member.outlet is not None)
    leanings = Counter(member.leaning.value for member in members if member.leaning is not None)
    latest = sorted(members, key=lambda member: (member.published_at, member.sequence), reverse=True)
    listed = latest[: len(story.articles)]
    yield from _same(f"{name}: articles", len(members), story.article_count)
    yield from _same(f"{name}: reports", sum(member.copy_of is None for member in members), story.report_count)
    yield from _same(f"{name}: outlets", len(outlets), story.outlet_count)
    yield from _same(f"{name}: most frequent outlets", sorted(outlets.values())[-100:], sorted(story.outlets.values()))
    yield from _same(f"{name}: outlets", {**outlets, **story.outlets}, dict(outlets))
    yield from _same(f"{name}: leanings", dict(leanings), story.leanings)
    yield from _same(f"{name}: listed", [member.article_id for member in listed], [ref.id for ref in story.articles])
    yield from _same(f"{name}: copies", [member.copy_of for member in listed], [ref.copy_of for ref in story.articles])
    yield from _same(f"{name}: omitted", len(members) - len(story.articles), story.articles_omitted)
    if members:
        yield from _same(f"{name}: first", latest[-1].published_at, story.first_published_at)
        yield from _same(f"{name}: last", latest[0].published_at, story.last_published_at)
        titles = {member.article_id: member.title for member in members if member.copy_of is None}
        yield from _same(f"{name}: title", titles.get(story.title_article_id), story.title)
    ids = {member.article_id for member in members if member.copy_of is None}
    for member in members:
        if member.copy_of is not None and member.copy_of not in ids:
            yield f"{name}: {member.article_id} is a copy of {member.copy_of}, which is no report of this story"


def _update_problems(story: Story, updates: list[StoryUpdate]) -> Iterator[str]:
    """A story is what its updates have made of it."""
    name = f"story {story.id}"
    if not updates:
        return
    last = updates[-1]
    for attribute in (
        "version", "state", "title", "article_count", "report_count", "outlet_count", "outlets", "leanings",
        "merged_into", "merged_from", "split_from", "split_into", "kept_apart", "pinned", "related", "edition",
    ):  # fmt: skip
        yield from _same(f"{name}: {attribute} of the last update", getattr(last, attribute), getattr(story, attribute))
    yield from _same(f"{name}: time of the last update", last.at, story.updated_at)
    yield from _same(f"{name}: history", expected_history(updates), list(story.history))


def expected_history(updates: Iterable[StoryUpdate]) -> list[HistoryEntry]:
    """The history by the rule that `Story` states, with exact ratios."""
    history: list[HistoryEntry] = []
    for update in updates:
        if update.article_count != update.article_count_before:
            history.append(
                HistoryEntry(
                    version=update.version,
                    at=update.at,
                    article_count=update.article_count,
                    title=update.title,
                    kind=update.kind,
                    cause=update.cause,
                )
            )
        if len(history) > HISTORY_MAX:
            inner = range(len(history) - 2, 0, -1)
            del history[min(inner, key=lambda place: _ratio(history[place - 1], history[place + 1]))]
    return history


def _ratio(one: HistoryEntry, other: HistoryEntry) -> Fraction:
    low, high = sorted((one.article_count + 1, other.article_count + 1))
    return Fraction(high, low)


def _lineage_problems(story: Story, stories: dict[str, Story]) -> Iterator[str]:
    """A merge is told on both sides."""
    if (story.state is StoryState.MERGED) != (story.merged_into is not None):
        yield f"story {story.id} is {story.state.value}, and merged into {story.merged_into}"
    target = stories.get(story.merged_into or "")
    if story.merged_into is not None and (target is None or story.id not in target.merged_from):
        yield f"story {story.id} went into {story.merged_into}, which does not know it"
    for absorbed in story.merged_from:
        source = stories.get(absorbed)
        if source is None or source.merged_into != story.id:
            yield f"story {story.id} has taken in {absorbed}, which does not know it"


def _same(what: str, expected: object, found: object) -> Iterator[str]:
    if expected == found:
        return
    if isinstance(expected, set) and isinstance(found, set):
        missing, extra = sorted(expected - found, key=repr), sorted(found - expected, key=repr)
        yield f"{what}: {len(missing)} missing {missing[:3]}, {len(extra)} too many {extra[:3]}"
    else:
        yield f"{what}: expected {expected!r:.300}, found {found!r:.300}"
