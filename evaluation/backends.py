"""Compare encoder backends with torch, on labelled streams: `python -m evaluation.backends`.

The backends are those that this machine can run and that `newsloom model export` has prepared.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import click
import numpy as np

from evaluation.cli.options import stream_options, trial_options
from evaluation.cli.program import run_program
from evaluation.output.results_files import publish_page
from evaluation.output.tables import MACRO, share, table
from evaluation.scores.comparison import F1Row, changed_streams_row
from evaluation.scores.trials import Trials
from evaluation.streams.encoder_cache import backend_encoder
from evaluation.streams.event_stream import EventStream, build_event_stream, read_macro_streams
from evaluation.streams.files import StreamRequest
from evaluation.streams.stream import Stream
from newsloom.settings import Settings, load_settings
from newsloom.streaming.errors import ConfigurationError
from services.clusterer.core.parameters import Parameters
from services.embedder.backends import EXPORTED, TORCH, Backend, choose_backend
from services.embedder.encoder import Vectors
from services.embedder.exports.agreement import Agreement, measure_agreement

F1_DIFFERENCE_MAX: Final = 0.003
NOTE: Final = """\
Each title and passage is encoded with torch and with the backend. The table has the cosines of the two vectors, in the half
precision of `article-vectors`, and B-cubed F1 at the end of the replay with the shipped configuration. A backend agrees if its
cosines are as high as required and its average F1 differs by at most .003."""


class BackendResult(NamedTuple):
    """The figures of one backend: the cosines of its vectors with those of torch, and its F1 on each stream."""

    backend: Backend
    agreement: Agreement
    f1: F1Row


@click.command(name="evaluation.backends")
@stream_options
@trial_options
def command(*, request: StreamRequest, processes: int | None, keep: Path) -> None:
    """Compare the vectors and the stories of each exported backend with those of torch."""
    settings = load_settings(os.environ)
    backends = [TORCH, *_exported_backends(settings)]
    streams = read_macro_streams(request)
    results = compare_backends(settings, streams, backends, request.cache, processes=processes)
    heads = ("backend", "texts", "lowest cosine", "mean cosine", *results[0].f1.f1, MACRO, "change", "agrees")
    publish_page(keep / "backends.md", "Encoder backends", NOTE, table(heads, backend_rows(results)))


def _exported_backends(settings: Settings) -> list[Backend]:
    """Return the backends that can run the model here; raise `ConfigurationError` if there is none but torch."""
    found = []
    for backend in EXPORTED:
        try:
            found.append(choose_backend(settings.model, backend.name, settings.model_cache))
        except ConfigurationError as error:
            click.echo(f"left out: {error}", err=True)
    if not found:
        raise ConfigurationError("no backend to compare with torch: run `newsloom model export`")
    return found


def compare_backends(
    settings: Settings, streams: Sequence[Stream], backends: Sequence[Backend], cache: Path, *, processes: int | None
) -> list[BackendResult]:
    """Encode and replay the streams with each backend; the first one is the reference."""
    names = [stream.name for stream in streams]
    by_backend = [_encoded(settings, streams, backend, cache) for backend in backends]
    with Trials([one for ready in by_backend for one in ready], cache, processes=processes) as trials:
        rows = [
            changed_streams_row(trials, backend.name, names, ready, Parameters())
            for backend, ready in zip(backends, by_backend, strict=True)
        ]
    reference = vectors_of(by_backend[0])
    return [
        BackendResult(backend, measure_agreement(vectors_of(ready), reference), row)
        for backend, ready, row in zip(backends, by_backend, rows, strict=True)
    ]


def _encoded(settings: Settings, streams: Sequence[Stream], backend: Backend, cache: Path) -> list[EventStream]:
    encoder = backend_encoder(settings, backend, cache)
    ready = [build_event_stream(stream, encoder) for stream in streams]
    return [EventStream(f"{one.name}, {backend.name}", one.events, one.gold, one.rejected) for one in ready]


def vectors_of(streams: Sequence[EventStream]) -> Vectors:
    """Return the title and lead vectors of all articles, (2 * articles, dimension), of unit length again after rounding."""
    halves = [vector for stream in streams for one in stream.events for vector in (one.title_vector, one.lead_vector)]
    vectors = np.frombuffer(b"".join(halves), dtype="<f2").astype(np.float32).reshape(len(halves), -1)
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def backend_rows(results: Sequence[BackendResult]) -> list[list[str]]:
    """Return the cells of the table; the first result is the reference."""
    reference = results[0].f1.mean
    return [
        [
            one.backend.name,
            f"{one.agreement.texts:,}",
            f"{one.agreement.cosine_min:.4f}",
            f"{one.agreement.cosine_mean:.4f}",
            *map(share, one.f1.f1.values()),
            share(one.f1.mean),
            f"{one.f1.mean - reference:+.4f}",
            "yes" if _agrees(one, reference) else "no",
        ]
        for one in results
    ]


def _agrees(result: BackendResult, reference: float) -> bool:
    return result.agreement.meets(result.backend.required) and abs(result.f1.mean - reference) <= F1_DIFFERENCE_MAX


if __name__ == "__main__":
    run_program(command)
