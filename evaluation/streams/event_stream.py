"""Streams with their vectors, ready for replay."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from evaluation.evaluate import Request
from evaluation.scores.stream_scores import Gold, gold_of
from evaluation.streams.stream import Stream, read_streams
from evaluation.streams.vectors import CachedEncoder, vectorize
from newsloom.contracts.vector import ArticleVector
from newsloom.settings import load_settings
from newsloom.streaming.errors import ConfigurationError
from services.embedder.encoder import Encoder


@dataclass(frozen=True, slots=True)
class Prepared:
    """A stream's events in the order of replay, without those the embedder rejected; and its gold labels."""

    name: str
    events: tuple[ArticleVector, ...]
    gold: Gold
    rejected: int


def prepare_stream(stream: Stream, encoder: Encoder) -> Prepared:
    """The stream with its vectors; raises ConfigurationError if the embedder rejects every article."""
    tell(f"{stream.name}: vectors")
    events = [event for event in vectorize(stream, encoder) if event is not None]
    if not events:
        raise ConfigurationError(f"{stream.name}: the embedder rejects every article of it")
    return Prepared(stream.name, tuple(events), gold_of(stream), len(stream.articles) - len(events))


def counted_streams(request: Request) -> list[Stream]:
    """The streams of the request that count in the macro average; raises ConfigurationError."""
    streams: Sequence[Stream] = read_streams(request.data, request.sets, request.undated)
    return [stream for stream in streams if stream.in_macro]


def cached_encoder(folder: Path) -> CachedEncoder:
    """The encoder that NEWSLOOM_MODEL names, with the vectors that the folder keeps."""
    model = load_settings(os.environ).model
    return CachedEncoder(
        model, lambda: _load(model), folder, lambda done, of: tell(f"{done:,} of {of:,} texts encoded")
    )


def tell(what: str) -> None:
    """Say on standard error what is being done."""
    click.echo(what, err=True)


def _load(model: str) -> Encoder:
    # torch takes seconds to load: only for a text that the cache does not know.
    from services.embedder.sentence_encoder import load_encoder  # noqa: PLC0415

    return load_encoder(model)
