"""JSON on the wire: strict about what is there, deaf to what it does not know."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import msgspec

from newsloom.contracts.article import ID_BYTES_MAX, Article
from newsloom.contracts.command import SPLIT_BYTES_MAX, SplitStory, StoryCommand
from newsloom.contracts.limits import YEAR_MAX, YEAR_MIN, json_size_bytes
from newsloom.contracts.membership import StateRecord
from newsloom.contracts.story import Story, StoryUpdate
from newsloom.contracts.vector import ArticleRetraction, ArticleVector, VectorEvent

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
    _check_id(article.id, "id")
    return article


def decode_command(data: bytes) -> StoryCommand:
    """A command from `story-commands`; raises `InvalidValue`."""
    command = _decode(_COMMAND, data)
    _check_command(command)
    return command


def decode_vector(data: bytes) -> VectorEvent:
    """A vector, a retraction or a command from `article-vectors`; raises `InvalidValue`."""
    event = _decode(_VECTOR, data)
    if isinstance(event, ArticleVector | ArticleRetraction):
        _check_id(event.article_id, "article_id")
    else:
        _check_command(event)
    if isinstance(event, ArticleVector):
        _check_date(event.published_at, "published_at")
    return event


def decode_state(data: bytes) -> StateRecord:
    """A membership or a checkpoint from `article-stories`; raises `InvalidValue`."""
    return _decode(_STATE, data)


def decode_story(data: bytes) -> Story:
    """A story from `stories`; raises `InvalidValue`."""
    return _decode(_STORY, data)


def decode_update(data: bytes) -> StoryUpdate:
    """An update from `story-updates`; raises `InvalidValue`."""
    return _decode(_UPDATE, data)


def _check_id(article_id: str, field: str) -> None:
    if len(article_id.encode("utf-8")) > ID_BYTES_MAX:
        raise InvalidValue(f"id is over {ID_BYTES_MAX} bytes in UTF-8 - at `$.{field}`")


def _check_date(moment: datetime, field: str) -> None:
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        raise InvalidValue(f"impossible date {moment.isoformat()}, not of {YEAR_MIN} to {YEAR_MAX} - at `$.{field}`")


def _check_command(command: StoryCommand) -> None:
    _check_date(command.issued_at, "issued_at")
    if not isinstance(command, SplitStory):
        return
    size = sum(json_size_bytes(article_id) + 1 for article_id in command.article_ids)
    if size > SPLIT_BYTES_MAX:
        raise InvalidValue(
            f"the articles' ids take {size} bytes, more than {SPLIT_BYTES_MAX}: split fewer at a time - at `$.article_ids`"
        )


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
