"""The fuzz would notice: each way in which a record can be lost, doubled or altered is one that the books do not balance with."""

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
from tests.fuzz.accounts import MESSAGE_BYTES_MAX, Accounts, Clustering, Wrong, check_article, letters_by_origin, place
from tests.fuzz.record import Fate
from tests.laws.streams import EDITION, START, article
from tests.unit.cli.harness import update

ORIGIN = Record("news.articles", 0, 7, 1_000, b"k", b"{", (("h", b"\xff"),))


def letter(record: Record = ORIGIN, reason: str = "not JSON") -> Record:
    made = build_dead_letter(Rejection(record, reason), topic="news.dead-letters", service="embedder")
    return Record("news.dead-letters", 0, 0, 2_000, made.key, made.value, made.headers)


def test_a_letter_is_what_came() -> None:
    assert letters_by_origin([letter()], {place(ORIGIN): ORIGIN}, "embedder") == {place(ORIGIN): ["not JSON"]}


@pytest.mark.parametrize(
    "altered",
    [
        replace(letter(), value=b"{}"),
        replace(letter(), key=None),
        letter(replace(ORIGIN, headers=())),
        letter(replace(ORIGIN, timestamp_ms=1_001)),
        letter(replace(ORIGIN, offset=8)),
        letter(reason=" "),
        replace(letter(), headers=letter().headers[:-1]),
    ],
)
def test_a_letter_that_is_not_what_came_is_noticed(altered: Record) -> None:
    with pytest.raises(Wrong):
        letters_by_origin([altered], {place(ORIGIN): ORIGIN}, "embedder")


@pytest.mark.parametrize(
    ("fate", "reasons", "processed"),
    [
        (Fate.EITHER, [], 0),
        (Fate.EITHER, ["why"], 1),
        (Fate.EITHER, ["why", "why"], 0),
        (Fate.EITHER, [], 2),
        (Fate.PROCESSED, ["why"], 0),
        (Fate.REJECTED, [], 1),
    ],
)
def test_a_record_that_is_lost_doubled_or_mistaken_is_noticed(fate: Fate, reasons: list[str], processed: int) -> None:
    with pytest.raises(Wrong):
        Accounts().settle("embedder", "kind", ORIGIN, fate=fate, reasons=reasons, processed=processed)


def test_a_message_that_is_too_large_is_noticed() -> None:
    with pytest.raises(Wrong):
        Accounts().weigh(STORIES, [replace(ORIGIN, value=bytes(MESSAGE_BYTES_MAX - 3))])


def test_a_version_that_is_left_out_is_noticed() -> None:
    records = [replace(ORIGIN, value=encode(update("st-1", version))) for version in (1, 3)]
    Clustering().follow_updates(records[:1])
    with pytest.raises(Wrong):
        Clustering().follow_updates(records)


def test_an_article_that_is_altered_on_its_way_is_noticed() -> None:
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
    with pytest.raises(Wrong):
        check_article(sent, replace(ORIGIN, value=encode(msgspec.structs.replace(made, outlet=None))))


def kept(digest: str) -> Record:
    value = Membership(
        article_id="a1", edition=EDITION, story_id="st-1", sequence=0, title="t", published_at=START, digest=digest, words=1,
        shingles=b"", title_vector=b"", lead_vector=b"", terms=b"", term_weights=b"", decision=Decision(verdict=Verdict.FOUNDED),
    )  # fmt: skip
    return replace(ORIGIN, key=membership_key(EDITION, "a1"), value=encode(value))


def test_what_has_no_effect_must_be_a_repeat_or_a_retraction_of_nothing() -> None:
    clustering, first = Clustering(), article(1)
    retraction = ArticleRetraction(article_id="a1", edition=EDITION)
    assert clustering.effect(retraction, [], Counter()) == "retraction of nothing"
    assert clustering.effect(first, [], Counter()) == ""
    assert clustering.effect(first, [kept("another")], Counter()) == ""
    assert clustering.effect(first, [kept(first.digest)], Counter()) == "correction"
    assert clustering.effect(first, [], Counter()) == "repeat"
    assert clustering.effect(retraction, [], Counter()) == ""
    assert clustering.effect(retraction, [replace(kept(""), value=None)], Counter()) == "retraction"
