from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.replays.replay import Replay
from evaluation.scores.metrics import agreement, b_cubed
from evaluation.scores.stream_scores import macro_average, score_replay
from evaluation.scores.windows import windowed_agreement, windows
from evaluation.streams.stream import Gold, LabelledArticle, Stream
from newsloom.contracts.article import Article
from newsloom.contracts.story import UpdateKind
from tests.unit.evaluation.invented_stream import row

START = date(2024, 3, 1)
START_MOMENT = datetime(2024, 3, 1, tzinfo=UTC)


def day(number: int) -> date:
    return START + timedelta(days=number)


def gold(stories: str, days: list[int] | None = None) -> Gold:
    ids = tuple(f"a{index}" for index in range(len(stories)))
    return Gold(ids, tuple(stories), tuple(map(day, days or [0] * len(stories))))


def outcome(first: str, final: str) -> Replay:
    ids = [f"a{index}" for index in range(len(first))]
    return Replay(first=dict(zip(ids, first, strict=True)), final=dict(zip(ids, final, strict=True)), seconds=0.5)


def test_windows_lie_within_the_stream_and_hold_seven_days() -> None:
    assert list(windows([day(0), day(6), day(8)])) == [[0, 1], [1], [1, 2]]


def test_a_stream_shorter_than_a_window_is_one() -> None:
    assert list(windows([day(0), day(3)])) == [[0, 1]]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=20).map(sorted))
def test_windows_are_what_a_slow_search_finds(numbers: list[int]) -> None:
    last = max(numbers[0], numbers[-1] - 6)
    slow = [
        [index for index, number in enumerate(numbers) if start <= number < start + 7]
        for start in range(numbers[0], last + 1)
    ]
    assert list(windows([day(number) for number in numbers])) == [indexes for indexes in slow if indexes]


def test_the_windowed_figure_is_the_mean_over_windows() -> None:
    labels = gold("aabb", [0, 0, 7, 7])
    # Windows: the a's, then the b's from day 1 on; a window never sees that they were put together.
    assert windowed_agreement(labels, ["x"] * 4).b3.f1 == 1.0
    assert b_cubed(labels.stories, ["x"] * 4).f1 < 1.0


def test_first_published_and_final_stories_are_both_scored() -> None:
    scored = score_replay(gold("aabb"), outcome("xyzz", "xxzz"), replayed=4, rejected=0, baselines={})
    assert scored.b3.f1 == 1.0
    assert scored.first_published == agreement("aabb", "xyzz")
    assert (scored.stories, scored.gold_stories, scored.articles_per_s) == (2, 2, 8.0)


def test_an_article_without_a_story_counts_as_one_of_its_own() -> None:
    replayed = outcome("xx", "xx")
    scored = score_replay(gold("aab"), replayed, replayed=2, rejected=1, baselines={})
    assert scored.stories == 2
    assert scored.b3.f1 == 1.0


def test_stories_of_one_article_are_left_out_of_several() -> None:
    scored = score_replay(gold("aabc"), outcome("xxyy", "xxyy"), replayed=4, rejected=0, baselines={})
    assert scored.several.b3.f1 == 1.0
    assert scored.b3.precision == 0.75


def test_moves_are_for_every_thousand_articles_replayed() -> None:
    replayed = outcome("xy", "xx")
    replayed.moved[UpdateKind.MERGED] = 1
    replayed.silent = 3
    scored = score_replay(gold("aa"), replayed, replayed=4, rejected=0, baselines={})
    assert scored.moved_per_1000 == {"merged": 250.0, "split": 0.0, "moved": 0.0}
    assert scored.silent_changes == 3


def test_the_macro_average_is_unweighted() -> None:
    good = score_replay(gold("aabb"), outcome("xxyy", "xxyy"), replayed=4, rejected=0, baselines={"other": "xxxx"})
    bad = score_replay(gold("ab"), outcome("xx", "xx"), replayed=2, rejected=0, baselines={"other": "xy"})
    mean = macro_average([good, bad])
    assert mean.b3.f1 == pytest.approx((1 + bad.b3.f1) / 2)
    assert mean.baselines["other"].b3.recall == 1.0


def test_background_is_not_scored() -> None:
    articles = tuple(
        LabelledArticle(Article(id=str(one["id"]), title="t", text="x"), START_MOMENT, story)
        for one, story in ((row(1, "flood"), "flood"), (row(2, None), None))
    )
    assert Stream("mixed", articles).gold().ids == ("a1",)
