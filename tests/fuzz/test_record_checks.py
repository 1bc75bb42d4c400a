"""The checks of the fuzz test find every record that is lost, duplicated or altered."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import msgspec
import pytest

from newsloom.contracts.codec import encode
from newsloom.contracts.membership import Decision, Membership, Verdict, membership_key
from newsloom.contracts.topics import STORIES
from newsloom.contracts.vector import ArticleRetraction
from newsloom.streaming.dead_letters import build_dead_letter
from newsloom.streaming.records import Record
from newsloom.streaming.step import Rejection
from tests.fuzz.record import Expected
from tests.fuzz.record_checks import (
    MESSAGE_BYTES_MAX,
    ClusteringEffects,
    FuzzFailure,
    RecordCounts,
    check_article,
    reasons_by_origin,
    record_id,
)
from tests.laws.streams import EDITION, START, article
from tests.unit.cli.harness import update

ORIGIN = Record("news.articles", 0, 7, 1_000, b"k", b"{", (("h", b"\xff"),))


def dead_letter(record: Record = ORIGIN, reason: str = "not JSON") -> Record:
    made = build_dead_letter(Rejection(record, reason), topic="news.dead-letters", service="embedder")
    return Record("news.dead-letters", 0, 0, 2_000, made.key, made.value, made.headers)


def test_an_unchanged_dead_letter_is_accepted() -> None:
    assert reasons_by_origin([dead_letter()], {record_id(ORIGIN): ORIGIN}, "embedder") == {
        record_id(ORIGIN): ["not JSON"]
    }


@pytest.mark.parametrize(
    "altered",
    [
        replace(dead_letter(), value=b"{}"),
        replace(dead_letter(), key=None),
        dead_letter(replace(ORIGIN, headers=())),
        dead_letter(replace(ORIGIN, timestamp_ms=1_001)),
        dead_letter(replace(ORIGIN, offset=8)),
        dead_letter(reason=" "),
        replace(dead_letter(), headers=dead_letter().headers[:-1]),
    ],
)
def test_a_changed_dead_letter_is_found(altered: Record) -> None:
    with pytest.raises(FuzzFailure):
        reasons_by_origin([altered], {record_id(ORIGIN): ORIGIN}, "embedder")


@pytest.mark.parametrize(
    ("expected", "reasons", "processed"),
    [
        (Expected.EITHER, [], 0),
        (Expected.EITHER, ["why"], 1),
        (Expected.EITHER, ["why", "why"], 0),
        (Expected.EITHER, [], 2),
        (Expected.PROCESSED, ["why"], 0),
        (Expected.REJECTED, [], 1),
    ],
)
def test_a_record_with_the_wrong_result_is_found(expected: Expected, reasons: list[str], processed: int) -> None:
    with pytest.raises(FuzzFailure):
        RecordCounts().add_record("embedder", "kind", ORIGIN, expected=expected, reasons=reasons, processed=processed)


def test_a_message_that_is_too_large_is_found() -> None:
    with pytest.raises(FuzzFailure):
        RecordCounts().add_messages(STORIES, [replace(ORIGIN, value=bytes(MESSAGE_BYTES_MAX - 3))])


def test_a_missing_version_is_found() -> None:
    records = [replace(ORIGIN, value=encode(update("st-1", version))) for version in (1, 3)]
    ClusteringEffects().add_updates(records[:1])
    with pytest.raises(FuzzFailure):
        ClusteringEffects().add_updates(records)


def test_an_article_that_the_embedder_alters_is_found() -> None:
    made = article(1)
    sent = msgspec.json.encode(
        {
            "id": "a1",
            "title": made.title,
            "text": "x " * 100,
            "published_at": START,
            "outlet": "Outlet 1",
            "leaning": "center",
        }
    )
    check_article(sent, replace(ORIGIN, value=encode(made)))
    with pytest.raises(FuzzFailure):
        check_article(sent, replace(ORIGIN, value=encode(msgspec.structs.replace(made, outlet=None))))


def membership(digest: str) -> Record:
    value = Membership(
        article_id="a1", edition=EDITION, story_id="st-1", sequence=0, title="t", published_at=START, digest=digest, words=1,
        shingles=b"", title_vector=b"", lead_vector=b"", terms=b"", term_weights=b"", decision=Decision(verdict=Verdict.FOUNDED),
    )  # fmt: skip
    return replace(ORIGIN, key=membership_key(EDITION, "a1"), value=encode(value))


def test_only_duplicates_and_retractions_of_unknown_articles_have_no_effect() -> None:
    effects, first = ClusteringEffects(), article(1)
    retraction = ArticleRetraction(article_id="a1", edition=EDITION)
    assert effects.effect(retraction, [], Counter()) == "retraction of an unknown article"
    assert effects.effect(first, [], Counter()) == ""
    assert effects.effect(first, [membership("another")], Counter()) == ""
    assert effects.effect(first, [membership(first.digest)], Counter()) == "correction"
    assert effects.effect(first, [], Counter()) == "duplicate"
    assert effects.effect(retraction, [], Counter()) == ""
    assert effects.effect(retraction, [replace(membership(""), value=None)], Counter()) == "retraction"
