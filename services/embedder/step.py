"""The embedder's step: a record of `articles` becomes a record of `article-vectors`, or a rejection; commands pass through."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from newsloom.contracts.article import DEFAULT_EDITION, EDITION_HEADER, EDITION_PATTERN, ID_BYTES_MAX, Article
from newsloom.contracts.cloudevents import (
    ARTICLE_VECTORIZED,
    COMMAND_PASSED,
    TRACEPARENT,
    VECTOR_RETRACTED,
    EventHeaders,
)
from newsloom.contracts.codec import InvalidValue, decode_article, decode_command, encode
from newsloom.contracts.command import StoryCommand
from newsloom.contracts.limits import YEAR_MAX, YEAR_MIN
from newsloom.contracts.vector import TITLE_CHARACTERS_MAX, ArticleRetraction, ArticleVector, VectorEvent
from newsloom.streaming.records import Message, Record
from newsloom.streaming.step import Outcome, Rejection
from services.embedder.encoder import Encoder
from services.embedder.fingerprints import digest, shingles, terms
from services.embedder.preparation import PREPARATION, PreparedText, prepare

SOURCE: Final = "newsloom/embedder"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EDITION: Final = re.compile(EDITION_PATTERN)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """An article on its way to the model. `at` is its publication, resolved."""

    article: Article
    text: PreparedText
    at: datetime


class EmbedderStep:
    """Holds no state: restoring and forgetting a partition mean nothing here."""

    def __init__(self, encoder: Encoder, *, articles_topic: str, commands_topic: str, vectors_topic: str) -> None:
        self.inputs: Sequence[str] = (articles_topic, commands_topic)
        self._encoder = encoder
        self._commands_topic = commands_topic
        self._vectors_topic = vectors_topic

    def restore(self, partition: int) -> None:
        """Nothing to restore."""

    def forget(self, partition: int) -> None:
        """Nothing to forget."""

    def process(self, records: Sequence[Record]) -> Outcome:
        """One message a record, in the order of the records; those that cannot be read are rejected."""
        accepted: list[tuple[Record, _Prepared | ArticleRetraction | StoryCommand]] = []
        rejected = []
        for record in records:
            try:
                read = _read_command if record.topic == self._commands_topic else _read
                accepted.append((record, read(record)))
            except InvalidValue as error:
                rejected.append(Rejection(record, str(error)))
        texts = [item.text for _, item in accepted if isinstance(item, _Prepared)]
        vectors = iter(vectors_of(self._encoder, texts))
        messages = [
            self._vector(record, item, *next(vectors)) if isinstance(item, _Prepared) else self._passed_on(record, item)
            for record, item in accepted
        ]
        return Outcome(messages, rejected)

    def _vector(self, record: Record, prepared: _Prepared, title_vector: bytes, lead_vector: bytes) -> Message:
        article = prepared.article
        hashes, counts = terms(prepared.text)
        value = ArticleVector(
            article_id=article.id,
            edition=article.edition,
            title=prepared.text.title[:TITLE_CHARACTERS_MAX],
            published_at=prepared.at,
            digest=digest(article),
            words=prepared.text.words,
            shingles=shingles(prepared.text),
            title_vector=title_vector,
            lead_vector=lead_vector,
            terms=hashes,
            term_counts=counts,
            model=self._encoder.model,
            preparation=PREPARATION,
            url=article.url,
            outlet=article.outlet,
            language=article.language,
            leaning=article.leaning,
        )
        return self._message(record, value, event_type=ARTICLE_VECTORIZED, subject=value.article_id, at=prepared.at)

    def _passed_on(self, record: Record, value: ArticleRetraction | StoryCommand) -> Message:
        if isinstance(value, ArticleRetraction):
            event_type, subject = VECTOR_RETRACTED, value.article_id
        else:
            event_type, subject = COMMAND_PASSED, value.command_id
        return self._message(record, value, event_type=event_type, subject=subject, at=_record_time(record))

    def _message(self, record: Record, value: VectorEvent, *, event_type: str, subject: str, at: datetime) -> Message:
        headers = EventHeaders(
            id=f"{record.topic}/{record.partition}/{record.offset}",
            source=SOURCE,
            type=event_type,
            subject=f"{value.edition}/{subject}",
            time=at,
            edition=value.edition,
            traceparent=record.header(TRACEPARENT),
        )
        return Message(
            topic=self._vectors_topic,
            key=value.edition.encode(),
            value=encode(value),
            headers=headers.encode(),
            timestamp_ms=record.timestamp_ms,
        )


def vectors_of(encoder: Encoder, texts: Sequence[PreparedText]) -> list[tuple[bytes, bytes]]:
    """The vectors of title and lead of each text, in half precision; one stands in where the other has nothing to say."""
    passages = [text.passage for text in texts]
    titles = [text.title for text in texts if text.title and text.lead]
    halves = [vector.tobytes() for vector in encoder.encode(passages + titles).astype("<f2")]
    own_titles = iter(halves[len(passages) :])
    return [
        (next(own_titles) if text.title and text.lead else lead, lead)
        for text, lead in zip(texts, halves, strict=False)
    ]


def _read(record: Record) -> _Prepared | ArticleRetraction:
    if record.value is None:
        return _read_retraction(record)
    article = decode_article(record.value)
    # Under another key a correction may lie in another partition, and overtake what it corrects.
    if record.key is not None and record.key != article.id.encode():
        raise InvalidValue("the record's key is not the article's id: use the id as key, or none - at `$.id`")
    published_at = resolve_published_at(article.published_at, _record_time(record))
    text = prepare(article)
    if not text.passage:
        raise InvalidValue("title and text are both empty after preparation")
    return _Prepared(article, text, published_at)


def _read_retraction(record: Record) -> ArticleRetraction:
    if not record.key:
        raise InvalidValue("a retraction (a record without a value) needs the article's id as its key")
    if len(record.key) > ID_BYTES_MAX:
        raise InvalidValue(f"the key of a retraction is an article's id: it is over {ID_BYTES_MAX} bytes")
    try:
        article_id = record.key.decode()
    except UnicodeDecodeError as error:
        raise InvalidValue(f"the key of a retraction is an article's id: it is not UTF-8 ({error.reason})") from error
    edition = record.header(EDITION_HEADER)
    edition = DEFAULT_EDITION if edition is None else edition
    if not _EDITION.fullmatch(edition):
        raise InvalidValue(f"the header `{EDITION_HEADER}` of a retraction does not match {EDITION_PATTERN}")
    _record_time(record)
    return ArticleRetraction(article_id=article_id, edition=edition)


def _read_command(record: Record) -> StoryCommand:
    if record.value is None:
        raise InvalidValue("the record has no value; a command is never taken back, but another one may undo it")
    command = decode_command(record.value)
    # Under another key two commands on one edition may lie in two partitions, and overtake each other.
    if record.key != command.edition.encode():
        raise InvalidValue(f"the record's key is not the edition {command.edition!r} - at `$.edition`")
    _record_time(record)
    return command


def resolve_published_at(given: datetime | None, record_time: datetime) -> datetime:
    """The date as given, in UTC; the record's own time where it is missing or ahead of that.

    Raises:
        InvalidValue: a year before `YEAR_MIN`, which no feed means.

    """
    if given is None or given > record_time:
        return record_time
    if given.year < YEAR_MIN:
        raise InvalidValue(f"impossible date {given.isoformat()}, before {YEAR_MIN} - at `$.published_at`")
    return given.astimezone(UTC)


def _record_time(record: Record) -> datetime:
    try:
        moment = _EPOCH + timedelta(milliseconds=record.timestamp_ms)
    except OverflowError as error:
        raise InvalidValue(f"the record's timestamp {record.timestamp_ms} ms is no date") from error
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        raise InvalidValue(f"the record's timestamp {record.timestamp_ms} ms is not of {YEAR_MIN} to {YEAR_MAX}")
    return moment
