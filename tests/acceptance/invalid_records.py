"""Records that no service can process, each with a part of the reason in its dead letter."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from newsloom.contracts.codec import encode
from newsloom.contracts.vector import ArticleVector
from newsloom.streaming.records import Headers, Message
from tests.laws.streams import article

HEADERS: Final[Headers] = (("ce_id", b"producer/1"), ("x-trace", b"\xff\x00 not text"), ("x-trace", b"twice"))
"""Headers of a producer, which the dead letter must keep."""


@dataclass(frozen=True, slots=True)
class InvalidRecord:
    """A record, and a part of the reason for which it is rejected."""

    reason: str
    key: bytes | None
    value: bytes | None
    headers: Headers = HEADERS

    def message(self) -> Message:
        """Return the record without a topic."""
        return Message("", self.key, self.value, self.headers)


def article_json(**changed: Any) -> bytes:
    """Return an article as JSON with changed fields; None leaves a field out."""
    fields = {"id": "bad", "title": "Ferry sinks off Port Selden", "text": "Divers found the bell.", **changed}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


INVALID_ARTICLES: Final = {
    "not JSON": InvalidRecord("not JSON", b"bad", b"{not json"),
    "not UTF-8": InvalidRecord("not JSON", b"bad", b"\xff\xfe\x00\x01"),
    "nothing": InvalidRecord("not JSON", b"bad", b""),
    "too deep": InvalidRecord("nested too deeply", b"bad", b'{"deep":' + b"[" * 100_000),
    "not an object": InvalidRecord("Expected `object`, got `array`", b"bad", b"[]"),
    "missing field": InvalidRecord("missing required field `title`", b"bad", article_json(title=None)),
    "mistyped field": InvalidRecord(
        "Expected `str`, got `int`: send a string of up to 2,000 characters - at `$.title`",
        b"bad",
        article_json(title=7),
    ),
    "impossible date": InvalidRecord("Invalid RFC3339", b"bad", article_json(published_at="2025-02-30T10:00:00Z")),
    "date of no feed": InvalidRecord("impossible date", b"bad", article_json(published_at="0800-12-25T10:00:00Z")),
    "date without offset": InvalidRecord("timezone", b"bad", article_json(published_at="2025-04-18T10:00:00")),
    "empty text": InvalidRecord("both empty", b"bad", article_json(title=" ", text="\n\n")),
    "empty id": InvalidRecord("length >= 1 - at `$.id`", b"", article_json(id="")),
    "long id": InvalidRecord("length <= 256 - at `$.id`", b"x" * 257, article_json(id="x" * 257)),
    "long id in bytes": InvalidRecord("256 bytes", ("ü" * 200).encode(), article_json(id="ü" * 200)),
    "long body": InvalidRecord("up to 300,000 characters - at `$.text`", b"bad", article_json(text="word " * 60_001)),
    "unknown leaning": InvalidRecord("Invalid enum value 'up' - at `$.leaning`", b"bad", article_json(leaning="up")),
    "impossible edition": InvalidRecord("at `$.edition`", b"bad", article_json(edition="Not An Edition")),
    "another key": InvalidRecord("key is not the article's id", b"other", article_json()),
    "retraction of nothing": InvalidRecord("needs the article's id as its key", None, None),
    "retraction of a long id": InvalidRecord("over 256 bytes", b"x" * 257, None),
    "retraction of bytes": InvalidRecord("not UTF-8", b"\xff", None),
    "retraction in no edition": InvalidRecord(
        "header `edition`", b"bad", None, (*HEADERS, ("edition", b"Not An Edition"))
    ),
}
"""For `articles`: the embedder rejects them."""


def vector(**changed: Any) -> ArticleVector:
    """Return a vector of the model `test` with changed fields."""
    return msgspec.structs.replace(article(99), **changed)


def _invalid_vector(reason: str, value: ArticleVector, key: bytes = b"main") -> InvalidRecord:
    return InvalidRecord(reason, key, encode(value))


INVALID_VECTORS: Final = {
    "not JSON": InvalidRecord("not JSON", b"main", b"{not json"),
    "nothing": InvalidRecord("no value", b"main", None),
    "an article": InvalidRecord("missing required field", b"main", article_json()),
    "another kind": InvalidRecord("Invalid value 'story'", b"main", b'{"kind": "story"}'),
    "wrong size": _invalid_vector("dimensions", vector(lead_vector=article(99).lead_vector[:8])),
    "half a number": _invalid_vector("vector", vector(lead_vector=article(99).lead_vector[:-1])),
    "no vector": _invalid_vector("vector", vector(title_vector=b"")),
    "no number": _invalid_vector("vector", vector(title_vector=b"\x00\x7e" * 8)),
    "wrong model": _invalid_vector("made with model 'other', but NEWSLOOM_MODEL is 'test'", vector(model="other")),
    "missing counts": _invalid_vector("counts", vector(term_counts=b"")),
    "broken terms": _invalid_vector("terms", vector(terms=b"\x01")),
    "broken shingles": _invalid_vector("shingles", vector(shingles=b"\x01")),
    "another key": _invalid_vector("the key is not the edition", vector(), key=b"other"),
}
"""For `article-vectors`: a clusterer for the model `test` with 8 dimensions rejects them."""
