"""A story's account: its updates, one after the other, and which articles they have left it with.

An account needs no other story's updates but those of the stories it has taken in. So it is the same however the updates are
spread over partitions: only the order within a story counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import NamedTuple

from newsloom.contracts.command import CommandKind
from newsloom.contracts.limits import truncate
from newsloom.contracts.story import (
    HISTORY_MAX,
    HISTORY_TITLE_BYTES_MAX,
    TITLE_LISTED_MAX,
    Cause,
    HistoryEntry,
    StoryState,
    StoryUpdate,
    UpdateKind,
)
from services.verifier.findings import Findings, Invariant, Place
from services.verifier.topic_contents import Stood


class Move(Enum):
    """What an update does to the set of a story's articles."""

    JOIN = "joins"
    LEAVE = "leaves"
    STAY = "stays"
    ABSORB = "takes in"


class Entry(NamedTuple):
    """One line of an account: `articles` after it, `command` if one wanted it. `ABSORB` names the story that is taken in."""

    version: int
    articles: int
    move: Move
    names: tuple[str, ...]
    command: CommandKind | None
    kind: UpdateKind


@dataclass(slots=True)
class Account:
    """What the updates of one story, in their order, say of it.

    `whole` if they are there from version 1, and those of every story that it took in too: else some of its `articles` are
    not known. `articles`, each with whether a command has put it there, are those it has after the last update (for a
    story that was merged: before it).
    """

    story_id: str
    whole: bool
    first: StoryUpdate
    place: Place
    last: StoryUpdate
    updates: int = 0
    entries: list[Entry] = field(default_factory=list)
    history: list[HistoryEntry] = field(default_factory=list)
    articles: dict[str, bool] = field(default_factory=dict)
    balanced: bool = False

    @property
    def is_merged(self) -> bool:
        """Whether it lives on in another story."""
        return self.last.state is StoryState.MERGED


def opened_accounts(updates: Iterable[Stood[StoryUpdate]], cut: set[int], findings: Findings) -> dict[str, Account]:
    """The accounts by story id, their articles not yet found (`balance`); `cut` are the partitions without a beginning."""
    accounts: dict[str, Account] = {}
    for place, update, _ in updates:
        name = f"{update.story_id} version {update.version} ({place})"
        account = accounts.get(update.story_id)
        if account is None:
            whole = update.version == 1
            account = accounts[update.story_id] = Account(update.story_id, whole, update, place, update)
            if not whole and place.partition not in cut:
                findings.broken(Invariant.VERSIONS, f"{name} is the first of its story")
        else:
            _check_next(account, update, place, name, findings)
        _enter(account, update, name, findings)
    return accounts


def _check_next(account: Account, update: StoryUpdate, place: Place, name: str, findings: Findings) -> None:
    last = account.last
    if place.partition != account.place.partition:
        findings.broken(
            Invariant.VERSIONS, f"{name} is not in partition {account.place.partition}, where the others are"
        )
    if update.version != last.version + 1:
        findings.broken(Invariant.VERSIONS, f"{name} comes after version {last.version}")
    if update.edition != account.first.edition:
        findings.broken(
            Invariant.EDITIONS, f"{name} is of edition {update.edition}, the story of {account.first.edition}"
        )
    findings.same(Invariant.CHANGES, f"{name}: article count before", last.article_count, update.article_count_before)
    if last.state is not StoryState.OPEN and update.state is not last.state:
        findings.broken(Invariant.CHANGES, f"{name} is {update.state.value}, and was {last.state.value} before")
    if update.cause is not Cause.COMMAND:
        _check_not_undone(last, update, name, findings)


def _check_not_undone(last: StoryUpdate, update: StoryUpdate, name: str, findings: Findings) -> None:
    """What the engine does by itself leaves alone what was commanded."""
    if update.kind is UpdateKind.MERGED and last.pinned is not None:
        findings.broken(Invariant.COMMANDS, f"{name} was merged, and is pinned")
    if update.merged_into is not None and update.merged_into in last.kept_apart:
        findings.broken(Invariant.COMMANDS, f"{name} went into {update.merged_into}, from which it is kept apart")


def _enter(account: Account, update: StoryUpdate, name: str, findings: Findings) -> None:
    findings.examined[Invariant.VERSIONS] += 1
    if (update.kind is UpdateKind.CREATED) != (update.version == 1):
        findings.broken(Invariant.CHANGES, f"{name} is of kind {update.kind.value}")
    if update.version == 1:
        findings.same(Invariant.CHANGES, f"{name}: article count before", 0, update.article_count_before)
    account.last = update
    account.updates += 1
    if (entry := _entry(update)) is not None:
        account.entries.append(entry)
    elif update.state is StoryState.MERGED:
        findings.same(Invariant.CHANGES, f"{name}: article count of a merged story", 0, update.article_count)
    else:
        before = update.article_count_before
        findings.same(Invariant.CHANGES, f"{name}: article count, which nothing changed", before, update.article_count)
    if update.article_count != update.article_count_before:
        _extend(account.history, update)


def _entry(update: StoryUpdate) -> Entry | None:
    command = update.command.kind if update.command is not None else None

    def entry(move: Move, names: tuple[str, ...]) -> Entry:
        return Entry(update.version, update.article_count, move, names, command, update.kind)

    if update.kind is UpdateKind.MERGED and update.state is not StoryState.MERGED:
        return entry(Move.ABSORB, update.merged_from[-1:])
    if update.kind is UpdateKind.SPLIT:
        return entry(Move.LEAVE, update.article_ids)
    if update.kind is UpdateKind.CREATED and update.split_from is not None:
        return entry(Move.JOIN, update.article_ids)
    return None if update.article is None else entry(_move(update), (update.article.id,))


def _move(update: StoryUpdate) -> Move:
    if update.cause is Cause.RETRACTION:
        return Move.LEAVE
    if update.kind is UpdateKind.MOVED:
        # Both sides of a move are told: one has an article less, the other one more.
        return Move.LEAVE if update.article_count < update.article_count_before else Move.JOIN
    return Move.STAY if update.cause is Cause.CORRECTION and update.kind is UpdateKind.UPDATED else Move.JOIN


def _extend(history: list[HistoryEntry], update: StoryUpdate) -> None:
    """By the rule that `Story` states, with exact ratios."""
    history.append(
        HistoryEntry(
            version=update.version,
            at=update.at,
            article_count=update.article_count,
            title=listed_title(update.title),
            kind=update.kind,
            cause=update.cause,
        )
    )
    if len(history) > HISTORY_MAX:
        inner = range(len(history) - 2, 0, -1)
        del history[min(inner, key=lambda place: _ratio(history[place - 1], history[place + 1]))]


def listed_title(title: str) -> str:
    """A title as a history has it."""
    return truncate(title[:TITLE_LISTED_MAX], bytes_max=HISTORY_TITLE_BYTES_MAX)


def _ratio(one: HistoryEntry, other: HistoryEntry) -> Fraction:
    low, high = sorted((one.article_count + 1, other.article_count + 1))
    return Fraction(high, low)
