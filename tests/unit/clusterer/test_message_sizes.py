"""Every message stays under 64 KiB, whatever a producer writes into its fields."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from newsloom.contracts.article import Leaning
from newsloom.contracts.codec import decode_state, decode_story, decode_update
from newsloom.contracts.command import SPLIT_BYTES_MAX, CommandKind, CommandRef
from newsloom.contracts.limits import json_size_bytes, truncate
from newsloom.contracts.membership import (
    Candidate,
    Checkpoint,
    Decision,
    Membership,
    MergeDecision,
    Verdict,
    ZeroPointState,
)
from newsloom.contracts.story import (
    ARTICLES_MAX,
    HISTORY_MAX,
    HISTORY_TITLE_BYTES_MAX,
    KEPT_APART_MAX,
    LINEAGE_MAX,
    OUTLETS_MAX,
    RELATED_MAX,
    Cause,
    HistoryEntry,
    UpdateKind,
)
from newsloom.contracts.vector import HASHES_MAX, TITLE_CHARACTERS_MAX
from newsloom.settings import Settings
from newsloom.streaming.records import Message, Record
from services.clusterer.core.changes import StoryChanges
from services.clusterer.core.copy_groups import CopyGroups
from services.clusterer.core.publication import story_snapshot, story_update
from services.clusterer.core.ranking import CANDIDATES_KEPT_MAX
from services.clusterer.core.story import LiveStory
from services.clusterer.core.zero_point import ZeroPoint, ZeroPoints
from services.clusterer.messages import MessageBuilder
from tests.contract.examples import TRACEPARENT
from tests.laws.streams import START

MESSAGE_BYTES_MAX = 65_536
LONGEST = "\x00"
"""The character that is longest in JSON: six bytes."""
LONG_NUMBER = -1 / 3e-7
VECTOR = bytes(2 * 1_536)
STORY_ID = "st-" + "x" * 16
EDITION = "e" * 64
BUILDER = MessageBuilder(Settings(topic_prefix="p" * 64))
CAUSE = Record(
    "p" * 64 + "article-vectors", 9_999, 2**63 - 1, 2**41, b"", b"", (("traceparent", TRACEPARENT.encode()),)
)
LONG_COMMAND = CommandRef(
    id="c" * 64, kind=CommandKind.UNPIN, by="x" + LONGEST * 255, why="x" + LONGEST * 999, issued_at=START
)


CANDIDATES = tuple(
    Candidate(
        story_id=STORY_ID, **dict.fromkeys(("score", "centroid", "mean", "title", "lead", "terms", "time"), LONG_NUMBER)
    )
    for _ in range(CANDIDATES_KEPT_MAX)
)
LONG_DECISION = Decision(
    verdict=Verdict.COMMANDED,
    bar=LONG_NUMBER,
    background_mean=LONG_NUMBER,
    background_std=LONG_NUMBER,
    background_count=10,
    candidates=CANDIDATES,
    jaccard=LONG_NUMBER,
)


def size(message: Message) -> int:
    headers = sum(len(name) + len(value) for name, value in message.headers)
    return len(message.key or b"") + len(message.value or b"") + headers


def member(number: int, *, character: str, **changed: Any) -> Membership:
    """Build an article with every field at its maximum length."""
    article_id = f"{number:04}".ljust(256 // len(character.encode()), character)
    value = Membership(
        article_id=article_id,
        edition=EDITION,
        story_id=STORY_ID,
        sequence=2**40 + number,
        title=f"{number:04}".ljust(TITLE_CHARACTERS_MAX, character),
        published_at=START + timedelta(microseconds=number),
        digest=LONGEST * 64,
        words=1_000_000,
        shingles=bytes(4 * HASHES_MAX),
        title_vector=VECTOR,
        lead_vector=VECTOR,
        terms=bytes(4 * HASHES_MAX),
        term_weights=bytes(2 * HASHES_MAX),
        decision=LONG_DECISION,
        url=character * 2_048,
        outlet=f"{number:04}".ljust(256, character),
        language=character * 35,
        leaning=Leaning.CENTER,
        copy_of=article_id,
        copy_group=article_id + "#1000000",
        merge=MergeDecision(
            from_story_id=STORY_ID,
            affinity=LONG_NUMBER,
            bar=LONG_NUMBER,
            command=LONG_COMMAND,
            second_look=LONG_DECISION,
        ),
        placed_by=LONG_COMMAND,
    )
    return msgspec.structs.replace(value, **changed)


def story(character: str) -> LiveStory:
    """Build a story with every list full, of articles at their maximum length."""
    full = LiveStory(STORY_ID, 0, START, START, START, START, version=10**9)
    for number in range(OUTLETS_MAX + 50):
        full.add(member(number, character=character, copy_of=None, copy_group=None))
    first = full.members[next(iter(full.members))]
    full.title, full.title_article_id = first.title, first.article_id
    listed = truncate(first.title[:200], bytes_max=HISTORY_TITLE_BYTES_MAX)
    entry = HistoryEntry(
        version=10**9,
        at=START + timedelta(microseconds=1),
        article_count=10**6,
        title=listed,
        kind=UpdateKind.UPDATED,
        cause=Cause.RETRACTION,
    )
    full.history = (entry,) * HISTORY_MAX
    full.merged_from = full.split_into = (STORY_ID,) * LINEAGE_MAX
    full.kept_apart = (STORY_ID,) * KEPT_APART_MAX
    full.related = (STORY_ID,) * RELATED_MAX
    full.split_from = STORY_ID
    full.pinned = LONG_COMMAND
    return full


@pytest.mark.parametrize("character", [LONGEST, "\U0001f600", "x"])
def test_the_largest_story_fits_into_a_message(character: str) -> None:
    full = story(character)
    message = BUILDER.story(STORY_ID, story_snapshot(full, EDITION, CopyGroups()), EDITION, START, CAUSE, at_ms=0)
    assert size(message) < MESSAGE_BYTES_MAX
    published = decode_story(message.value or b"")
    assert published.articles_omitted == full.article_count - len(published.articles)
    # At least some outlets fit even then.
    assert len(published.outlets) >= 5


def test_short_names_and_titles_are_all_listed() -> None:
    full = story("x")
    short = LiveStory(STORY_ID, 0, START, START, START, START)
    for number in range(OUTLETS_MAX):
        short.add(
            member(
                number,
                character="x",
                title="Ferry sinks",
                url=None,
                outlet=f"Outlet {number}",
                copy_of=None,
                copy_group=None,
            )
        )
    short.history = full.history
    published = story_snapshot(short, EDITION, CopyGroups())
    assert len(published.articles) == ARTICLES_MAX
    assert len(published.outlets) == OUTLETS_MAX


@pytest.mark.parametrize("kind", [UpdateKind.UPDATED, UpdateKind.SPLIT])
@pytest.mark.parametrize("character", [LONGEST, "\U0001f600"])
def test_the_largest_update_and_membership_fit_into_a_message(character: str, kind: UpdateKind) -> None:
    full = story(character)
    longest = member(0, character=character)
    split = kind is UpdateKind.SPLIT
    ids = ["x" * 256] * (SPLIT_BYTES_MAX // (json_size_bytes("x" * 256) + 1))
    published = story_update(
        full,
        EDITION,
        kind=kind,
        cause=Cause.COMMAND,
        late=True,
        count_before=10**6,
        article=None if split else longest,
        article_ids=tuple(ids) if split else (),
        command=LONG_COMMAND,
    )
    changes = StoryChanges(updates=[published], memberships=[(longest.article_id, longest)])
    updated, placed = BUILDER.changes(changes, EDITION, START, CAUSE)
    assert decode_update(updated.value or b"") == published
    assert decode_state(placed.value or b"") == longest
    assert max(size(updated), size(placed)) < MESSAGE_BYTES_MAX


def test_the_largest_checkpoint_fits_into_a_message() -> None:
    values = b"\x7f\x7f" * 4_096
    zero_point = ZeroPointState(title=values, lead=values, measured_at=2**60)
    zero_points = ZeroPoints(ZeroPoint.restored(zero_point), {})
    while zero_points.has_room():
        language = f"{LONGEST * 34}{len(zero_points.by_language)}"
        by_language = {**zero_points.by_language, language: zero_points.edition}
        zero_points = ZeroPoints(zero_points.edition, by_language)
    checkpoint = Checkpoint(
        edition=EDITION,
        watermark=START,
        next_sequence=2**60,
        model=LONGEST * 256,
        dimension=4_096,
        zero_point=zero_point,
        language_zero_points=zero_points.language_states(),
    )
    assert size(BUILDER.checkpoint(checkpoint, CAUSE)) < MESSAGE_BYTES_MAX


def test_the_most_frequent_outlets_that_fit_are_listed() -> None:
    full = LiveStory(STORY_ID, 0, START, START, START, START)
    full.add(member(0, character="x", copy_of=None, copy_group=None))
    full.outlets.clear()
    for number in range(60):
        full.outlets.add("y" * 256 + str(number), 100 - number)
    named = story_snapshot(full, EDITION, CopyGroups()).outlets
    assert list(named.values()) == list(range(100, 100 - len(named), -1))
    assert 20 < len(named) < 40
