"""The state of a feed fits into the note of a writer's progress, and comes back from it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from newsloom.streaming.kafka.writer import NOTE_BYTES_MAX as KAFKA_NOTE_BYTES_MAX
from services.feeds.feed_document import ENTRIES_MAX
from services.feeds.feed_state import (
    DATE_BYTES_MAX,
    ETAG_BYTES_MAX,
    NOTE_BYTES_MAX,
    URL_BYTES_MAX,
    FeedState,
    Validators,
    decode_state,
    encode_state,
    pack_entries,
    remembered_url,
    settings_hash,
    validators,
)
from services.feeds.runner import GONE_DUE
from services.feeds.seen_entries import SeenEntries

URL = "https://post.example/rss"


def row(number: int, title: str = "t") -> dict[str, Any]:
    return {"id": f"a-{number}", "edition": None, "title": title}


def test_the_limit_is_that_of_kafka() -> None:
    assert NOTE_BYTES_MAX == KAFKA_NOTE_BYTES_MAX


def test_the_largest_state_fits() -> None:
    state = FeedState(
        url=remembered_url("x" * URL_BYTES_MAX),
        validators=validators(etag='"' * (ETAG_BYTES_MAX // 2), modified="x" * DATE_BYTES_MAX, url=URL),
        due=GONE_DUE,
        failures=10**9,
        gone=True,
        robots_due=10**11,
        pause_s=299.9999999999999,
        settings=settings_hash("x"),
        entries=pack_entries(SeenEntries().after([row(number) for number in range(ENTRIES_MAX)])),
    )
    assert state.url
    assert state.validators.etag
    assert state.validators.modified
    assert len(encode_state(state).encode()) <= NOTE_BYTES_MAX
    assert decode_state(encode_state(state)) == state


@given(st.text())
def test_a_note_of_another_form_is_an_empty_state(note: str) -> None:
    assert decode_state(note) == FeedState() or note.startswith("{")


def test_validators_are_for_the_url_that_gave_them() -> None:
    given_by = validators(etag='"v1"', modified="Tue, 10 Nov 2026 08:00:00 GMT", url=URL)
    assert given_by.headers_for(URL) == {
        "If-None-Match": '"v1"',
        "If-Modified-Since": "Tue, 10 Nov 2026 08:00:00 GMT",
    }
    assert given_by.headers_for(URL + "/new") == {}
    assert validators(etag='"' * 101, modified="\u00e9", url=URL) == Validators()
    assert remembered_url(URL + "\x00") == ""


def test_an_entry_is_known_by_id_and_content() -> None:
    seen = SeenEntries().after([row(1), row(2)])
    assert (seen.has(row(1)), seen.has(row(1, "changed")), seen.has_id(row(1, "changed"))) == (True, False, True)
    assert not seen.has_id(row(3))


@given(st.lists(st.lists(st.integers(0, 2_000), unique=True, max_size=ENTRIES_MAX), max_size=6))
def test_what_is_in_a_document_is_known_and_what_has_left_it_as_long_as_there_is_room(
    documents: list[list[int]],
) -> None:
    seen = SeenEntries()
    order: list[int] = []
    for document in documents:
        seen = SeenEntries(seen.after([row(number) for number in document]).pack())
        order = ([*reversed(document), *(number for number in order if number not in document)])[:ENTRIES_MAX]
    assert all(seen.has(row(number)) for number in order)
    assert len(seen.pack()) == 8 * len(order)
