"""Read the parameters of a request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request

from services.storypage.problems import bad_request

T = TypeVar("T", bound=msgspec.Struct)

QUOTED_MAX: Final = 40


def parse_query(request: Request, kind: type[T]) -> T:
    """Return the query of a request to the API.

    Raises:
        HttpProblem: a parameter is unknown, missing, given twice or has a wrong value; the detail names it and says what to send.

    """
    return _parse(request.query_params.multi_items(), kind)


def parse_form(request: Request, kind: type[T]) -> T:
    """Return the query of a request for a page, without what has no value or another name.

    Browsers send each field of a form, and other sites add marks to links.

    Raises:
        HttpProblem: as `parse_query`.

    """
    pairs = request.query_params.multi_items()
    return _parse([(name, value) for name, value in pairs if value and name in kind.__struct_fields__], kind)


def path_id(request: Request, name: str) -> str:
    """Return a part of the path."""
    return str(request.path_params[name])


def _parse(pairs: Iterable[tuple[str, str]], kind: type[T]) -> T:
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    values: dict[str, Any] = {}
    for name, text in pairs:
        if name not in fields:
            raise bad_request(f"{_quote(name)} is no parameter here: send {', '.join(fields)} or none")
        if name in values:
            raise bad_request(f"{name} is given twice: send it once")
        values[name] = _value(name, text, fields[name].type)
    for field in fields.values():
        if field.required and field.name not in values:
            raise bad_request(f"{field.name} is missing: send {_allowed(field.type)}")
    return kind(**values)


def _value(name: str, text: str, kind: Any) -> Any:
    try:
        value = msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError:
        value = None
    if value is None:
        raise bad_request(f"{name}={_quote(text)}: send {_allowed(kind)}")
    return value


def _allowed(kind: Any) -> str:
    """Return in words which values a parameter of this type has."""
    (schema,), components = msgspec.json.schema_components([kind], ref_template="{name}")
    (schema,) = [one for one in schema.get("anyOf", [schema]) if one != {"type": "null"}]
    schema = components.get(schema.get("$ref"), schema)
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    if schema["type"] == "integer":
        return f"a whole number from {schema['minimum']} to {schema['maximum']}"
    return f"{schema.get('minLength', 0)} to {schema['maxLength']} characters"


def _quote(text: str) -> str:
    return text if len(text) <= QUOTED_MAX else f"{text[:QUOTED_MAX]}…"
