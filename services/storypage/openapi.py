"""The OpenAPI 3.1 document of the API, made from the operations and the structs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

import msgspec

from services.storypage.operations import Operation
from services.storypage.resources import LiveUpdate, Problem
from services.storypage.responses import EVENT_STREAM, JSON, PROBLEM

_REFERENCE: Final = "#/components/schemas/{name}"
_ETAG: Final = {
    "ETag": {"description": "Identifies this answer: send it as If-None-Match", "schema": {"type": "string"}}
}


def openapi(operations: Sequence[Operation]) -> dict[str, Any]:
    """Return the document."""
    structs = [one.answer for one in operations if one.answer is not None] + [LiveUpdate, Problem]
    references, components = msgspec.json.schema_components(structs, ref_template=_REFERENCE)
    schemas = dict(zip(structs, references, strict=True))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "newsloom's story page",
            "version": version("newsloom"),
            "description": "Stories, their histories and articles. Every answer with an ETag answers 304 to it.",
        },
        "paths": {one.path: {"get": _operation(one, schemas)} for one in operations},
        "components": {"schemas": components},
    }


def _operation(operation: Operation, schemas: dict[type[msgspec.Struct], dict[str, Any]]) -> dict[str, Any]:
    schema = _answer_schema(operation, schemas)
    success: dict[str, Any] = {"description": "OK", "content": {operation.media_type: {"schema": schema}}}
    responses: dict[str, Any] = {"200": success}
    if operation.has_etag:
        success["headers"] = _ETAG
        responses["304"] = {"description": "The client has this answer"}
    problem = {PROBLEM: {"schema": schemas[Problem]}}
    statuses = [*operation.others, *([HTTPStatus.BAD_REQUEST] if operation.query is not None else [])]
    for status in statuses:
        responses[str(status.value)] = {"description": status.phrase}
        if status is not HTTPStatus.PERMANENT_REDIRECT:
            responses[str(status.value)]["content"] = problem
    return {
        "summary": operation.summary,
        "operationId": re.sub(r"\W+", "_", operation.path).strip("_"),
        "parameters": [*_path_parameters(operation.path), *_query_parameters(operation.query)],
        "responses": responses,
    }


def _answer_schema(operation: Operation, schemas: dict[type[msgspec.Struct], dict[str, Any]]) -> dict[str, Any]:
    if operation.answer is not None:
        return schemas[operation.answer]
    return _event_schema(schemas[LiveUpdate]) if operation.media_type == EVENT_STREAM else {"type": "string"}


def _event_schema(data: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of one event: OpenAPI 3.1 has no word for a stream, and tools take its schema for that of each event."""
    content = {"type": "string", "contentMediaType": JSON, "contentSchema": data}
    return {
        "type": "object",
        "description": "One event of the stream. The data of `story` is a LiveUpdate, that of `reset` is empty.",
        "properties": {"id": {"type": "string"}, "event": {"enum": ["story", "reset"]}, "data": content},
    }


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = re.findall(r"\{(\w+)\}", path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(query: type[msgspec.Struct] | None) -> list[dict[str, Any]]:
    if query is None:
        return []
    (_,), components = msgspec.json.schema_components([query], ref_template="{name}")
    schema = components[query.__name__]
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _inline(properties, components)}
        for name, properties in schema["properties"].items()
    ]


def _inline(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter with the enumerations it refers to; absent is what null is to a struct."""
    variants = [_inline(one, components) for one in schema.get("anyOf", []) if one != {"type": "null"}]
    if variants:
        return variants[0]
    if "$ref" in schema:
        return dict(components[schema["$ref"]])
    return schema
