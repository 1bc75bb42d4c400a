"""Old and new versions can read each other's events: both run during an upgrade, and topics keep events of old versions.

`released/` has the golden events of each released version and the JSON Schemas of its readers.
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
from tests.contract.test_golden import DECODERS, WITH_VALUE, golden

VERSIONS = sorted(folder.name for folder in RELEASED.iterdir() if folder.is_dir())
EVENTS = sorted(path.relative_to(RELEASED) for path in RELEASED.glob("*/*.json") if path.name != SCHEMAS)
STATE = {"stories", "article-stories"}


def released(path: Path) -> Any:
    return msgspec.json.decode((RELEASED / path).read_bytes())


def problems(schema: Any, value: object) -> list[str]:
    """Return the errors of the value under this schema."""
    return [f"{error.json_path}: {error.message:.200}" for error in Draft202012Validator(schema).iter_errors(value)]


def test_every_released_version_has_its_events() -> None:
    assert "0.1.0" in VERSIONS
    topics = {example.topic.name for example in EXAMPLES.values()}
    for version in VERSIONS:
        assert {released(path)["topic"] for path in EVENTS if path.parts[0] == version} == topics


@pytest.mark.parametrize("path", EVENTS, ids=str)
def test_the_new_reader_reads_every_released_event(path: Path) -> None:
    event = released(path)
    if event["value"] is None:
        return
    read = DECODERS[event["topic"]](msgspec.json.encode(event["value"]))
    encoded = msgspec.json.decode(encode(read))
    # No field may be dropped or change its value.
    assert {field: encoded.get(field) for field in event["value"]} == event["value"]


@pytest.mark.parametrize("path", EVENTS, ids=str)
def test_a_restore_accepts_every_released_type_of_state_record(path: Path) -> None:
    event = released(path)
    if event["topic"] in STATE:
        assert event["headers"]["ce_type"] in READABLE_TYPES


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", WITH_VALUE)
def test_every_released_reader_reads_the_new_event(version: str, name: str) -> None:
    event = golden(name)
    assert problems(released(Path(version) / SCHEMAS)[event["topic"]], event["value"]) == []


# --- the check itself, on incompatible changes


def _without(field: str, value: dict[str, Any]) -> dict[str, Any]:
    return {name: other for name, other in value.items() if name != field}


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
def test_an_incompatible_change_is_found(name: str, changed: Any) -> None:
    event = golden(name)
    schema = msgspec.json.decode(schemas())[event["topic"]]
    assert problems(schema, event["value"]) == []
    assert problems(schema, changed(event["value"])) != []


def test_every_topic_has_a_schema() -> None:
    assert set(VALUES) == set(DECODERS) == set(msgspec.json.decode(schemas()))
