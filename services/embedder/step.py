"""The embedder's step: turn records of `articles` into records of `article-vectors` and forward commands and retractions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from newsloom.contracts.article import DEFAULT_EDITION, EDITION_PATTERN, ID_BYTES_MAX, Article
from newsloom.contracts.cloudevents import ARTICLE_VECTORIZED, COMMAND_PASSED, VECTOR_RETRACTED, EventHeaders
from newsloom.contracts.codec import InvalidValue, decode_article, decode_command, encode, with_advice
from newsloom.contracts.command import StoryCommand
from newsloom.contracts.limits import YEAR_MAX, YEAR_MIN, is_before_record
from newsloom.contracts.pipeline import EDITION_HEADER, EMBEDDER, TRACEPARENT, RecordId
from newsloom.contracts.topics import ARTICLE_VECTORS, STORY_COMMANDS
from newsloom.contracts.vector import PREPARATION, TITLE_CHARACTERS_MAX, ArticleRetraction, ArticleVector, VectorEvent
from newsloom.log_names import topic_name, topic_names
from newsloom.settings import Settings
from newsloom.streaming.records import Message, Record
from newsloom.streaming.step import Outcome, Rejection
from services.embedder.encoder import Encoder
from services.embedder.fingerprints import content_digest, shingle_hashes, term_hashes
from services.embedder.preparation import PreparedText, prepare
from services.embedder.stems import stem_hashes

SOURCE: Final = "newsloom/embedder"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EDITION: Final = re.compile(EDITION_PATTERN)


@dataclass(frozen=True, slots=True)
class _PreparedArticle:
    """An article with its prepared text and resolved publication time."""

    article: Article
    text: PreparedText
    published_at: datetime
    is_dated: bool


class EmbedderStep:
    """A step without state: there is nothing to restore or forget."""

    def __init__(self, settings: Settings, encoder: Encoder) -> None:
        self.input_topics: Sequence[str] = topic_names(settings, EMBEDDER.consumes)
        self._encoder = encoder
        self._commands_topic = topic_name(settings, STORY_COMMANDS)
        self._vectors_topic = topic_name(settings, ARTICLE_VECTORS)

    def restore(self, partition: int) -> None:
        """Do nothing: there is no state."""

    def forget(self, partition: int) -> None:
        """Do nothing: there is no state."""

    def process(self, records: Sequence[Record]) -> Outcome:
        """Return one message per record, in order, and a rejection for each record that cannot be processed."""
        accepted: list[tuple[Record, _PreparedArticle | ArticleRetraction | StoryCommand]] = []
        rejected = []
        for record in records:
            try:
                decode = _decode_command_record if record.topic == self._commands_topic else _decode_article_record
                accepted.append((record, decode(record)))
            except InvalidValue as error:
                rejected.append(Rejection(record, str(error)))
        texts = [item.text for _, item in accepted if isinstance(item, _PreparedArticle)]
        vectors = iter(encode_texts(self._encoder, texts))
        messages = [
            self._vector_message(record, item, next(vectors))
            if isinstance(item, _PreparedArticle)
            else self._forward(record, item)
            for record, item in accepted
        ]
        return Outcome(messages, rejected)

    def _vector_message(self, record: Record, prepared: _PreparedArticle, vectors: tuple[bytes, bytes]) -> Message:
        article = prepared.article
        terms, term_counts = term_hashes(prepared.text)
        stems, stem_marks = stem_hashes(prepared.text)
        value = ArticleVector(
            article_id=article.id,
            edition=article.edition,
            title=prepared.text.title[:TITLE_CHARACTERS_MAX],
            published_at=prepared.published_at,
            digest=content_digest(article),
            words=prepared.text.words,
            shingles=shingle_hashes(prepared.text),
            title_vector=vectors[0],
            lead_vector=vectors[1],
            terms=terms,
            term_counts=term_counts,
            model=self._encoder.model,
            preparation=PREPARATION,
            url=article.url,
            outlet=article.outlet,
            language=article.language,
            leaning=article.leaning,
            dated=prepared.is_dated,
            stems=stems,
            stem_marks=stem_marks,
            backend=self._encoder.backend,
        )
        return self._message(record, value, event_type=ARTICLE_VECTORIZED, subject=article.id, at=value.published_at)

    def _forward(self, record: Record, value: ArticleRetraction | StoryCommand) -> Message:
        if isinstance(value, ArticleRetraction):
            event_type, subject = VECTOR_RETRACTED, value.article_id
        else:
            event_type, subject = COMMAND_PASSED, value.command_id
        return self._message(record, value, event_type=event_type, subject=subject, at=_record_time(record))

    def _message(self, record: Record, value: VectorEvent, *, event_type: str, subject: str, at: datetime) -> Message:
        headers = EventHeaders(
            id=str(RecordId(record.topic, record.partition, record.offset)),
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


def encode_texts(encoder: Encoder, texts: Sequence[PreparedText]) -> list[tuple[bytes, bytes]]:
    """Encode title and lead of each text in half precision. If one of them is empty, both vectors are those of the other."""
    passages = [text.passage for text in texts]
    titles = [text.title for text in texts if text.title and text.lead]
    vectors = [vector.tobytes() for vector in encoder.encode(passages + titles).astype("<f2")]
    title_vectors = iter(vectors[len(passages) :])
    return [
        (next(title_vectors) if text.title and text.lead else lead_vector, lead_vector)
        for text, lead_vector in zip(texts, vectors, strict=False)
    ]


def _decode_article_record(record: Record) -> _PreparedArticle | ArticleRetraction:
    if record.value is None:
        return _decode_retraction(record)
    article = decode_article(record.value)
    # With another key, a correction may be in another partition than the article and be processed before it.
    if record.key is not None and record.key != article.id.encode():
        raise InvalidValue("the record's key is not the article's id: use the id as the key, or no key - at `$.id`")
    published_at, is_dated = resolve_published_at(article.published_at, _record_time(record))
    text = prepare(article)
    if not text.passage:
        raise InvalidValue("title and text are both empty after preparation")
    return _PreparedArticle(article, text, published_at, is_dated)


def _decode_retraction(record: Record) -> ArticleRetraction:
    if not record.key:
        raise InvalidValue("a retraction (a record without a value) needs the article's id as its key")
    if len(record.key) > ID_BYTES_MAX:
        raise InvalidValue(f"the key of a retraction, the article's id, is over {ID_BYTES_MAX} bytes")
    try:
        article_id = record.key.decode()
    except UnicodeDecodeError as error:
        raise InvalidValue(f"the key of a retraction, the article's id, is not UTF-8 ({error.reason})") from error
    edition = record.header(EDITION_HEADER)
    edition = DEFAULT_EDITION if edition is None else edition
    if not _EDITION.fullmatch(edition):
        raise InvalidValue(f"the header `{EDITION_HEADER}` of the retraction does not match {EDITION_PATTERN}")
    _record_time(record)
    return ArticleRetraction(article_id=article_id, edition=edition)


def _decode_command_record(record: Record) -> StoryCommand:
    if record.value is None:
        raise InvalidValue("the record has no value: a command cannot be deleted, but another command can undo it")
    command = decode_command(record.value)
    # With another key, two commands of one edition may be in two partitions and be processed in the wrong order.
    if record.key != command.edition.encode():
        raise InvalidValue(f"the record's key is not the edition {command.edition!r} - at `$.edition`")
    _record_time(record)
    return command


def resolve_published_at(given: datetime | None, record_time: datetime) -> tuple[datetime, bool]:
    """Return the publication time in UTC and whether it is the given one; else it is the record's timestamp.

    A given time is used unless it is later than the record's timestamp. A timestamp that is no time itself proves nothing.

    Raises:
        InvalidValue: the year is before `YEAR_MIN`.

    """
    if given is None or not is_before_record(given, record_time):
        return record_time, False
    if given.year < YEAR_MIN:
        raise InvalidValue(with_advice(f"impossible date {given.isoformat()}, before {YEAR_MIN} - at `$.published_at`"))
    return given.astimezone(UTC), True


def _record_time(record: Record) -> datetime:
    try:
        moment = _EPOCH + timedelta(milliseconds=record.timestamp_ms)
    except OverflowError as error:
        raise InvalidValue(f"the record's timestamp {record.timestamp_ms} ms is not a date") from error
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        raise InvalidValue(f"the record's timestamp {record.timestamp_ms} ms is not from {YEAR_MIN} to {YEAR_MAX}")
    return moment
