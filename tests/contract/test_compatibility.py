"""Old and new versions read each other's events: during an upgrade both are at work, and topics outlive versions.

Each released version stands in `released/` as its golden events and the JSON Schemas of its readers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from newsloom.contracts.codec import encode
from services.clusterer.state import READABLE_TYPES
from tests.contract.examples import EXAMPLES
from tests.contract.release import RELEASED, SCHEMAS, VALUES, schemas
from tests.contract.test_golden import DECODERS, VALUED, golden

VERSIONS = sorted(folder.name for folder in RELEASED.iterdir() if folder.is_dir())
EVENTS = sorted(path.relative_to(RELEASED) for path in RELEASED.glob("*/*.json") if path.name != SCHEMAS)
STATE = {"stories", "article-stories"}


def released(path: Path) -> Any:
    return msgspec.json.decode((RELEASED / path).read_bytes())


def problems(schema: Any, value: object) -> list[str]:
    """What a reader of this schema has to say against the value."""
    return [f"{error.json_path}: {error.message:.200}" for error in Draft202012Validator(schema).iter_errors(value)]


def test_there_is_something_to_be_compatible_with() -> None:
    assert "0.1.0" in VERSIONS
    assert len(EVENTS) >= len(EXAMPLES) * len(VERSIONS)


@pytest.mark.parametrize("path", EVENTS, ids=str)
def test_the_new_reader_reads_every_event_ever_released(path: Path) -> None:
    event = released(path)
    if event["value"] is None:
        return
    read = DECODERS[event["topic"]](msgspec.json.encode(event["value"]))
    kept = msgspec.json.decode(encode(read))
    # Nothing of it may be dropped, or mean something else.
    assert {field: kept.get(field) for field in event["value"]} == event["value"]


@pytest.mark.parametrize("path", EVENTS, ids=str)
def test_a_restore_knows_every_type_of_state_ever_released(path: Path) -> None:
    event = released(path)
    if event["topic"] in STATE:
        assert event["headers"]["ce_type"] in READABLE_TYPES


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", VALUED)
def test_every_released_reader_reads_the_new_event(version: str, name: str) -> None:
    event = golden(name)
    assert problems(released(Path(version) / SCHEMAS)[event["topic"]], event["value"]) == []


# --- the check itself, by changes that must not be


def _without(field: str, value: dict[str, Any]) -> dict[str, Any]:
    return {name: found for name, found in value.items() if name != field}


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("story", lambda value: _without("article_count", value)),
        ("story", lambda value: value | {"version": "7"}),
        ("story-updated", lambda value: value | {"kind": "reopened"}),
        ("story-updated", lambda value: value | {"article_count": None}),
        ("membership", lambda value: value | {"kind": "member"}),
        ("article", lambda value: value | {"leaning": "up"}),
    ],
)
def test_a_change_that_old_readers_cannot_read_is_found(name: str, changed: Any) -> None:
    event = golden(name)
    schema = msgspec.json.decode(schemas())[event["topic"]]
    assert problems(schema, event["value"]) == []
    assert problems(schema, changed(event["value"])) != []


def test_every_topic_has_a_schema() -> None:
    assert set(VALUES) == set(DECODERS) == set(msgspec.json.decode(schemas()))
