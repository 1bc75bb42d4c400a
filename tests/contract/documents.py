"""Write the contract as files: run `python -m tests.contract.documents` after a change of the events.

`docs/asyncapi.yaml` describes the topics, headers and events as AsyncAPI 3, with the golden events as examples. `docs/schemas`
has the JSON Schema (2020-12) of each value. Both are made from the structs and the pipeline; a test compares them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from newsloom.contracts.codec import CONTENT_TYPE
from newsloom.contracts.pipeline import EDITION_HEADER, SERVICES, TOPICS, TRACEPARENT
from newsloom.contracts.topics import DEAD_LETTERS, STORY_UPDATES, TopicDefinition
from newsloom.streaming.dead_letters import ADDED_HEADERS
from tests.contract.examples import EXAMPLES
from tests.contract.test_golden import golden

ROOT: Final = Path(__file__).parents[2]
DOCUMENT: Final = ROOT / "docs" / "asyncapi.yaml"
SCHEMAS: Final = ROOT / "docs" / "schemas"
PREFIX: Final = "news."
INTRODUCTION: Final = f"""\
The prefix `{PREFIX}` of the topics is a setting. docs/events.md explains the events: how to begin, their order, and what makes
a story's counts."""
OPTIONAL_HEADERS: Final = {EDITION_HEADER, TRACEPARENT}
_REF: Final = "#/components/schemas/{name}"

Document = dict[str, Any]


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]  # PyYAML ships no types
    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def files() -> dict[Path, str]:
    """Return the contents of every file by its path."""
    found = {SCHEMAS / f"{value.__name__}.json": _schema(value) for value in _values()}
    return {DOCUMENT: yaml.dump(document(), Dumper=_Dumper, sort_keys=False, width=130, allow_unicode=True), **found}


def document() -> Document:
    """Return the AsyncAPI document."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "newsloom",
            "version": project["version"],
            "description": f"{project['description']}\n\n{INTRODUCTION}",
            "license": {"name": project["license"]},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {"kafka": {"host": "broker:9092", "protocol": "kafka"}},
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": dict(_operations()),
        "components": {
            "messages": {name: _message(name) for name in EXAMPLES} | {"dead-letter": _dead_letter()},
            "schemas": _components(),
        },
    }


def _values() -> list[type[msgspec.Struct]]:
    values = {type(example.value) for example in EXAMPLES.values() if example.value is not None}
    return sorted(values, key=lambda value: value.__name__)


def _schema(value: type[msgspec.Struct]) -> str:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_tidy(msgspec.json.schema(value))}
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


def _components() -> Document:
    _, components = msgspec.json.schema_components(_values(), ref_template=_REF)
    return {name: _tidy(components[name]) for name in sorted(components)}


def _tidy(schema: Any) -> Any:
    """Return the schema with its descriptions without the indentation of the source code."""
    if isinstance(schema, list):
        return [_tidy(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: "\n".join(line.strip() for line in value.splitlines()) if key == "description" else _tidy(value)
        for key, value in schema.items()
    }


def _channel(topic: TopicDefinition) -> Document:
    names = [name for name, example in EXAMPLES.items() if example.topic is topic]
    configuration: Document = {
        "cleanup.policy": ["compact" if topic.compacted else "delete"],
        "max.message.bytes": topic.max_record_bytes,
    }
    if topic.retention_ms is not None:
        configuration["retention.ms"] = topic.retention_ms
    return {
        "address": PREFIX + topic.name,
        "description": f"Key: {topic.key}. Value: {topic.value}.",
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"}
            for name in (["dead-letter"] if topic is DEAD_LETTERS else names)
        },
        "bindings": {
            "kafka": {"topic": PREFIX + topic.name, "topicConfiguration": configuration, "bindingVersion": "0.5.0"}
        },
    }


def _operations() -> Iterator[tuple[str, Document]]:
    for service in SERVICES:
        produced = (*service.produces, *service.state, DEAD_LETTERS)
        for action, topics in (("receive", service.consumes), ("send", produced)):
            for topic in topics:
                what = "consumes" if action == "receive" else "produces"
                yield f"{service.name}-{what}-{topic.name}", _operation(action, topic, f"The {service.name} {what} it.")
    summary = "A subscriber reads the state of the stories from `stories`, then follows their updates."
    yield "subscriber-consumes-story-updates", _operation("receive", STORY_UPDATES, summary)


def _operation(action: str, topic: TopicDefinition, summary: str) -> Document:
    return {"action": action, "channel": {"$ref": f"#/channels/{topic.name}"}, "summary": summary}


def _message(name: str) -> Document:
    event = golden(name)
    example = EXAMPLES[name]
    schema = {"type": "null"} if example.value is None else {"$ref": _REF.format(name=type(example.value).__name__)}
    headers: Document = {header: {"type": "string"} for header in event["headers"]}
    headers["ce_type"] = {"const": event["headers"]["ce_type"]}
    required = [header for header in headers if header not in OPTIONAL_HEADERS]
    return {
        "name": event["headers"]["ce_type"],
        "title": name,
        "contentType": CONTENT_TYPE,
        "headers": {"type": "object", "required": required, "properties": headers},
        "payload": schema,
        "bindings": {"kafka": {"key": {"type": "string", "description": example.topic.key}, "bindingVersion": "0.5.0"}},
        "examples": [{"name": name, "headers": event["headers"], "payload": event["value"]}],
    }


def _dead_letter() -> Document:
    return {
        "name": "dead-letter",
        "title": "dead-letter",
        "summary": "A record that a service could not process: its key and value as they were, and the reason in the headers.",
        "contentType": "application/octet-stream",
        "headers": {"type": "object", "properties": {header: {"type": "string"} for header in ADDED_HEADERS}},
        "payload": {},
    }


def main() -> None:
    """Write every file."""
    SCHEMAS.mkdir(exist_ok=True)
    for path, text in files().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
