"""Bad input of every kind ends in dead-letters, untouched and with a reason; the rest goes on, and what is mended comes back."""

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
from tests.acceptance.bad_input import BAD_ARTICLES, BAD_VECTORS, HEADERS, Bad, sent
from tests.acceptance.installation import Installation
from tests.laws.streams import article

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MODEL = {"NEWSLOOM_MODEL": "test", "NEWSLOOM_DEAD_LETTER_SHARE_MAX": "1"}


def good_article(number: int) -> Message:
    return Message("", f"good-{number}".encode(), sent(id=f"good-{number}", title=f"Bell number {number} found"))


def good_vector(vector: ArticleVector) -> Message:
    return Message("", vector.edition.encode(), encode(vector))


def assert_letters(installation: Installation, topic: TopicDefinition, bad: Collection[Bad]) -> None:
    """One letter for each bad record, in order: its bytes, and why and from where in further headers."""
    name = topic_name(installation.settings, topic)
    with closing(installation.open()) as log:
        origins = [record for record in read_topic(log, name) if record.headers[: len(HEADERS)] == HEADERS]
    letters = installation.published().dead_letters
    assert len(letters) == len(origins) == len(bad)
    for letter, origin, expected in zip(letters, origins, bad, strict=True):
        assert (letter.key, letter.value) == (expected.key, expected.value)
        assert letter.headers[: len(origin.headers)] == origin.headers
        assert expected.reason in (letter.header("dead-letter-reason") or "")
        assert origin_of(letter) == (name, origin.partition, origin.offset, origin.timestamp_ms)


def origin_of(letter: Record) -> tuple[str | None, int, int, int]:
    partition, offset, timestamp_ms = (
        int(letter.header(f"dead-letter-{name}") or -1) for name in ("partition", "offset", "timestamp")
    )
    return letter.header("dead-letter-topic"), partition, offset, timestamp_ms


def test_bad_articles_become_letters_and_good_ones_stories(installation: Installation) -> None:
    installation.command("topics", "create")
    messages = [
        message for number, bad in enumerate(BAD_ARTICLES.values()) for message in (good_article(number), bad.message())
    ]
    installation.write(ARTICLES, messages)

    installation.run("embedder", "clusterer")

    assert_letters(installation, ARTICLES, BAD_ARTICLES.values())
    published = installation.published()
    assert {article_id for _, article_id in published.memberships} == {
        f"good-{number}" for number in range(len(BAD_ARTICLES))
    }
    assert installation.find_violations() == []


def test_bad_vectors_become_letters_and_good_ones_stories(installation: Installation) -> None:
    installation.command("topics", "create")
    messages = [
        message
        for number, bad in enumerate(BAD_VECTORS.values())
        for message in (good_vector(article(number, subject=number)), bad.message())
    ]
    installation.write(ARTICLE_VECTORS, messages)

    installation.run("clusterer", **MODEL)

    assert_letters(installation, ARTICLE_VECTORS, BAD_VECTORS.values())
    published = installation.published()
    assert len(published.memberships) == len(BAD_VECTORS)
    assert installation.find_clustering_violations() == []


def test_letters_are_replayed_after_a_setting_was_mended(installation: Installation) -> None:
    installation.command("topics", "create")
    vectors = [article(number, subject=number % 3, hour=number) for number in range(40)]
    installation.write(ARTICLE_VECTORS, [good_vector(vector) for vector in vectors])

    installation.run("clusterer", NEWSLOOM_DEAD_LETTER_SHARE_MAX="1")
    assert len(_waiting(installation)) == len(vectors)
    assert "made with model 'test', but NEWSLOOM_MODEL is 'all-MiniLM-L6-v2'" in _waiting(installation)[0]["reason"]

    replayed = installation.command("dead-letters", "replay", "--reason", "made with model")
    assert f"sent 40 dead letters back to {installation.prefix}article-vectors" in replayed.stdout
    assert _waiting(installation) == []
    installation.run("clusterer", **MODEL)

    published = installation.published()
    assert {article_id for _, article_id in published.memberships} == {vector.article_id for vector in vectors}
    # A marker beside each letter says that it was sent back; nothing new was rejected.
    assert len(published.dead_letters) == 2 * len(vectors)
    nothing = installation.command("dead-letters", "replay")
    assert "nothing to send" in nothing.stdout


def test_a_letter_whose_cause_stays_comes_again_and_a_mended_article_is_taken(installation: Installation) -> None:
    installation.command("topics", "create")
    bad = BAD_ARTICLES["missing field"]
    installation.write(ARTICLES, [bad.message()])
    installation.run("embedder", "clusterer")

    installation.command("dead-letters", "replay", "0/0")
    installation.write(ARTICLES, [Message("", b"bad", sent())])
    installation.run("embedder", "clusterer")

    (again,) = _waiting(installation)
    assert bad.reason in again["reason"]
    assert ("main", "bad") in installation.published().memberships


def test_a_flood_of_bad_records_stops_the_service_and_loses_nothing(installation: Installation) -> None:
    installation.command("topics", "create")
    installation.write(ARTICLE_VECTORS, [BAD_VECTORS["wrong model"].message()] * 150)

    ended = installation.start("clusterer", NEWSLOOM_MODEL="test").wait(60)

    assert ended.status == EXIT_LOG
    (line,) = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
    assert line.startswith("newsloom clusterer: 150 of the last 150 records could not be processed (limit: 50%)")
    assert line.endswith("Mend the producer, or raise NEWSLOOM_DEAD_LETTER_SHARE_MAX")
    assert installation.published().dead_letters == ()

    installation.run("clusterer", **MODEL)
    assert len(installation.published().dead_letters) == 150


def _waiting(installation: Installation) -> list[dict[str, Any]]:
    listed = installation.command("dead-letters", "list", "--format", "json").stdout
    return [json.loads(line) for line in listed.splitlines()]
