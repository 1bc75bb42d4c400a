"""Readers reject values beyond the limits that newsloom's own writers keep."""

from __future__ import annotations

import msgspec
import pytest

from newsloom.contracts.cloudevents import EventHeaders
from newsloom.contracts.codec import InvalidValue, decode_command, decode_vector
from newsloom.contracts.command import SPLIT_BYTES_MAX, SplitStory
from newsloom.contracts.limits import truncate
from newsloom.contracts.vector import HASHES_MAX, TITLE_CHARACTERS_MAX, VECTOR_BYTES_MAX
from tests.contract.examples import NOON
from tests.contract.test_golden import golden


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "x" * (TITLE_CHARACTERS_MAX + 1)),
        ("digest", "0" * 65),
        ("words", -1),
        ("words", 10**300),
        ("shingles", msgspec.to_builtins(bytes(4 * HASHES_MAX + 4))),
        ("terms", msgspec.to_builtins(bytes(4 * HASHES_MAX + 4))),
        ("term_counts", msgspec.to_builtins(bytes(HASHES_MAX + 1))),
        ("title_vector", msgspec.to_builtins(bytes(VECTOR_BYTES_MAX + 2))),
        ("lead_vector", msgspec.to_builtins(bytes(VECTOR_BYTES_MAX + 2))),
        ("model", "m" * 257),
        ("preparation", "1" * 65),
        ("language", "x" * 36),
        ("article_id", "é" * 129),
        ("published_at", "1899-12-31T23:59:59Z"),
        ("published_at", "0001-01-01T00:00:00+14:00"),
        ("published_at", "9999-12-31T23:59:59-14:00"),
        ("published_at", "2201-01-01T00:00:00Z"),
    ],
)
def test_the_error_names_the_field_of_a_vector_beyond_its_limit(field: str, value: object) -> None:
    with pytest.raises(InvalidValue, match=field):
        decode_vector(msgspec.json.encode(golden("article-vector")["value"] | {field: value}))


def test_a_command_with_an_impossible_date_is_refused() -> None:
    value = golden("story-command-split")["value"] | {"issued_at": "9999-12-31T23:59:59-14:00"}
    with pytest.raises(InvalidValue, match="issued_at"):
        decode_command(msgspec.json.encode(value))


def test_a_retraction_with_an_id_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidValue, match="article_id"):
        decode_vector(msgspec.json.encode({"kind": "retraction", "edition": "main", "article_id": "é" * 129}))


def test_a_split_with_too_many_bytes_of_ids_is_refused() -> None:
    value = golden("story-command-split")["value"]
    most = SPLIT_BYTES_MAX // 253
    ids = [f"{number:03}" + "x" * 247 for number in range(most)]
    accepted = decode_command(msgspec.json.encode(value | {"article_ids": ids}))
    assert isinstance(accepted, SplitStory)
    assert len(accepted.article_ids) == most
    for decode in (decode_command, decode_vector):
        with pytest.raises(InvalidValue, match="split off fewer"):
            decode(msgspec.json.encode(value | {"article_ids": [*ids, "x" * 250]}))


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "\x1b]0;x\x07",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" + "0" * 100_000,
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ],
)
def test_an_invalid_traceparent_is_left_out(traceparent: str) -> None:
    headers = EventHeaders(id="1", source="s", type="t", subject="s", time=NOON, traceparent=traceparent).encode()
    assert "traceparent" not in dict(headers)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("short", "short"),
        ("é" * 20, "é" * 9),
        ("x" * 40, "x" * 18),
        ("\x00" * 9, "\x00" * 3),
        ('"' * 40, '"' * 9),
    ],
)
def test_a_text_is_truncated_by_its_size_as_json(text: str, expected: str) -> None:
    assert truncate(text, bytes_max=20) == expected
