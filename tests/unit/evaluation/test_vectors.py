from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from evaluation.streams.stream import Stream, read_stream
from evaluation.streams.vectors import CachedEncoder, vectorize
from services.embedder.encoder import Encoder
from tests.unit.evaluation.newsroom import WordEncoder, rows_of_three_stories, write_stream


def never() -> Encoder:
    pytest.fail("the model was loaded, although every vector is known")


def cached(folder: Path, encoder: WordEncoder, model: str = "words") -> CachedEncoder:
    return CachedEncoder(model, lambda: encoder, folder, lambda *_: None)


def three_stories(folder: Path) -> Stream:
    return read_stream(write_stream(folder, "three", rows_of_three_stories()))


def test_a_known_text_is_not_encoded_again_and_comes_back_to_the_bit(tmp_path: Path) -> None:
    texts = ["one two", "three four", "one two"]
    first = WordEncoder()
    given = cached(tmp_path, first).encode(texts)
    assert sorted(first.texts) == ["one two", "three four"]
    again = CachedEncoder("words", never, tmp_path, lambda *_: None).encode(texts)
    assert np.array_equal(given, WordEncoder().encode(texts))
    assert np.array_equal(again, given)


def test_another_model_and_another_text_are_encoded(tmp_path: Path) -> None:
    cached(tmp_path, WordEncoder()).encode(["one two"])
    other = WordEncoder()
    cached(tmp_path, other, model="other").encode(["one two"])
    cached(tmp_path, other).encode(["one two", "five"])
    assert other.texts == ["one two", "five"]


def test_progress_is_told_in_texts_that_were_not_known(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    encoder = CachedEncoder("words", WordEncoder, tmp_path, lambda done, of: told.append((done, of)))
    encoder.encode(["one", "two"])
    encoder.encode(["one", "two", "three"])
    assert told == [(0, 2), (2, 2), (0, 1), (1, 1)]


def test_the_events_are_those_of_the_embedder_in_the_order_of_replay(tmp_path: Path) -> None:
    stream = three_stories(tmp_path)
    events = vectorize(stream, cached(tmp_path, WordEncoder()))
    assert [event.article_id for event in events if event] == [one.article.id for one in stream.articles]
    assert [event.published_at for event in events if event] == [one.published_at for one in stream.articles]
    assert events == vectorize(stream, CachedEncoder("words", never, tmp_path, lambda *_: None))


def test_nothing_gold_reaches_the_events(tmp_path: Path) -> None:
    rows = [{**one, "story": f"Secret label {one['story']}"} for one in rows_of_three_stories()]
    stream = read_stream(write_stream(tmp_path, "secret", rows))
    events = vectorize(stream, cached(tmp_path, WordEncoder()))
    assert b"Secret" not in msgspec.json.encode(events)


def test_an_article_that_the_embedder_rejects_leaves_a_gap(tmp_path: Path) -> None:
    rows = rows_of_three_stories()
    rows[4] |= {"title": "", "text": " "}
    events = vectorize(read_stream(write_stream(tmp_path, "gap", rows)), cached(tmp_path, WordEncoder()))
    assert [place for place, event in enumerate(events) if event is None] == [4]
