"""Deliberate bugs, each of which the simulation has to find: in the loop, in restores, in the steps, and in the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Any, Final

from newsloom.streaming.errors import LogUnavailable
from newsloom.streaming.log import Log
from newsloom.streaming.loop import Loop
from newsloom.streaming.records import Batch, Message, Record, TopicPartition
from newsloom.streaming.restore import RestoreProgress
from newsloom.streaming.step import Outcome
from services.clusterer import state as clusterer_state
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.frequencies import DocumentFrequencies
from services.clusterer.core.restore import restore_edition
from services.clusterer.step import ClustererStep
from services.embedder.step import EmbedderStep
from tests.simulation import log_mutants
from tests.simulation.patch import Mutant, patch_attributes


def _reading(read: Callable[[Iterator[Record]], Iterator[Record]]) -> AbstractContextManager[None]:
    read_to_end = RestoreProgress.read_to_end

    def reader(self: RestoreProgress, log: Log, source: TopicPartition) -> Iterator[Record]:
        return read(read_to_end(self, log, source))

    return patch_attributes((RestoreProgress, "read_to_end", reader))


def _restore_one_short() -> AbstractContextManager[None]:
    return _reading(lambda records: (record for record, _ in pairwise(records)))


def _restore_cut_short() -> AbstractContextManager[None]:
    def until_it_is_away(records: Iterator[Record]) -> Iterator[Record]:
        try:
            yield from records
        except LogUnavailable:
            return

    return _reading(until_it_is_away)


# --- what is restored


def _restored_otherwise(change: Callable[[EditionState], None]) -> AbstractContextManager[None]:
    def restored(*args: Any, **kwargs: Any) -> EditionState:
        edition = restore_edition(*args, **kwargs)
        change(edition)
        return edition

    return patch_attributes((clusterer_state, "restore_edition", restored))


def _versions_not_restored() -> AbstractContextManager[None]:
    def begin_anew(edition: EditionState) -> None:
        for story in edition.stories.values():
            story.version = 0

    return _restored_otherwise(begin_anew)


def _frequencies_not_restored() -> AbstractContextManager[None]:
    def begin_anew(edition: EditionState) -> None:
        edition.indexes.frequencies = DocumentFrequencies(idf_floor=edition.parameters.idf_floor)

    return _restored_otherwise(begin_anew)


def _half_a_state_is_believed() -> AbstractContextManager[None]:
    def restore(self: Loop) -> bool:
        for source in sorted(self._unrestored):
            self._step.restore(source.partition)
            self._unrestored.discard(source)
            self._restored.add(source)
        return True

    return patch_attributes((Loop, "_restore", restore))


# --- the loop's state


def _state_survives_a_failure() -> AbstractContextManager[None]:
    return patch_attributes((Loop, "_discard_state", lambda _: None))


def _state_survives_a_loss() -> AbstractContextManager[None]:
    take = Loop._poll

    def taken(self: Loop) -> Batch:
        batch = take(self)
        self._unrestored -= batch.gained & self._restored
        return batch

    return patch_attributes((Loop, "_poll", taken), (Loop, "_forget", lambda *_: None))


# --- the steps


def _written_otherwise(
    step: type, change: Callable[[Sequence[Message]], Sequence[Message]]
) -> AbstractContextManager[None]:
    process = vars(step)["process"]

    def changed(self: Any, records: Sequence[Record]) -> Outcome:
        outcome: Outcome = process(self, records)
        return Outcome(change(outcome.messages), outcome.rejected)

    return patch_attributes((step, "process", changed))


def _embedder_reverses() -> AbstractContextManager[None]:
    return _written_otherwise(EmbedderStep, lambda messages: messages[::-1])


def _clusterer_reverses() -> AbstractContextManager[None]:
    process = ClustererStep.process

    def reversed_process(self: ClustererStep, records: Sequence[Record]) -> Outcome:
        return process(self, records[::-1])

    return patch_attributes((ClustererStep, "process", reversed_process))


def _no_end_of_membership() -> AbstractContextManager[None]:
    def without(messages: Sequence[Message]) -> Sequence[Message]:
        return [one for one in messages if one.value is not None or not one.topic.endswith("article-stories")]

    return _written_otherwise(ClustererStep, without)


def _one_snapshot_less() -> AbstractContextManager[None]:
    snapshots = ClustererStep._snapshots
    return patch_attributes((ClustererStep, "_snapshots", lambda *given: snapshots(*given)[1:]))


def _repeats_count() -> AbstractContextManager[None]:
    return patch_attributes((Engine, "_is_duplicate", lambda *_: False))


MUTANTS: Final[dict[str, Mutant]] = {
    "offsets committed before the messages": log_mutants.offsets_first,
    "offsets outside the transaction": log_mutants.offsets_after,
    "dead letters outside the transaction": log_mutants.letters_apart,
    "a failed commit taken for a success": log_mutants.failure_is_success,
    "after a failed commit the next batch, not the same": log_mutants.passes_over_what_failed,
    "a zombie is not fenced": log_mutants.zombies_pass,
    "a twin is not fenced": log_mutants.twins_pass,
    "reads on from an offset that is not settled": log_mutants.pending_offsets_are_ignored,
    "records of aborted transactions are read": log_mutants.aborted_is_read,
    "a restore reads uncommitted records": log_mutants.restore_reads_uncommitted,
    "a restore does not wait for open transactions": log_mutants.restore_does_not_wait,
    "a restore stops one record early": _restore_one_short,
    "a restore that was cut short counts as whole": _restore_cut_short,
    "versions are not restored": _versions_not_restored,
    "document frequencies are not restored": _frequencies_not_restored,
    "half a state, still being written, ends the service": _half_a_state_is_believed,
    "state is kept after a failed commit": _state_survives_a_failure,
    "state of a lost partition is kept": _state_survives_a_loss,
    "the embedder writes a batch in reverse": _embedder_reverses,
    "the clusterer takes a batch in reverse": _clusterer_reverses,
    "the end of a membership is not written": _no_end_of_membership,
    "a story's snapshot is left out": _one_snapshot_less,
    "a repeat counts again": _repeats_count,
}
"""Each by its name: what makes the bug while it is entered."""
