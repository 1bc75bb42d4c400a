"""Encode and decode events as JSON. Decoding checks every known field and ignores unknown ones."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import msgspec

from newsloom.contracts.article import (
    DATE_EXAMPLE,
    ID_BYTES_MAX,
    TEXT_CHARACTERS_MAX,
    TITLE_CHARACTERS_MAX,
    Article,
)
from newsloom.contracts.command import SPLIT_BYTES_MAX, SplitStory, StoryCommand
from newsloom.contracts.limits import YEAR_MAX, YEAR_MIN, json_size_bytes
from newsloom.contracts.membership import StateRecord
from newsloom.contracts.story import Story, StoryUpdate
from newsloom.contracts.vector import ArticleRetraction, ArticleVector, VectorEvent

T = TypeVar("T")

CONTENT_TYPE = "application/json"


class InvalidValue(ValueError):
    """The value of a record is not valid for its topic. The message names the field and the problem."""


_ARTICLE_ADVICE = {
    "published_at": f"send RFC 3339 with an offset, such as {DATE_EXAMPLE}",
    "title": f"send a string of up to {TITLE_CHARACTERS_MAX:,} characters",
    "text": f"send a string of up to {TEXT_CHARACTERS_MAX:,} characters",
}
"""What a producer sends instead of an invalid value, by field."""

_ENCODER = msgspec.json.Encoder(order="deterministic")
_ARTICLE = msgspec.json.Decoder(Article)
_COMMAND: msgspec.json.Decoder[StoryCommand] = msgspec.json.Decoder(StoryCommand)
_VECTOR: msgspec.json.Decoder[VectorEvent] = msgspec.json.Decoder(VectorEvent)
_STATE: msgspec.json.Decoder[StateRecord] = msgspec.json.Decoder(StateRecord)
_STORY = msgspec.json.Decoder(Story)
_UPDATE = msgspec.json.Decoder(StoryUpdate)


def encode(value: msgspec.Struct) -> bytes:
    """Encode the value as JSON. The same value always gives the same bytes."""
    return _ENCODER.encode(value)


def decode_article(data: bytes) -> Article:
    """Decode an article from `articles`.

    Raises:
        InvalidValue: not JSON, a field that is missing or of the wrong type, an id over 256 bytes, an impossible date.

    """
    try:
        article = _decode(_ARTICLE, data)
    except InvalidValue as error:
        raise InvalidValue(with_advice(str(error))) from error
    _check_id(article.id, "id")
    return article


def decode_command(data: bytes) -> StoryCommand:
    """Decode a command from `story-commands`. Raises `InvalidValue`."""
    command = _decode(_COMMAND, data)
    _check_command(command)
    return command


def decode_vector(data: bytes) -> VectorEvent:
    """Decode a vector, a retraction or a command from `article-vectors`. Raises `InvalidValue`."""
    event = _decode(_VECTOR, data)
    if isinstance(event, ArticleVector | ArticleRetraction):
        _check_id(event.article_id, "article_id")
    else:
        _check_command(event)
    if isinstance(event, ArticleVector):
        _check_date(event.published_at, "published_at")
    return event


def decode_state(data: bytes) -> StateRecord:
    """Decode a membership or a checkpoint from `article-stories`. Raises `InvalidValue`."""
    return _decode(_STATE, data)


def decode_story(data: bytes) -> Story:
    """Decode a story from `stories`. Raises `InvalidValue`."""
    return _decode(_STORY, data)


def decode_update(data: bytes) -> StoryUpdate:
    """Decode an update from `story-updates`. Raises `InvalidValue`."""
    return _decode(_UPDATE, data)


def with_advice(message: str) -> str:
    """Insert what to send instead, if the message is about a field of an article that has advice."""
    reason, marker, field = message.rpartition(" - at `$.")
    advice = _ARTICLE_ADVICE.get(field.removesuffix("`")) if marker else None
    return message if advice is None else f"{reason}: {advice}{marker}{field}"


def _check_id(article_id: str, field: str) -> None:
    if len(article_id.encode("utf-8")) > ID_BYTES_MAX:
        raise InvalidValue(f"id is over {ID_BYTES_MAX} bytes in UTF-8 - at `$.{field}`")


def _check_date(moment: datetime, field: str) -> None:
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        raise InvalidValue(f"impossible date {moment.isoformat()}, not from {YEAR_MIN} to {YEAR_MAX} - at `$.{field}`")


def _check_command(command: StoryCommand) -> None:
    _check_date(command.issued_at, "issued_at")
    if not isinstance(command, SplitStory):
        return
    size = sum(json_size_bytes(article_id) + 1 for article_id in command.article_ids)
    if size > SPLIT_BYTES_MAX:
        raise InvalidValue(
            f"the article ids take {size} bytes, over {SPLIT_BYTES_MAX}: split off fewer articles at a time - at `$.article_ids`"
        )


def _decode(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidValue(_error_message(error)) from error


def _error_message(error: Exception) -> str:
    if isinstance(error, msgspec.ValidationError):
        return str(error)
    if isinstance(error, RecursionError):
        return "the JSON is nested too deeply"
    return f"not JSON: {error}"
