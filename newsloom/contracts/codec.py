"""JSON on the wire: strict about what is there, deaf to what it does not know."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from newsloom.contracts.article import ID_BYTES_MAX, Article
from newsloom.contracts.command import StoryCommand
from newsloom.contracts.membership import StateRecord
from newsloom.contracts.story import Story, StoryUpdate
from newsloom.contracts.vector import VectorEvent

T = TypeVar("T")

CONTENT_TYPE = "application/json"


class InvalidValue(ValueError):
    """A value that is not what its topic holds; the message names the field and what is wrong with it."""


_ENCODER = msgspec.json.Encoder(order="deterministic")
_ARTICLE = msgspec.json.Decoder(Article)
_COMMAND: msgspec.json.Decoder[StoryCommand] = msgspec.json.Decoder(StoryCommand)
_VECTOR: msgspec.json.Decoder[VectorEvent] = msgspec.json.Decoder(VectorEvent)
_STATE: msgspec.json.Decoder[StateRecord] = msgspec.json.Decoder(StateRecord)
_STORY = msgspec.json.Decoder(Story)
_UPDATE = msgspec.json.Decoder(StoryUpdate)


def encode(value: msgspec.Struct) -> bytes:
    """The value as JSON; the same value always gives the same bytes."""
    return _ENCODER.encode(value)


def decode_article(data: bytes) -> Article:
    """An article from `articles`.

    Raises:
        InvalidValue: not JSON, a missing or mistyped field, an id over 256 bytes, an impossible date.

    """
    article = _decode(_ARTICLE, data)
    if len(article.id.encode("utf-8")) > ID_BYTES_MAX:
        raise InvalidValue(f"id is over {ID_BYTES_MAX} bytes in UTF-8 - at `$.id`")
    return article


def decode_command(data: bytes) -> StoryCommand:
    """A command from `story-commands`; raises `InvalidValue`."""
    return _decode(_COMMAND, data)


def decode_vector(data: bytes) -> VectorEvent:
    """A vector, a retraction or a command from `article-vectors`; raises `InvalidValue`."""
    return _decode(_VECTOR, data)


def decode_state(data: bytes) -> StateRecord:
    """A membership or a checkpoint from `article-stories`; raises `InvalidValue`."""
    return _decode(_STATE, data)


def decode_story(data: bytes) -> Story:
    """A story from `stories`; raises `InvalidValue`."""
    return _decode(_STORY, data)


def decode_update(data: bytes) -> StoryUpdate:
    """An update from `story-updates`; raises `InvalidValue`."""
    return _decode(_UPDATE, data)


def _decode(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidValue(_explained(error)) from error


def _explained(error: Exception) -> str:
    if isinstance(error, msgspec.ValidationError):
        return str(error)
    if isinstance(error, RecursionError):
        return "not JSON that can be read: nested too deeply"
    return f"not JSON: {error}"
