"""The wire format changes only together with the golden files: objects encode to them and decode from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import newsloom.contracts
from newsloom.contracts.codec import (
    InvalidValue,
    decode_article,
    decode_command,
    decode_state,
    decode_story,
    decode_update,
    decode_vector,
    encode,
)
from newsloom.contracts.command import SPLIT_ARTICLES_MAX
from newsloom.contracts.pipeline import TOPICS
from newsloom.contracts.story import UpdateKind
from tests.contract.examples import EXAMPLES, UPDATES, Example

GOLDEN = Path(newsloom.contracts.__file__).parent / "golden"
DECODERS: dict[str, Callable[[bytes], msgspec.Struct]] = {
    "articles": decode_article,
    "story-commands": decode_command,
    "article-vectors": decode_vector,
    "story-updates": decode_update,
    "stories": decode_story,
    "article-stories": decode_state,
}
WITH_VALUE = sorted(name for name, example in EXAMPLES.items() if example.value is not None)


def as_json(example: Example) -> Any:
    return {
        "topic": example.topic.name,
        "key": example.key,
        "headers": {name: value.decode() for name, value in example.headers.encode()},
        "value": None if example.value is None else msgspec.json.decode(encode(example.value)),
    }


def golden(name: str) -> Any:
    return msgspec.json.decode((GOLDEN / f"{name}.json").read_bytes())


def decoder(name: str) -> Callable[[bytes], msgspec.Struct]:
    return DECODERS[EXAMPLES[name].topic.name]


@pytest.mark.parametrize("name", EXAMPLES)
def test_encoding_gives_the_golden_event(name: str) -> None:
    assert as_json(EXAMPLES[name]) == golden(name)


@pytest.mark.parametrize("name", WITH_VALUE)
def test_decoding_the_golden_event_gives_the_object(name: str) -> None:
    assert decoder(name)(msgspec.json.encode(golden(name)["value"])) == EXAMPLES[name].value


@pytest.mark.parametrize("name", WITH_VALUE)
def test_readers_ignore_unknown_fields(name: str) -> None:
    value = golden(name)["value"] | {"added_in_a_later_version": {"deep": [1, None]}}
    assert decoder(name)(msgspec.json.encode(value)) == EXAMPLES[name].value


@pytest.mark.parametrize("name", WITH_VALUE)
def test_the_error_names_a_missing_or_mistyped_field(name: str) -> None:
    value = golden(name)["value"]
    example = EXAMPLES[name].value
    assert example is not None
    for field in msgspec.structs.fields(type(example)):
        if field.required:
            without = {name: other for name, other in value.items() if name != field.name}
            with pytest.raises(InvalidValue, match=field.name):
                decoder(name)(msgspec.json.encode(without))
        if field.name in value:
            with pytest.raises(InvalidValue, match=field.name):
                decoder(name)(msgspec.json.encode(value | {field.name: 3.25 if value[field.name] != 3.25 else "?"}))


def test_every_event_has_a_golden_file_and_every_golden_file_an_event() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(EXAMPLES)
    assert {update.kind for update in UPDATES.values()} == set(UpdateKind)
    assert {example.topic for example in EXAMPLES.values()} == {
        topic for topic in TOPICS if topic.name != "dead-letters"
    }


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"id":"a","title":"t","text":"\xe9"}', "not JSON"),
        (b"[" * 100_000, "array"),
        (b'{"id":"a","title":' + b"[" * 100_000, "title"),
        (b'{"id":"","title":"t","text":"x"}', "id"),
        ('{"id":"' + "é" * 129 + '","title":"t","text":"x"}', "id"),
        (b'{"id":"a","title":"t","text":"x","published_at":"2025-02-30T00:00:00Z"}', "published_at"),
        (b'{"id":"a","title":"t","text":"x","published_at":"2025-02-03T00:00:00"}', "published_at"),
        (b'{"id":"a","title":"t","text":"x","leaning":"up"}', "leaning"),
        (b'{"id":"a","title":"t","text":"x","edition":"De/De"}', "edition"),
        (rb'{"id":"a","title":"t","text":"x","edition":"main\n"}', "edition"),
    ],
)
def test_the_error_names_the_invalid_field_of_an_article(value: bytes | str, named: str) -> None:
    with pytest.raises(InvalidValue, match=named):
        decode_article(value.encode() if isinstance(value, str) else value)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"by": " "}, "by"),
        ({"why": ""}, "why"),
        ({"why": "x" * 1_001}, "why"),
        ({"command_id": "a b"}, "command_id"),
        ({"command_id": "c-1\n"}, "command_id"),
        ({"kind": "undo"}, "kind"),
        ({"kind": "vector"}, "kind"),
        ({"article_ids": []}, "article_ids"),
        ({"article_ids": ["a"] * (SPLIT_ARTICLES_MAX + 1)}, "article_ids"),
        ({"issued_at": "2025-04-18T08:30:00"}, "issued_at"),
    ],
)
def test_the_error_names_the_invalid_field_of_a_command(changed: dict[str, object], named: str) -> None:
    value = golden("story-command-split")["value"] | changed
    with pytest.raises(InvalidValue, match=named):
        decode_command(msgspec.json.encode(value))


@pytest.mark.parametrize("name", WITH_VALUE)
def test_decoding_and_encoding_again_gives_the_same_bytes(name: str) -> None:
    value = EXAMPLES[name].value
    assert value is not None
    assert encode(decoder(name)(encode(value))) == encode(value)
