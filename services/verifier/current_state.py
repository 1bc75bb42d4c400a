"""What stands: stories, memberships and checkpoints by name, each edition in its own partition."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeVar

from newsloom.contracts.membership import Checkpoint, Membership
from newsloom.contracts.story import Story, StoryState
from newsloom.contracts.topics import ARTICLE_STORIES, ARTICLE_VECTORS, STORIES, STORY_UPDATES
from services.verifier.findings import Findings, Invariant, Place
from services.verifier.story_replay import Account
from services.verifier.topic_contents import Books, Stood

Article = tuple[str, str]
"""Edition and article id."""


class _OfEdition(Protocol):
    @property
    def edition(self) -> str: ...


T = TypeVar("T", bound=_OfEdition)


@dataclass(frozen=True, slots=True)
class Standing:
    """The present state by name, and the accounts beside it. `members` are the memberships of each story.

    `cut` says whether updates are missing because retention has taken them.
    """

    accounts: Mapping[str, Account]
    stories: Mapping[str, Stood[Story]]
    memberships: Mapping[Article, Stood[Membership]]
    members: Mapping[str, list[Stood[Membership]]]
    checkpoints: Mapping[str, Stood[Checkpoint]]
    retention: timedelta
    cut: bool

    def forgotten(self, story_id: str) -> bool:
        """Whether a story that is not there may have been forgotten: closed, and out of its time."""
        if story_id in self.stories:
            return False
        account = self.accounts.get(story_id)
        if account is None:
            return self.cut
        checkpoint = self.checkpoints.get(account.last.edition)
        is_over = account.last.state is not StoryState.OPEN
        return is_over and checkpoint is not None and account.last.at + self.retention <= checkpoint.value.watermark


def standing_of(books: Books, accounts: Mapping[str, Account], retention: timedelta, findings: Findings) -> Standing:
    """The state by name. What stands outside its edition's partition is a finding, and counts only if it stands nowhere else."""
    homes = _homes(books)
    for topic, edition, name, place in _placed(books):
        findings.examined[Invariant.EDITIONS] += 1
        if place.partition != homes[edition]:
            findings.broken(
                Invariant.EDITIONS,
                f"{name} ({topic} {place}) is of edition {edition}, which lies in partition {homes[edition]}",
            )

    def home_last(stood: Iterable[Stood[T]]) -> list[Stood[T]]:
        return sorted(stood, key=lambda one: one.place.partition == homes[one.value.edition])

    memberships = {(one.value.edition, one.value.article_id): one for one in home_last(books.memberships)}
    members: defaultdict[str, list[Stood[Membership]]] = defaultdict(list)
    for one in memberships.values():
        members[one.value.story_id].append(one)
    return Standing(
        accounts=accounts,
        stories={one.value.id: one for one in home_last(books.stories)},
        memberships=memberships,
        members=members,
        checkpoints={one.value.edition: one for one in home_last(books.checkpoints)},
        retention=retention,
        cut=books.is_cut(STORY_UPDATES),
    )


def _homes(books: Books) -> dict[str, int]:
    """The partition where most of each edition lies."""
    counts: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for _, edition, _, place in _placed(books):
        counts[edition][place.partition] += 1
    return {edition: found.most_common(1)[0][0] for edition, found in counts.items()}


def _placed(books: Books) -> Iterator[tuple[str, str, str, Place]]:
    """Topic, edition, name and place of everything that is to lie in its edition's partition."""
    names = books.names
    for passed in books.accepted():
        what = f"article {passed.article_id}" if passed.article_id else "command"
        yield names[ARTICLE_VECTORS], passed.edition, what, passed.place
    for story in books.stories:
        yield names[STORIES], story.value.edition, f"story {story.value.id}", story.place
    for member in books.memberships:
        yield names[ARTICLE_STORIES], member.value.edition, f"article {member.value.article_id}", member.place
    for checkpoint in books.checkpoints:
        yield names[ARTICLE_STORIES], checkpoint.value.edition, "checkpoint", checkpoint.place
