from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from evaluation.streams.encoder_cache import CachedEncoder
from evaluation.streams.event_stream import shuffle_ties, vectorize
from evaluation.streams.files import read_stream
from evaluation.streams.stream import Stream
from services.embedder.encoder import Encoder
from tests.unit.evaluation.invented_stream import WordEncoder, rows_of_three_stories, write_stream
from tests.unit.evaluation.random_stream import random_stream


def unused_encoder() -> Encoder:
    pytest.fail("the model was loaded although every vector is cached")


def cached(folder: Path, encoder: WordEncoder, model: str = "words") -> CachedEncoder:
    return CachedEncoder(model, lambda: encoder, folder, lambda *_: None)


def three_stories(folder: Path) -> Stream:
    return read_stream(write_stream(folder, "three", rows_of_three_stories()))


def test_a_cached_text_is_not_encoded_again_and_its_vector_is_bit_equal(tmp_path: Path) -> None:
    texts = ["one two", "three four", "one two"]
    first = WordEncoder()
    given = cached(tmp_path, first).encode(texts)
    assert sorted(first.texts) == ["one two", "three four"]
    again = CachedEncoder("words", unused_encoder, tmp_path, lambda *_: None).encode(texts)
    assert np.array_equal(given, WordEncoder().encode(texts))
    assert np.array_equal(again, given)


def test_another_model_and_another_text_are_encoded(tmp_path: Path) -> None:
    cached(tmp_path, WordEncoder()).encode(["one two"])
    other = WordEncoder()
    cached(tmp_path, other, model="other").encode(["one two"])
    cached(tmp_path, other).encode(["one two", "five"])
    assert other.texts == ["one two", "five"]


def test_progress_counts_texts_that_were_not_cached(tmp_path: Path) -> None:
    progress: list[tuple[int, int]] = []
    encoder = CachedEncoder("words", WordEncoder, tmp_path, lambda done, of: progress.append((done, of)))
    encoder.encode(["one", "two"])
    encoder.encode(["one", "two", "three"])
    assert progress == [(0, 2), (2, 2), (0, 1), (1, 1)]


def test_events_are_the_embedders_in_the_order_of_replay(tmp_path: Path) -> None:
    stream = three_stories(tmp_path)
    events = vectorize(stream, cached(tmp_path, WordEncoder()))
    assert [event.article_id for event in events if event] == [one.article.id for one in stream.articles]
    assert [event.published_at for event in events if event] == [one.published_at for one in stream.articles]
    assert events == vectorize(stream, CachedEncoder("words", unused_encoder, tmp_path, lambda *_: None))


def test_labels_do_not_reach_the_events(tmp_path: Path) -> None:
    rows = [{**one, "story": f"Secret label {one['story']}"} for one in rows_of_three_stories()]
    stream = read_stream(write_stream(tmp_path, "secret", rows))
    events = vectorize(stream, cached(tmp_path, WordEncoder()))
    assert b"Secret" not in msgspec.json.encode(events)


def test_a_rejected_article_has_no_event(tmp_path: Path) -> None:
    rows = rows_of_three_stories()
    rows[4] |= {"title": "", "text": " "}
    events = vectorize(read_stream(write_stream(tmp_path, "gap", rows)), cached(tmp_path, WordEncoder()))
    assert [index for index, event in enumerate(events) if event is None] == [4]


def test_a_shuffle_moves_articles_within_one_publication_time_only() -> None:
    stream = random_stream(1, articles=60, moments=3)
    shuffled = shuffle_ties(stream, seed=7)
    assert shuffled.events != stream.events
    assert [one.published_at for one in shuffled.events] == [one.published_at for one in stream.events]
    assert set(shuffled.events) == set(stream.events)
    assert shuffled == shuffle_ties(stream, seed=7)
