"""docs/asyncapi.yaml and docs/schemas agree with the structs, the golden events and each other."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator

from newsloom.contracts.pipeline import SERVICES, TOPICS
from tests.contract.documents import DOCUMENT, PREFIX, SCHEMAS, files
from tests.contract.examples import EXAMPLES
from tests.contract.test_golden import WITH_VALUE, golden


@pytest.fixture(scope="module")
def document() -> Any:
    return yaml.safe_load(DOCUMENT.read_text())


def test_the_files_are_those_that_the_command_writes() -> None:
    written = {path: path.read_text() for path in (DOCUMENT, *SCHEMAS.iterdir())}
    assert written == files(), "run `python -m tests.contract.documents`"


@pytest.mark.parametrize("name", WITH_VALUE)
def test_the_golden_event_is_valid_under_the_schema_of_its_value(name: str) -> None:
    kind = type(EXAMPLES[name].value).__name__
    schema = msgspec.json.decode((SCHEMAS / f"{kind}.json").read_bytes())
    Draft202012Validator.check_schema(schema)
    value = golden(name)["value"]
    assert list(Draft202012Validator(schema).iter_errors(value)) == []
    for field in schema["$defs"][kind]["required"]:
        without = {other: given for other, given in value.items() if other != field}
        assert list(Draft202012Validator(schema).iter_errors(without)) != []


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_message_of_an_event_takes_its_own_example(document: Any, name: str) -> None:
    message = document["components"]["messages"][name]
    (example,) = message["examples"]
    for part in ("headers", "payload"):
        # The references inside lead to the components of the document.
        schema = message[part] | {"components": document["components"]}
        assert list(Draft202012Validator(schema).iter_errors(example[part])) == []
    assert message["name"] == golden(name)["headers"]["ce_type"]


def test_every_reference_leads_to_something(document: Any) -> None:
    def references(part: Any) -> list[str]:
        if isinstance(part, list):
            return [found for one in part for found in references(one)]
        if not isinstance(part, dict):
            return []
        own = [part["$ref"]] if "$ref" in part else []
        return own + [found for one in part.values() for found in references(one)]

    found = references(document)
    assert len(found) > len(EXAMPLES)
    for reference in found:
        target = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def test_every_topic_is_a_channel_and_every_service_uses_its_own(document: Any) -> None:
    assert {channel["address"] for channel in document["channels"].values()} == {
        PREFIX + topic.name for topic in TOPICS
    }
    for service in SERVICES:
        for action, topics in (("consumes", service.consumes), ("produces", (*service.produces, *service.state))):
            assert {f"{service.name}-{action}-{topic.name}" for topic in topics} <= set(document["operations"])
