"""B-cubed scores of many configurations over the same streams, computed in parallel and cached on disk.

A trial's cache key covers the core's source, the stream's events and labels, and the parameters. A change of any of them runs the
trial again; after an interruption only the missing trials run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import suppress
from hashlib import blake2b
from multiprocessing import get_context
from pathlib import Path
from time import process_time
from typing import Final, Self

import msgspec

import services.clusterer.core
from evaluation.replays import audit_replay
from evaluation.replays.audit_replay import AuditConfiguration, replay_with_audits
from evaluation.replays.replay import replay
from evaluation.scores.metrics import PrecisionRecall, b_cubed
from evaluation.scores.stream_scores import found_labels
from evaluation.streams.event_stream import EventStream
from services.clusterer.core.parameters import Parameters

TRIALS_FILE: Final = "trials.jsonl"
"""In the cache folder."""

Configuration = Parameters | AuditConfiguration

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_DIGEST_BYTES: Final = 16


class _Trial(msgspec.Struct, frozen=True, kw_only=True):
    depends_on: str
    stream: str
    parameters: dict[str, object]
    b3: PrecisionRecall
    seconds: float
    """CPU time of the replay."""


class Trials:
    """A pool of processes that run trials, and the cache of their scores in a file of JSON lines. A context manager."""

    def __init__(self, streams: Sequence[EventStream], cache: Path, *, processes: int | None = None) -> None:
        self._file = cache / TRIALS_FILE
        self._depends_on = {stream.name: _digest(stream) for stream in streams}
        self._known = _read_trials(self._file)
        self._asked: set[bytes] = set()
        # One process per core: more threads of BLAS would compete for the cores. The spawned processes read the variable.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        count, context, sent = processes or os.cpu_count(), get_context("spawn"), (tuple(streams),)
        self._pool = ProcessPoolExecutor(count, mp_context=context, initializer=_start_worker, initargs=sent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def run(self, configurations: Sequence[Configuration], streams: Iterable[str]) -> list[dict[str, PrecisionRecall]]:
        """Return B-cubed at the end of the replay for each configuration, by stream."""
        names = list(streams)
        wanted = [(name, one) for one in configurations for name in names]
        self._run_missing(wanted)
        self._asked.update(self._key(*trial) for trial in wanted)
        return [{name: self._known[self._key(name, one)].b3 for name in names} for one in configurations]

    @property
    def replays(self) -> int:
        """The number of trials that were asked for, those from the cache included."""
        return len(self._asked)

    @property
    def configurations(self) -> int:
        """The number of configurations that were asked for."""
        return len({_ENCODER.encode(self._known[key].parameters) for key in self._asked})

    @property
    def seconds(self) -> float:
        """The CPU time of the trials that were asked for, when they ran."""
        return sum(self._known[key].seconds for key in self._asked)

    def _run_missing(self, wanted: Sequence[tuple[str, Configuration]]) -> None:
        missing = {self._key(*trial): trial for trial in wanted if self._key(*trial) not in self._known}
        pending: dict[Future[tuple[PrecisionRecall, float]], bytes] = {
            self._pool.submit(_run_trial, *trial): key for key, trial in missing.items()
        }
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("ab") as cache:
            for future in as_completed(pending):
                name, configuration = missing[pending[future]]
                b3, seconds = future.result()
                trial = _Trial(
                    depends_on=self._depends_on[name],
                    stream=name,
                    parameters=msgspec.to_builtins(configuration),
                    b3=b3,
                    seconds=seconds,
                )
                self._known[pending[future]] = trial
                cache.write(_ENCODER.encode(trial) + b"\n")
                cache.flush()

    def _key(self, name: str, configuration: Configuration) -> bytes:
        return _key(self._depends_on[name], msgspec.to_builtins(configuration))


def _key(depends_on: str, parameters: dict[str, object]) -> bytes:
    return _ENCODER.encode((depends_on, parameters))


def _read_trials(file: Path) -> dict[bytes, _Trial]:
    known = {}
    if file.exists():
        for line in file.read_bytes().splitlines():
            # A killed run may leave half a line.
            with suppress(msgspec.DecodeError):
                trial = msgspec.json.decode(line, type=_Trial)
                known[_key(trial.depends_on, trial.parameters)] = trial
    return known


def _digest(stream: EventStream) -> str:
    state = blake2b(digest_size=_DIGEST_BYTES)
    for source in (*sorted(Path(services.clusterer.core.__path__[0]).glob("*.py")), Path(audit_replay.__file__)):
        state.update(source.read_bytes())
    for event in stream.events:
        state.update(_ENCODER.encode(event))
    state.update(_ENCODER.encode((stream.gold.ids, stream.gold.stories)))
    return state.hexdigest()


_worker_streams: dict[str, EventStream] = {}
"""The streams of a worker process: sent once instead of with every trial."""


def _start_worker(streams: Sequence[EventStream]) -> None:
    _worker_streams.update({stream.name: stream for stream in streams})


def _run_trial(name: str, configuration: Configuration) -> tuple[PrecisionRecall, float]:
    """Return the score, and the CPU time in seconds."""
    stream, started = _worker_streams[name], process_time()
    if isinstance(configuration, AuditConfiguration):
        stories = replay_with_audits(stream.events, configuration)
    else:
        stories = replay(stream.events, configuration).final
    return b_cubed(stream.gold.stories, found_labels(stream.gold, stories)), process_time() - started
