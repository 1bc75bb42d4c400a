from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from evaluation.replays.replay import Replay, record_changes, replay
from evaluation.streams.event_stream import vectorize
from evaluation.streams.files import read_stream
from newsloom.contracts.membership import Decision, Membership, Verdict
from newsloom.contracts.story import ArticleRef, Cause, StoryState, StoryUpdate, UpdateKind
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.changes import StoryChanges
from services.clusterer.core.parameters import Parameters
from tests.unit.evaluation.invented_stream import WordEncoder, rows_of_three_stories, write_stream

NOW = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.fixture
def events(tmp_path: Path) -> list[ArticleVector]:
    stream = read_stream(write_stream(tmp_path, "three", rows_of_three_stories()))
    return [event for event in vectorize(stream, WordEncoder()) if event is not None]


def membership(article: str, story: str) -> Membership:
    return Membership(
        article_id=article,
        edition="main",
        story_id=story,
        sequence=0,
        title="",
        published_at=NOW,
        digest="",
        words=1,
        shingles=b"",
        title_vector=b"",
        lead_vector=b"",
        terms=b"",
        term_weights=b"",
        decision=Decision(verdict=Verdict.JOINED, bar=0.5),
    )


def update(story: str, kind: UpdateKind, **fields: object) -> StoryUpdate:
    plain = StoryUpdate(
        story_id=story,
        edition="main",
        version=1,
        kind=kind,
        cause=Cause.ARTICLE,
        at=NOW,
        state=StoryState.OPEN,
        title="",
        article_count=1,
        article_count_before=1,
        report_count=1,
        outlet_count=0,
        outlets={},
        leanings={},
    )
    return msgspec.structs.replace(plain, **fields)


def after_a_move(*updates: StoryUpdate) -> Replay:
    outcome = Replay()
    record_changes(outcome, StoryChanges(memberships=[("a", membership("a", "x"))]))
    record_changes(outcome, StoryChanges(updates=list(updates), memberships=[("a", membership("a", "y"))]))
    assert (outcome.first, outcome.final) == ({"a": "x"}, {"a": "y"})
    return outcome


def test_a_replay_finds_three_stories(events: list[ArticleVector]) -> None:
    outcome = replay(events, Parameters())
    assert list(outcome.final) == [f"a{number}" for number in range(9)]
    assert outcome.first.keys() == outcome.final.keys()
    for number in range(9):
        # Articles of one story share most words, articles of two stories few.
        together = {article for article, story in outcome.final.items() if story == outcome.final[f"a{number}"]}
        assert together == {f"a{number % 3 + 3 * day}" for day in range(3)}
    assert outcome.silent == 0
    assert outcome.seconds > 0


def test_a_replay_is_deterministic(events: list[ArticleVector]) -> None:
    one, other = replay(events, Parameters()), replay(events, Parameters())
    assert (one.first, one.final, one.moved) == (other.first, other.final, other.moved)


def test_parameters_reach_the_core(events: list[ArticleVector]) -> None:
    outcome = replay(events, Parameters(bar_base=10.0))
    assert len(set(outcome.final.values())) == 9


def test_a_published_merge_split_or_move_announces_a_change() -> None:
    merged = update("x", UpdateKind.MERGED, merged_into="y")
    assert after_a_move(merged).moved[UpdateKind.MERGED] == 1
    split = update("x", UpdateKind.SPLIT, split_into=("z", "y"), article_ids=("b", "a"))
    assert after_a_move(split).moved[UpdateKind.SPLIT] == 1
    ref = ArticleRef(id="a", title="", published_at=NOW)
    assert after_a_move(update("x", UpdateKind.MOVED, article=ref)).moved[UpdateKind.MOVED] == 1


@pytest.mark.parametrize(
    "unrelated",
    [
        update("y", UpdateKind.UPDATED),
        update("x", UpdateKind.MERGED, merged_into="z"),
        update("x", UpdateKind.UPDATED, split_into=("y",)),
        update("x", UpdateKind.SPLIT, split_into=("y",), article_ids=("b",)),
        update("x", UpdateKind.SPLIT, split_into=("y", "z"), article_ids=("a",)),
        update("x", UpdateKind.MOVED, article=ArticleRef(id="b", title="", published_at=NOW)),
    ],
)
def test_any_other_change_of_story_is_silent(unrelated: StoryUpdate) -> None:
    outcome = after_a_move(unrelated)
    assert outcome.silent == 1
    assert sum(outcome.moved.values()) == 0


def test_copies_are_those_at_the_end() -> None:
    outcome = Replay()
    copy = msgspec.structs.replace(membership("a", "x"), copy_of="b")
    record_changes(outcome, StoryChanges(memberships=[("a", copy)]))
    assert outcome.copies == {"a": "b"}
    record_changes(outcome, StoryChanges(memberships=[("a", membership("a", "x"))]))
    assert outcome.copies == {}


def test_a_deleted_membership_is_not_a_move() -> None:
    outcome = Replay()
    record_changes(outcome, StoryChanges(memberships=[("a", membership("a", "x"))]))
    record_changes(outcome, StoryChanges(memberships=[("a", None)]))
    assert (outcome.final, outcome.silent) == ({"a": "x"}, 0)
