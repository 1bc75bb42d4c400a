"""Records that no service can process, each with what its dead letter must say."""

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
"""What a producer may put there; it has to come out as it went in."""


@dataclass(frozen=True, slots=True)
class Bad:
    """A record, and a part of the reason it is rejected for."""

    reason: str
    key: bytes | None
    value: bytes | None
    headers: Headers = HEADERS

    def message(self) -> Message:
        """The record, for any topic."""
        return Message("", self.key, self.value, self.headers)


def sent(**changed: Any) -> bytes:
    """An article as a producer sends it, with other fields; None leaves one out."""
    fields = {"id": "bad", "title": "Ferry sinks off Port Selden", "text": "Divers found the bell.", **changed}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


BAD_ARTICLES: Final = {
    "not JSON": Bad("not JSON", b"bad", b"{not json"),
    "not UTF-8": Bad("not JSON", b"bad", b"\xff\xfe\x00\x01"),
    "nothing": Bad("not JSON", b"bad", b""),
    "too deep": Bad("nested too deeply", b"bad", b'{"deep":' + b"[" * 100_000),
    "not an object": Bad("Expected `object`, got `array`", b"bad", b"[]"),
    "missing field": Bad("missing required field `title`", b"bad", sent(title=None)),
    "mistyped field": Bad("Expected `str`, got `int` - at `$.title`", b"bad", sent(title=7)),
    "impossible date": Bad("Invalid RFC3339", b"bad", sent(published_at="2025-02-30T10:00:00Z")),
    "date of no feed": Bad("impossible date", b"bad", sent(published_at="0800-12-25T10:00:00Z")),
    "date without offset": Bad("timezone", b"bad", sent(published_at="2025-04-18T10:00:00")),
    "empty text": Bad("both empty", b"bad", sent(title=" ", text="\n\n")),
    "empty id": Bad("length >= 1 - at `$.id`", b"", sent(id="")),
    "long id": Bad("length <= 256 - at `$.id`", b"x" * 257, sent(id="x" * 257)),
    "long id in bytes": Bad("256 bytes", ("ü" * 200).encode(), sent(id="ü" * 200)),
    "long body": Bad("length <= 300000 - at `$.text`", b"bad", sent(text="word " * 60_001)),
    "unknown leaning": Bad("Invalid enum value 'up' - at `$.leaning`", b"bad", sent(leaning="up")),
    "impossible edition": Bad("at `$.edition`", b"bad", sent(edition="Not An Edition")),
    "another key": Bad("key is not the article's id", b"other", sent()),
    "retraction of nothing": Bad("needs the article's id as its key", None, None),
    "retraction of a long id": Bad("over 256 bytes", b"x" * 257, None),
    "retraction of bytes": Bad("not UTF-8", b"\xff", None),
    "retraction in no edition": Bad("header `edition`", b"bad", None, (*HEADERS, ("edition", b"Not An Edition"))),
}
"""For `articles`: rejected by the embedder."""


def vector(**changed: Any) -> ArticleVector:
    """A vector of the model `test`, with other fields."""
    return msgspec.structs.replace(article(99), **changed)


def _bad(reason: str, value: ArticleVector, key: bytes = b"main") -> Bad:
    return Bad(reason, key, encode(value))


BAD_VECTORS: Final = {
    "not JSON": Bad("not JSON", b"main", b"{not json"),
    "nothing": Bad("no value", b"main", None),
    "an article": Bad("missing required field", b"main", sent()),
    "another kind": Bad("Invalid value 'story'", b"main", b'{"kind": "story"}'),
    "wrong size": _bad("dimensions", vector(lead_vector=article(99).lead_vector[:8])),
    "half a number": _bad("vector", vector(lead_vector=article(99).lead_vector[:-1])),
    "no vector": _bad("vector", vector(title_vector=b"")),
    "no number": _bad("vector", vector(title_vector=b"\x00\x7e" * 8)),
    "wrong model": _bad("made with model 'other', but NEWSLOOM_MODEL is 'test'", vector(model="other")),
    "missing counts": _bad("counts", vector(term_counts=b"")),
    "broken terms": _bad("terms", vector(terms=b"\x01")),
    "broken shingles": _bad("shingles", vector(shingles=b"\x01")),
    "another key": _bad("the key is not the edition", vector(), key=b"other"),
}
"""For `article-vectors`: rejected by a clusterer that works with vectors of 8 dimensions of the model `test`."""
