"""Read the parameters of a request."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from starlette.requests import Request

from services.storypage.problems import bad_request

T = TypeVar("T", bound=msgspec.Struct)


def parse_query(request: Request, kind: type[T], *, ignore_unknown: bool = False) -> T:
    """Return the query of the request; parameters without a value count as absent.

    Raises:
        HttpProblem: a parameter is unknown, given twice or has a wrong value; the detail names it.

    """
    pairs = [(name, value) for name, value in request.query_params.multi_items() if value]
    if ignore_unknown:
        pairs = [(name, value) for name, value in pairs if name in kind.__struct_fields__]
    given = dict(pairs)
    if len(given) != len(pairs):
        raise bad_request("a parameter is given twice")
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise bad_request(str(error).replace("$.", "").replace("Object", "The query")) from error


def path_id(request: Request, name: str) -> str:
    """Return a part of the path."""
    return str(request.path_params[name])
