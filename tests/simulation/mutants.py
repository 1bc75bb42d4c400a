"""Deliberate bugs, each of which the simulation must find: in the loop, in restores, in the steps and in the log."""

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


def _with_reader(read: Callable[[Iterator[Record]], Iterator[Record]]) -> AbstractContextManager[None]:
    read_to_end = RestoreProgress.read_to_end

    def reader(self: RestoreProgress, log: Log, source: TopicPartition) -> Iterator[Record]:
        return read(read_to_end(self, log, source))

    return patch_attributes((RestoreProgress, "read_to_end", reader))


def _restore_stops_one_record_early() -> AbstractContextManager[None]:
    return _with_reader(lambda records: (record for record, _ in pairwise(records)))


def _interrupted_restore_counts_as_complete() -> AbstractContextManager[None]:
    def until_unavailable(records: Iterator[Record]) -> Iterator[Record]:
        try:
            yield from records
        except LogUnavailable:
            return

    return _with_reader(until_unavailable)


# --- what is restored


def _change_restored_edition(change: Callable[[EditionState], None]) -> AbstractContextManager[None]:
    def restored(*args: Any, **kwargs: Any) -> EditionState:
        edition = restore_edition(*args, **kwargs)
        change(edition)
        return edition

    return patch_attributes((clusterer_state, "restore_edition", restored))


def _versions_not_restored() -> AbstractContextManager[None]:
    def reset(edition: EditionState) -> None:
        for story in edition.stories.values():
            story.version = 0

    return _change_restored_edition(reset)


def _frequencies_not_restored() -> AbstractContextManager[None]:
    def reset(edition: EditionState) -> None:
        edition.indexes.frequencies = DocumentFrequencies(idf_floor=edition.parameters.idf_floor)

    return _change_restored_edition(reset)


def _inconsistent_state_ends_the_service() -> AbstractContextManager[None]:
    def restore(self: Loop) -> bool:
        for source in sorted(self._unrestored):
            self._step.restore(source.partition)
            self._unrestored.discard(source)
            self._restored.add(source)
        return True

    return patch_attributes((Loop, "_restore", restore))


# --- the loop's state


def _state_kept_after_a_failed_commit() -> AbstractContextManager[None]:
    return patch_attributes((Loop, "_discard_state", lambda _: None))


def _state_of_a_lost_partition_kept() -> AbstractContextManager[None]:
    poll = Loop._poll

    def poll_and_keep_state(self: Loop) -> Batch:
        batch = poll(self)
        self._unrestored -= batch.gained & self._restored
        return batch

    return patch_attributes((Loop, "_poll", poll_and_keep_state), (Loop, "_forget", lambda *_: None))


# --- the steps


def _change_messages(
    step: type, change: Callable[[Sequence[Message]], Sequence[Message]]
) -> AbstractContextManager[None]:
    process = vars(step)["process"]

    def changed(self: Any, records: Sequence[Record]) -> Outcome:
        outcome: Outcome = process(self, records)
        return Outcome(change(outcome.messages), outcome.rejected)

    return patch_attributes((step, "process", changed))


def _embedder_reverses() -> AbstractContextManager[None]:
    return _change_messages(EmbedderStep, lambda messages: messages[::-1])


def _clusterer_reverses() -> AbstractContextManager[None]:
    process = ClustererStep.process

    def reversed_process(self: ClustererStep, records: Sequence[Record]) -> Outcome:
        return process(self, records[::-1])

    return patch_attributes((ClustererStep, "process", reversed_process))


def _membership_tombstones_left_out() -> AbstractContextManager[None]:
    def without(messages: Sequence[Message]) -> Sequence[Message]:
        return [one for one in messages if one.value is not None or not one.topic.endswith("article-stories")]

    return _change_messages(ClustererStep, without)


def _snapshot_left_out() -> AbstractContextManager[None]:
    snapshots = ClustererStep._snapshots
    return patch_attributes((ClustererStep, "_snapshots", lambda *args: snapshots(*args)[1:]))


def _duplicates_counted() -> AbstractContextManager[None]:
    return patch_attributes((Engine, "_is_duplicate", lambda *_: False))


MUTANTS: Final[dict[str, Mutant]] = {
    "offsets committed before the messages": log_mutants.offsets_first,
    "offsets outside the transaction": log_mutants.offsets_after,
    "dead letters outside the transaction": log_mutants.dead_letters_apart,
    "a failed commit taken for a success": log_mutants.failure_is_success,
    "after a failed commit the next batch, not the same": log_mutants.failed_batch_is_skipped,
    "a zombie is not fenced": log_mutants.zombies_are_not_fenced,
    "a twin is not fenced": log_mutants.twins_are_not_fenced,
    "a pending offset is read as committed": log_mutants.pending_offsets_are_ignored,
    "records of aborted transactions are read": log_mutants.aborted_is_read,
    "a restore reads uncommitted records": log_mutants.restore_reads_uncommitted,
    "a restore does not wait for open transactions": log_mutants.restore_does_not_wait,
    "a restore stops one record early": _restore_stops_one_record_early,
    "an interrupted restore counts as complete": _interrupted_restore_counts_as_complete,
    "versions are not restored": _versions_not_restored,
    "document frequencies are not restored": _frequencies_not_restored,
    "inconsistent state, still being written, ends the service": _inconsistent_state_ends_the_service,
    "state is kept after a failed commit": _state_kept_after_a_failed_commit,
    "state of a lost partition is kept": _state_of_a_lost_partition_kept,
    "the embedder writes a batch in reverse": _embedder_reverses,
    "the clusterer processes a batch in reverse": _clusterer_reverses,
    "tombstones of memberships are left out": _membership_tombstones_left_out,
    "a story's snapshot is left out": _snapshot_left_out,
    "a duplicate is counted again": _duplicates_counted,
}
"""Each bug by its name."""
