from __future__ import annotations

from evaluation.hard_streams.scenes import Kind
from evaluation.hard_streams.stream import HardLabel
from evaluation.replays.replay import Replay
from evaluation.scores.hard_scores import score_hard_articles


def label(event: str, kind: Kind = Kind.LOOK_ALIKES, original: str | None = None) -> HardLabel:
    return HardLabel(kind, "en", event, original)


def test_pairs_with_articles_of_other_kinds_count_as_wrong() -> None:
    labels = {"a": label("x"), "b": label("x"), "c": label("y"), "d": label("z", Kind.WALLS)}
    scores = score_hard_articles(labels, Replay(final={"a": "s", "b": "s", "c": "t", "d": "s", "other": "s"}))
    look_alikes = scores.kinds["look-alikes"]
    # Pairs in one story: a-b, a-d, b-d, a-other, b-other.
    assert look_alikes.precision == 1 / 5
    assert look_alikes.recall == 1.0
    assert (look_alikes.articles, look_alikes.events, look_alikes.stories) == (3, 2, 2)
    assert look_alikes.largest_share == 2 / 3
    assert scores.kinds["walls"].precision == 0.0
    assert scores.languages["en"] == scores.all


def test_missing_pairs_lower_recall_and_no_pairs_are_perfect() -> None:
    labels = {"a": label("x"), "b": label("x"), "c": label("x"), "d": label("y")}
    apart = score_hard_articles(labels, Replay(final={"a": "s", "b": "s", "c": "t", "d": "u"})).all
    assert (apart.precision, apart.recall) == (1.0, 1 / 3)
    alone = score_hard_articles({"d": label("y")}, Replay(final={"d": "u"})).all
    assert (alone.precision, alone.recall) == (1.0, 1.0)


def test_a_copy_of_another_event_is_false_and_a_copy_of_a_copy_of_its_event_is_found() -> None:
    labels = {
        "a": label("x"),
        "b": label("x", original="a"),
        "c": label("x", original="a"),
        "d": label("y"),
    }
    final = {"a": "s", "b": "s", "c": "s", "d": "s"}
    scores = score_hard_articles(labels, Replay(final=final, copies={"b": "a", "d": "a"})).all
    assert scores.copies_found == 1 / 2
    assert scores.false_copies == 1 / 4
    # A labelled article is of no hard event: a copy of it is false as well.
    elsewhere = score_hard_articles(labels, Replay(final=final, copies={"b": "other"})).all
    assert (elsewhere.copies_found, elsewhere.false_copies) == (0.0, 1 / 4)


def test_an_article_without_a_story_is_in_no_pair() -> None:
    labels = {"a": label("x"), "b": label("x")}
    scores = score_hard_articles(labels, Replay(final={"a": "s"})).all
    assert (scores.precision, scores.recall, scores.stories) == (1.0, 0.0, 1)
