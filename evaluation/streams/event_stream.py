"""Streams as the clusterer reads them: events with vectors, made by the embedder's own step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from evaluation.hard_streams.names import split_names
from evaluation.hard_streams.stream import generate_hard_stream
from evaluation.streams.encoder_cache import configured_encoder, print_progress
from evaluation.streams.files import StreamRequest, read_requested
from evaluation.streams.stream import Gold, LabelledArticle, Stream
from newsloom.contracts.codec import decode_vector, encode
from newsloom.contracts.vector import ArticleVector
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.records import Record
from services.embedder.encoder import Encoder
from services.embedder.step import EmbedderStep


@dataclass(frozen=True, slots=True)
class EventStream:
    """A stream's events in the order of replay, and its gold labels. `rejected` articles have no event."""

    name: str
    events: tuple[ArticleVector, ...]
    gold: Gold
    rejected: int


def load_event_streams(request: StreamRequest) -> list[EventStream]:
    """Load and encode the streams of `read_macro_streams`; raises ConfigurationError."""
    encoder = configured_encoder(request.cache)
    return [build_event_stream(stream, encoder) for stream in read_macro_streams(request)]


def read_macro_streams(request: StreamRequest) -> list[Stream]:
    """Read the requested streams that are part of the macro average, then generate the hard ones; raises ConfigurationError."""
    names, wanted = split_names(request.sets)
    streams = read_requested(request, names) if names or not wanted else []
    hard = [generate_hard_stream(one).stream for one in wanted]
    return [stream for stream in streams if stream.in_macro] + hard


def build_event_stream(stream: Stream, encoder: Encoder) -> EventStream:
    """Encode a stream; raises ConfigurationError if the embedder rejects every article."""
    print_progress(f"{stream.name}: vectors")
    events = tuple(event for event in vectorize(stream, encoder) if event is not None)
    if not events:
        raise ConfigurationError(f"{stream.name}: the embedder rejects every article of this stream")
    return EventStream(stream.name, events, stream.gold(), len(stream.articles) - len(events))


def shuffle_ties(stream: EventStream, seed: int) -> EventStream:
    """Return the stream, under another name, with articles of the same publication time in another order."""
    shuffled = Random(seed).sample(stream.events, len(stream.events))  # noqa: S311 - no secret
    events = tuple(sorted(shuffled, key=lambda event: event.published_at))
    return replace(stream, name=f"{stream.name}, seed {seed}", events=events)


def vectorize(stream: Stream, encoder: Encoder) -> list[ArticleVector | None]:
    """Return the event of each article; None for an article that the embedder rejects."""
    step = EmbedderStep(Settings(topic_prefix=""), encoder)
    outcome = step.process([_record(offset, labelled) for offset, labelled in enumerate(stream.articles)])
    rejected = {rejection.record.offset for rejection in outcome.rejected}
    messages = iter(outcome.messages)
    return [None if offset in rejected else _event(next(messages).value) for offset in range(len(stream.articles))]


def _record(offset: int, labelled: LabelledArticle) -> Record:
    at_ms = int(labelled.published_at.timestamp() * 1000)
    return Record("articles", 0, offset, at_ms, labelled.article.id.encode(), encode(labelled.article))


def _event(value: bytes | None) -> ArticleVector:
    event = decode_vector(value or b"")
    assert isinstance(event, ArticleVector)  # noqa: S101 - for the type checker: the stream has no retractions
    return event
