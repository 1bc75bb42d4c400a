from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from evaluation.conditions import streams_by_condition, with_fewer_stories, with_short_texts
from evaluation.output.tables import f1_table
from evaluation.scores.comparison import F1Row
from evaluation.streams.files import read_stream
from evaluation.streams.stream import Stream
from tests.unit.evaluation.invented_stream import WordEncoder, row, rows_of_three_stories, write_stream

TEXT = 'The dam held. "We were lucky!" said the mayor of Arnmouth, a town of 4.5 thousand. Schools stay closed.'


@pytest.fixture
def stream(tmp_path: Path) -> Stream:
    """Nine articles of three stories, and one without a label."""
    return read_stream(write_stream(tmp_path, "three", [*rows_of_three_stories(), row(9, None)]))


def with_texts(stream: Stream, title: str, text: str) -> Stream:
    changed = [
        replace(one, article=msgspec.structs.replace(one.article, title=title, text=text)) for one in stream.articles
    ]
    return replace(stream, articles=tuple(changed))


@pytest.mark.parametrize(("sentences", "left"), [(0, ""), (1, "The dam held."), (9, TEXT)])
def test_a_text_keeps_its_first_sentences(stream: Stream, sentences: int, left: str) -> None:
    short = with_short_texts(with_texts(stream, "Flood", TEXT), sentences)
    assert {one.article.text for one in short.articles} == {left}
    assert [one.story for one in short.articles] == [one.story for one in stream.articles]


def test_an_article_without_a_title_keeps_its_text(stream: Stream) -> None:
    assert {one.article.text for one in with_short_texts(with_texts(stream, "", TEXT), 0).articles} == {TEXT}


@pytest.mark.parametrize(("kept", "stories"), [(0.0, 1), (0.6, 2), (1.0, 3)])
def test_a_sparse_stream_has_whole_stories_and_all_unlabelled_articles(
    stream: Stream, kept: float, stories: int
) -> None:
    left = with_fewer_stories(stream, kept).articles
    counts = {story: sum(one.story == story for one in left) for story in {one.story for one in left}}
    assert counts.pop(None) == 1
    assert list(counts.values()) == [3] * stories
    assert left == with_fewer_stories(stream, kept).articles


def test_every_condition_scores_the_streams_own_labels(stream: Stream) -> None:
    other = replace(stream, name="other")
    ready = streams_by_condition([stream, other], WordEncoder())
    assert len({one.name for some in ready.values() for one in some}) == 2 * len(ready)
    own = set(ready["as they are"][0].gold.ids)
    for some in ready.values():
        for one in some:
            assert set(one.gold.ids) <= own
            assert own.intersection(event.article_id for event in one.events) == set(one.gold.ids)
    background = ready["in a background"][0]
    assert len(background.events) > len(ready["as they are"][0].events)


def test_a_single_stream_has_no_background(stream: Stream) -> None:
    assert "in a background" not in streams_by_condition([stream], WordEncoder())


def test_a_row_ends_with_the_average() -> None:
    [*_, last] = f1_table("condition", [F1Row("sparse", {"one": 0.5, "other": 1.0})]).splitlines()
    assert last.replace(" ", "") == "|sparse|.500|1.000|.750|"
