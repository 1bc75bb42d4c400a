"""Every kind of invalid input becomes an unchanged dead letter with a reason; valid input is processed, replays work."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import closing
from typing import Any

import pytest

from newsloom.contracts.codec import encode
from newsloom.contracts.topics import ARTICLE_VECTORS, ARTICLES, TopicDefinition
from newsloom.contracts.vector import ArticleVector
from newsloom.log_names import topic_name
from newsloom.service import EXIT_LOG
from newsloom.streaming.records import Message, Record
from newsloom.streaming.scan import read_topic
from tests.acceptance.installation import Installation
from tests.acceptance.invalid_records import HEADERS, INVALID_ARTICLES, INVALID_VECTORS, InvalidRecord, article_json
from tests.failure_lines import failure
from tests.laws.streams import article

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MODEL = {"NEWSLOOM_MODEL": "test", "NEWSLOOM_DEAD_LETTER_SHARE_MAX": "1"}


def valid_article(number: int) -> Message:
    return Message(
        "", f"valid-{number}".encode(), article_json(id=f"valid-{number}", title=f"Bell number {number} found")
    )


def valid_vector(vector: ArticleVector) -> Message:
    return Message("", vector.edition.encode(), encode(vector))


def assert_dead_letters(installation: Installation, topic: TopicDefinition, invalid: Collection[InvalidRecord]) -> None:
    """Check that there is one dead letter for each invalid record, in order, with its reason and origin in headers."""
    name = topic_name(installation.settings, topic)
    with closing(installation.open()) as log:
        origins = [record for record in read_topic(log, name) if record.headers[: len(HEADERS)] == HEADERS]
    letters = installation.published().dead_letters
    assert len(letters) == len(origins) == len(invalid)
    for letter, origin, expected in zip(letters, origins, invalid, strict=True):
        assert (letter.key, letter.value) == (expected.key, expected.value)
        assert letter.headers[: len(origin.headers)] == origin.headers
        assert expected.reason in (letter.header("dead-letter-reason") or "")
        assert origin_of(letter) == (name, origin.partition, origin.offset, origin.timestamp_ms)


def origin_of(letter: Record) -> tuple[str | None, int, int, int]:
    partition, offset, timestamp_ms = (
        int(letter.header(f"dead-letter-{name}") or -1) for name in ("partition", "offset", "timestamp")
    )
    return letter.header("dead-letter-topic"), partition, offset, timestamp_ms


def test_invalid_articles_become_dead_letters_and_valid_ones_stories(installation: Installation) -> None:
    installation.command("topics", "create")
    messages = [
        message
        for number, invalid in enumerate(INVALID_ARTICLES.values())
        for message in (valid_article(number), invalid.message())
    ]
    installation.write(ARTICLES, messages)

    installation.run("embedder", "clusterer")

    assert_dead_letters(installation, ARTICLES, INVALID_ARTICLES.values())
    published = installation.published()
    assert {article_id for _, article_id in published.memberships} == {
        f"valid-{number}" for number in range(len(INVALID_ARTICLES))
    }
    assert installation.find_violations() == []


def test_invalid_vectors_become_dead_letters_and_valid_ones_stories(installation: Installation) -> None:
    installation.command("topics", "create")
    messages = [
        message
        for number, invalid in enumerate(INVALID_VECTORS.values())
        for message in (valid_vector(article(number, subject=number)), invalid.message())
    ]
    installation.write(ARTICLE_VECTORS, messages)

    installation.run("clusterer", **MODEL)

    assert_dead_letters(installation, ARTICLE_VECTORS, INVALID_VECTORS.values())
    published = installation.published()
    assert len(published.memberships) == len(INVALID_VECTORS)
    assert installation.find_clustering_violations() == []


def test_dead_letters_are_replayed_after_a_setting_was_corrected(installation: Installation) -> None:
    installation.command("topics", "create")
    vectors = [article(number, subject=number % 3, hour=number) for number in range(40)]
    installation.write(ARTICLE_VECTORS, [valid_vector(vector) for vector in vectors])

    installation.run("clusterer", NEWSLOOM_DEAD_LETTER_SHARE_MAX="1")
    assert len(_waiting(installation)) == len(vectors)
    assert "made with model 'test', but NEWSLOOM_MODEL is 'all-MiniLM-L6-v2'" in _waiting(installation)[0]["reason"]

    replayed = installation.command("dead-letters", "replay", "--reason", "made with model")
    assert f"sent 40 dead letters back to {installation.prefix}article-vectors" in replayed.stdout
    assert _waiting(installation) == []
    installation.run("clusterer", **MODEL)

    published = installation.published()
    assert {article_id for _, article_id in published.memberships} == {vector.article_id for vector in vectors}
    # Each dead letter has a replay marker beside it; nothing new was rejected.
    assert len(published.dead_letters) == 2 * len(vectors)
    nothing = installation.command("dead-letters", "replay")
    assert "nothing to send" in nothing.stdout


def test_a_replayed_record_is_rejected_again_and_a_corrected_one_is_processed(installation: Installation) -> None:
    installation.command("topics", "create")
    invalid = INVALID_ARTICLES["missing field"]
    installation.write(ARTICLES, [invalid.message()])
    installation.run("embedder", "clusterer")

    installation.command("dead-letters", "replay", "0/0")
    installation.write(ARTICLES, [Message("", b"bad", article_json())])
    installation.run("embedder", "clusterer")

    (again,) = _waiting(installation)
    assert invalid.reason in again["reason"]
    assert ("main", "bad") in installation.published().memberships


def test_many_invalid_records_stop_the_service_and_none_is_lost(installation: Installation) -> None:
    installation.command("topics", "create")
    installation.write(ARTICLE_VECTORS, [INVALID_VECTORS["wrong model"].message()] * 150)

    ended = installation.start("clusterer", NEWSLOOM_MODEL="test").wait(60)

    assert ended.status == EXIT_LOG
    line = failure(ended.stderr)
    assert line.startswith("150 of the last 150 records could not be processed (limit: 50%)")
    assert line.endswith("Fix the producer, or raise NEWSLOOM_DEAD_LETTER_SHARE_MAX")
    assert installation.published().dead_letters == ()

    installation.run("clusterer", **MODEL)
    assert len(installation.published().dead_letters) == 150


def _waiting(installation: Installation) -> list[dict[str, Any]]:
    listed = installation.command("dead-letters", "list", "--format", "json").stdout
    return [json.loads(line) for line in listed.splitlines()]
