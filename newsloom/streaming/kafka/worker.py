"""A member of a consumer group that writes its results and input offsets in one transaction."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NoReturn

from kafka import OffsetAndMetadata
from kafka.errors import KafkaError

from newsloom.streaming.errors import CommitFailed, Fenced, LogError, LogUnavailable
from newsloom.streaming.kafka.admin import KafkaAdmin
from newsloom.streaming.kafka.assignment import AssignmentTracker
from newsloom.streaming.kafka.authorization import IdleRightsCheck, authorization_error, is_topic_authorization_error
from newsloom.streaming.kafka.clients import ClientFactory, seconds_left
from newsloom.streaming.kafka.errors import translate, translate_errors
from newsloom.streaming.kafka.records import to_record
from newsloom.streaming.kafka.transactions import Transactions
from newsloom.streaming.records import Batch, Message, TopicPartition

METADATA_S_MAX: Final = 10.0
SEEK_S_MAX: Final = 10.0
CLOSE_MS_MAX: Final = 3_000
IDLE_S: Final = 3.0
"""Seconds without records after which the offsets of transaction markers are committed."""
COORDINATOR_S_MAX: Final = 5.0
"""More than the election of a new coordinator takes as a rule."""


@dataclass(frozen=True, slots=True)
class _Token:
    """The membership that polled a batch, and for each partition the offset after its last record."""

    member: Any
    offsets: Mapping[Any, OffsetAndMetadata]


class KafkaWorker:
    """`Worker` on Kafka: a static member (`group.instance.id`) with a stable `transactional.id`.

    Batches must be committed in the order of polling. Committing a later batch would skip an earlier one, so that commit fails
    and both are polled again.
    """

    def __init__(
        self, clients: ClientFactory, admin: KafkaAdmin, *, group: str, instance: str, topics: Sequence[str]
    ) -> None:
        self._group = group
        self._admin = admin
        self._has_left = False
        self._check_rights = partial(admin.check_rights, read=topics)
        self._idle_check = IdleRightsCheck(self._check_rights)
        # kafka-python's TopicPartition equals ours: both are named tuples.
        self._next_offsets: dict[tuple[str, int], int] = {}
        self._uncommitted: deque[_Token] = deque()
        self._committed: dict[tuple[str, int], int] = {}
        self._asked_ends: dict[TopicPartition, int] = {}
        self._idle_since = time.monotonic()
        self._outcome_unknown = False
        self._position_lost = False
        self._fenced: Fenced | None = None
        self._connected_at = time.monotonic()
        self._transactions = Transactions(clients, admin, f"{group}-{instance}")
        self._consumer = clients.consumer(group_id=group, group_instance_id=instance)
        self._assignment = AssignmentTracker(lambda: int(self._consumer.group_metadata().generation_id))
        try:
            self._consumer.subscribe(topics=list(topics), listener=self._assignment)
            # A leader without the partitions in its metadata assigns them to nobody and may wait minutes before it looks again.
            with translate_errors("reading the partitions of topics"):
                self._consumer.load_partitions(topics, timeout_s=METADATA_S_MAX)
            # Check the right to read the group now: a later call would report only Describe, a lesser right, as missing.
            admin.group_offsets(group, operation="Read")
            self._transactions.open()
        except BaseException:
            self.close()
            raise

    def poll(self, *, max_records: int, timeout_ms: int) -> Batch:
        """See `Worker.poll`. First completes the recovery from an earlier error."""
        if self._fenced is not None:
            raise self._fenced
        if self._outcome_unknown:
            self._recover()
        if self._position_lost:
            self._seek(self._next_offsets)
        if self._consumer.has_coordinator():
            self._idle_check.run_if_idle()
        try:
            polled = self._consumer.poll(timeout_ms=timeout_ms, max_records=max_records)
            # Not at commit time: an evicted member has no member id then, and the broker would not fence its commit.
            member = self._consumer.group_metadata()
        except KafkaError as error:
            # The library may have advanced past records that it did not return.
            self._position_lost = True
            raise self._remember_fenced(self._translate(error, f"polling as group {self._group}")) from error
        self._check_connection(has_records=bool(polled))
        if self._consumer.is_fenced():
            raise self._remember_fenced(Fenced(f"another process runs as this instance in group {self._group}"))
        batch = self._batch(polled, member)
        self._commit_markers(batch)
        return batch

    def _check_connection(self, *, has_records: bool) -> None:
        """Raise `LogUnavailable` if the group has had no coordinator for a while: the library then polls nothing silently."""
        if has_records or self._consumer.has_coordinator():
            self._connected_at = time.monotonic()
        elif time.monotonic() - self._connected_at > COORDINATOR_S_MAX:
            raise LogUnavailable(f"no broker answers as the coordinator of group {self._group}")

    def _commit_markers(self, batch: Batch) -> None:
        """Commit the offsets behind transaction markers after a while without records, so that the group of an idle service has
        no lag: tools and autoscalers compare the committed offset with the end, which counts the markers.

        Raises:
            LogUnavailable: the outcome is unknown; the next poll continues from the committed offsets.

        """
        token = batch.token
        if batch.records or batch.rebalanced or self._uncommitted or not isinstance(token, _Token):
            self._idle_since = time.monotonic()
            return
        if time.monotonic() - self._idle_since < IDLE_S:
            return
        positions = self._consumer.positions()
        behind: dict[tuple[str, int], int] = {
            source: at for source, at in positions.items() if at > self._committed.get(source, at)
        }
        if not behind:
            return
        self._outcome_unknown = True
        offsets = {source: OffsetAndMetadata(at, "", -1) for source, at in behind.items()}
        try:
            self._transactions.run([], offsets, token.member)
        except KafkaError as error:
            raise self._remember_fenced(self._translate(error, f"committing as group {self._group}")) from error
        self._outcome_unknown = False
        self._committed.update(behind)

    def _backlog(self) -> dict[TopicPartition, int]:
        """Return how many offsets each assigned partition holds after the position."""
        positions, ends = self._consumer.positions(), self._consumer.ends()
        if unknown := positions.keys() - ends.keys() - self._asked_ends.keys():
            # If it fails, the next poll asks again.
            with suppress(LogError):
                self._asked_ends |= self._admin.high_watermarks(unknown)
        known = self._asked_ends | ends
        return {source: max(0, known[source] - at) for source, at in positions.items() if source in known}

    def _batch(self, polled: Mapping[Any, Sequence[Any]], member: object) -> Batch:
        changes = self._assignment.changes()
        if changes.rebalanced:
            # The library resumes at its old position even if another member has committed past it in between. So discard
            # this poll and all uncommitted batches, and seek to the committed offsets.
            self._next_offsets.clear()
            self._uncommitted.clear()
            self._committed.clear()
            self._asked_ends.clear()
            self._position_lost = True
            polled = {}
        offsets = {
            source: OffsetAndMetadata(records[-1].offset + 1, "", records[-1].leader_epoch)
            for source, records in polled.items()
        }
        self._next_offsets.update({source: position.offset for source, position in offsets.items()})
        records = tuple(to_record(record) for records in polled.values() for record in records)
        token = _Token(member, offsets)
        if offsets:
            self._idle_check.reset()
            self._uncommitted.append(token)
        return Batch(
            records,
            changes.gained,
            changes.lost,
            changes.joined,
            changes.rebalanced,
            # After a rebalance the positions are not final.
            {} if changes.rebalanced else self._backlog(),
            token,
        )

    def commit(self, batch: Batch, messages: Sequence[Message]) -> None:
        """See `Worker.commit`.

        1. Refuse a batch that is not the next one or was polled before a rebalance, without asking the broker. 2. Run the
        transaction (`Transactions.run`). 3. On any error, close the producer, open a new one, which ends the transaction, and
        seek every assigned partition to its committed offset. 4. Raise the error. If the broker is unreachable in step 3, the
        next poll completes it.

        Raises:
            ConfigurationError: a message is invalid, or the right to write is missing.
            CommitFailed, Fenced: see `Worker.commit`.

        """
        if self._fenced is not None:
            raise self._fenced
        token = batch.token
        if not isinstance(token, _Token):
            raise TypeError("commit needs a batch returned by poll")
        if not token.offsets and not messages:
            return
        if self._outcome_unknown or (token.offsets and not self._is_next(token)):
            self._fail(CommitFailed("the batch is not the next one to commit, or was polled before a rebalance"))
        self._outcome_unknown = True
        try:
            self._transactions.run(messages, token.offsets, token.member)
        except KafkaError as error:
            self._fail(_commit_error(translate(error, "commit")))
        except LogError as error:
            self._fail(_commit_error(error))
        self._outcome_unknown = False
        if token.offsets:
            self._uncommitted.popleft()
            self._committed.update({source: position.offset for source, position in token.offsets.items()})

    def close(self) -> None:
        """See `Worker.close`."""
        self._transactions.close()
        self._leave()
        try:
            self._consumer.close(timeout_ms=CLOSE_MS_MAX)
        except KafkaError:
            return  # The session ends by its timeout.

    def _leave(self) -> None:
        """Leave the group if others can take over. The library leaves the membership of a static member to its timeout."""
        member = self._consumer.group_metadata()
        if (
            self._has_left
            or self._fenced is not None
            or member.generation_id < 0
            or not self._consumer.has_coordinator()
        ):
            return
        self._has_left = True
        # If it fails, the session ends by its timeout.
        with suppress(LogError):
            self._admin.leave_group(self._group, member_id=member.member_id, instance=member.group_instance_id)

    def _is_next(self, token: _Token) -> bool:
        if not self._uncommitted or self._uncommitted[0] is not token:
            return False
        now = self._consumer.group_metadata()
        polled_as = (token.member.generation_id, token.member.member_id)
        return polled_as == (now.generation_id, now.member_id) and now.generation_id >= 0

    def _fail(self, error: LogError) -> NoReturn:
        self._remember_fenced(error)
        if not isinstance(error, Fenced):
            self._outcome_unknown = True
            # If the broker is unreachable, the next poll recovers; raise the commit's error first.
            with suppress(LogUnavailable):
                self._recover()
        raise error

    def _recover(self) -> None:
        # In this order: the committed offsets are final only after the transaction has ended.
        self._transactions.open()
        self._seek({})
        self._next_offsets.clear()
        self._uncommitted.clear()
        self._outcome_unknown = False

    def _seek(self, known: Mapping[tuple[str, int], int]) -> None:
        """Seek every assigned partition to its known offset, else to the group's committed one."""
        deadline = time.monotonic() + SEEK_S_MAX
        try:
            for source in self._consumer.assignment():
                offset = known.get(source)
                if offset is None:
                    offset = self._consumer.committed(source, timeout_ms=seconds_left(deadline) * 1000)
                    self._committed[source] = offset or 0
                if offset is None:
                    self._consumer.seek_to_beginning(source)
                else:
                    self._consumer.seek(source, offset)
        except KafkaError as error:
            raise self._translate(error, f"reading the offsets of group {self._group}") from error
        self._position_lost = False

    def _translate(self, error: KafkaError, action: str) -> LogError:
        if is_topic_authorization_error(error):
            self._check_rights()
        return authorization_error(error, group=self._group) or translate(error, action)

    def _remember_fenced(self, error: LogError) -> LogError:
        if isinstance(error, Fenced):
            self._fenced = error
        return error


def _commit_error(error: LogError) -> LogError:
    return CommitFailed(str(error)) if isinstance(error, LogUnavailable) else error
