"""Many configurations over the same streams, in several processes, each remembered on disk.

A trial is remembered by what it depends on: the core's source, the stream's events and labels, the parameters. After a change of
any of them it is run anew; after an interruption only what is missing is run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import suppress
from hashlib import blake2b
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

import services.clusterer.core
from evaluation.replays import audit_replay
from evaluation.replays.audit_replay import Audited, replay_audited
from evaluation.replays.replay import replay
from evaluation.scores.metrics import PrecisionRecall, b_cubed
from evaluation.scores.stream_scores import labels_of
from evaluation.streams.event_stream import Prepared
from services.clusterer.core.parameters import Parameters

TRIALS_FILE: Final = "trials.jsonl"
"""In the cache folder."""

Configuration = Parameters | Audited
"""What a stream is replayed with."""

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_DIGEST_BYTES: Final = 16


class _Trial(msgspec.Struct, frozen=True, kw_only=True):
    depends_on: str
    stream: str
    parameters: dict[str, object]
    b3: PrecisionRecall


class Trials:
    """Runs trials and remembers them in a file of JSON lines. A context manager: it ends with its processes."""

    def __init__(self, streams: Sequence[Prepared], file: Path, *, processes: int | None = None) -> None:
        self._file = file
        self._depends_on = {stream.name: _digest(stream) for stream in streams}
        self._known = _read(file)
        # A process a core: threads of BLAS would only get into each other's way. What is spawned below reads it.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        self._pool = ProcessPoolExecutor(
            processes or os.cpu_count(), mp_context=get_context("spawn"), initializer=_start, initargs=(tuple(streams),)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def run(self, configurations: Sequence[Configuration], streams: Iterable[str]) -> list[dict[str, PrecisionRecall]]:
        """B-cubed at the end of the replay, by stream, of each configuration."""
        names = list(streams)
        self._run_missing([(name, one) for one in configurations for name in names])
        return [{name: self._known[self._key(name, one)] for name in names} for one in configurations]

    def _run_missing(self, wanted: Sequence[tuple[str, Configuration]]) -> None:
        missing = {self._key(*trial): trial for trial in wanted if self._key(*trial) not in self._known}
        pending: dict[Future[PrecisionRecall], bytes] = {
            self._pool.submit(_try, *trial): key for key, trial in missing.items()
        }
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("ab") as log:
            for future in as_completed(pending):
                key = pending[future]
                name, configuration = missing[key]
                self._known[key] = future.result()
                log.write(_ENCODER.encode(self._trial(name, configuration, self._known[key])) + b"\n")
                log.flush()

    def _trial(self, name: str, configuration: Configuration, b3: PrecisionRecall) -> _Trial:
        parameters = msgspec.to_builtins(configuration)
        return _Trial(depends_on=self._depends_on[name], stream=name, parameters=parameters, b3=b3)

    def _key(self, name: str, configuration: Configuration) -> bytes:
        return _key(self._depends_on[name], msgspec.to_builtins(configuration))


def _key(depends_on: str, parameters: dict[str, object]) -> bytes:
    return _ENCODER.encode((depends_on, parameters))


def _read(file: Path) -> dict[bytes, PrecisionRecall]:
    known = {}
    if file.exists():
        for line in file.read_bytes().splitlines():
            # The last line of a run that was killed may be half a line.
            with suppress(msgspec.DecodeError):
                trial = msgspec.json.decode(line, type=_Trial)
                known[_key(trial.depends_on, trial.parameters)] = trial.b3
    return known


def _digest(stream: Prepared) -> str:
    state = blake2b(digest_size=_DIGEST_BYTES)
    for source in (*sorted(Path(services.clusterer.core.__path__[0]).glob("*.py")), Path(audit_replay.__file__)):
        state.update(source.read_bytes())
    for event in stream.events:
        state.update(_ENCODER.encode(event))
    state.update(_ENCODER.encode((stream.gold.ids, stream.gold.stories)))
    return state.hexdigest()


_streams: dict[str, Prepared] = {}
"""In a worker process: what it replays, sent once and not with every trial."""


def _start(streams: Sequence[Prepared]) -> None:
    _streams.update({stream.name: stream for stream in streams})


def _try(name: str, configuration: Configuration) -> PrecisionRecall:
    stream = _streams[name]
    if isinstance(configuration, Audited):
        places = replay_audited(stream.events, configuration)
    else:
        places = replay(stream.events, configuration).final
    return b_cubed(stream.gold.stories, labels_of(stream.gold, places))
