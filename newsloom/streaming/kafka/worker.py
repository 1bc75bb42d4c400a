"""A group member that writes its results and its input offsets in one transaction."""

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
from newsloom.streaming.records import Batch, Message

LEARN_S_MAX: Final = 10.0
REWIND_S_MAX: Final = 10.0
CLOSE_MS_MAX: Final = 3_000


@dataclass(frozen=True, slots=True)
class _Token:
    """Who polled a batch, and the offsets behind it."""

    member: Any
    offsets: Mapping[Any, OffsetAndMetadata]


class KafkaWorker:
    """`Worker` on Kafka: a static member (`group.instance.id`) with a stable `transactional.id`.

    Batches are committed in the order in which they were polled. One that was polled and passed over would be lost with the
    next commit: that commit fails instead, and both come again.
    """

    def __init__(
        self, clients: ClientFactory, admin: KafkaAdmin, *, group: str, instance: str, topics: Sequence[str]
    ) -> None:
        self._group = group
        self._check_rights = partial(admin.check_rights, read=topics)
        self._silence = IdleRightsCheck(self._check_rights)
        # Tuples of kafka-python and ours compare equal, field by field.
        self._next: dict[tuple[str, int], int] = {}
        self._uncommitted: deque[_Token] = deque()
        self._in_doubt = False
        self._position_lost = False
        self._fenced: Fenced | None = None
        self._transactions = Transactions(clients, admin, f"{group}-{instance}")
        self._consumer = clients.consumer(group_id=group, group_instance_id=instance)
        self._assignment = AssignmentTracker(lambda: int(self._consumer.group_metadata().generation_id))
        try:
            self._consumer.subscribe(topics=list(topics), listener=self._assignment)
            # A leader that does not know the partitions yet gives them to nobody, and may take minutes to look again.
            with translate_errors("reading the partitions of topics"):
                self._consumer.learn(topics, timeout_s=LEARN_S_MAX)
            # Before anybody else asks for less than a member needs.
            admin.group_offsets(group, operation="Read")
            self._transactions.open()
        except BaseException:
            self.close()
            raise

    def poll(self, *, max_records: int, timeout_ms: int) -> Batch:
        """See `Worker.poll`. First finishes what an earlier error has left: the way back to known offsets."""
        if self._fenced is not None:
            raise self._fenced
        if self._in_doubt:
            self._recover()
        if self._position_lost:
            self._seek(self._next)
        self._silence.look()
        try:
            polled = self._consumer.poll(timeout_ms=timeout_ms, max_records=max_records)
            # Now, not at commit time: by then an evicted member knows itself as "nobody", whom a broker does not fence.
            member = self._consumer.group_metadata()
        except KafkaError as error:
            # The library may have moved on past records that it did not return.
            self._position_lost = True
            raise self._seen(self._explained(error, f"polling as group {self._group}")) from error
        if self._consumer.is_fenced():
            raise self._seen(Fenced(f"another process has this instance's identity in group {self._group}"))
        return self._batch(polled, member)

    def _batch(self, polled: Mapping[Any, Sequence[Any]], member: object) -> Batch:
        changes = self._assignment.changes()
        if changes.rebalanced:
            # The library keeps its position in a partition that was away, behind what another has committed meanwhile.
            # So nothing of this poll counts, nor what was polled before: back to the committed offsets.
            self._next.clear()
            self._uncommitted.clear()
            self._position_lost = True
            polled = {}
        offsets = {
            source: OffsetAndMetadata(records[-1].offset + 1, "", records[-1].leader_epoch)
            for source, records in polled.items()
        }
        self._next.update({source: position.offset for source, position in offsets.items()})
        records = tuple(to_record(record) for records in polled.values() for record in records)
        token = _Token(member, offsets)
        if offsets:
            self._silence.broken()
            self._uncommitted.append(token)
        return Batch(records, changes.gained, changes.lost, changes.joined, token)

    def commit(self, batch: Batch, messages: Sequence[Message]) -> None:
        """See `Worker.commit`.

        1. Refuse a batch that is not the next one, or of an earlier membership, without asking the broker. 2. Run the transaction
        (`Transactions.run`). 3. On any error: drop the producer; open a new one, which settles the outcome; go back to the
        committed offsets of every partition held. 4. Say so. What step 3 cannot finish, because the broker is away, the
        next poll goes on with.

        Raises:
            ConfigurationError: a message that its topic does not take; the right to write is missing.
            CommitFailed, Fenced: see `Worker.commit`.

        """
        if self._fenced is not None:
            raise self._fenced
        token = batch.token
        if not isinstance(token, _Token):
            raise TypeError("commit takes a batch that poll has returned")
        if not token.offsets and not messages:
            return
        if self._in_doubt or (token.offsets and not self._is_next(token)):
            self._fail(CommitFailed("the batch is not the next one, or was polled before a rebalance"))
        self._in_doubt = True
        try:
            self._transactions.run(messages, token.offsets, token.member)
        except KafkaError as error:
            self._fail(_commit_error(translate(error, "commit")))
        except LogError as error:
            self._fail(_commit_error(error))
        self._in_doubt = False
        if token.offsets:
            self._uncommitted.popleft()

    def close(self) -> None:
        """See `Worker.close`."""
        self._transactions.close()
        try:
            self._consumer.close(timeout_ms=CLOSE_MS_MAX)
        except KafkaError:
            return  # Nothing is lost with it: the session ends by itself.

    def _is_next(self, token: _Token) -> bool:
        if not self._uncommitted or self._uncommitted[0] is not token:
            return False
        now = self._consumer.group_metadata()
        polled_as = (token.member.generation_id, token.member.member_id)
        return polled_as == (now.generation_id, now.member_id) and now.generation_id >= 0

    def _fail(self, error: LogError) -> NoReturn:
        self._seen(error)
        if not isinstance(error, Fenced):
            self._in_doubt = True
            # If the broker is away the next poll goes on; the caller must learn of the commit first.
            with suppress(LogUnavailable):
                self._recover()
        raise error

    def _recover(self) -> None:
        # In this order: only once the transaction has ended are the committed offsets final.
        self._transactions.open()
        self._seek({})
        self._next.clear()
        self._uncommitted.clear()
        self._in_doubt = False

    def _seek(self, known: Mapping[tuple[str, int], int]) -> None:
        """Take every held partition to its known offset, else to the group's committed one."""
        deadline = time.monotonic() + REWIND_S_MAX
        try:
            for source in self._consumer.assignment():
                offset = known.get(source)
                if offset is None:
                    offset = self._consumer.committed(source, timeout_ms=seconds_left(deadline) * 1000)
                if offset is None:
                    self._consumer.seek_to_beginning(source)
                else:
                    self._consumer.seek(source, offset)
        except KafkaError as error:
            raise self._explained(error, f"reading the offsets of group {self._group}") from error
        self._position_lost = False

    def _explained(self, error: KafkaError, doing: str) -> LogError:
        if is_topic_authorization_error(error):
            self._check_rights()
        return authorization_error(error, group=self._group) or translate(error, doing)

    def _seen(self, error: LogError) -> LogError:
        if isinstance(error, Fenced):
            self._fenced = error
        return error


def _commit_error(error: LogError) -> LogError:
    return CommitFailed(str(error)) if isinstance(error, LogUnavailable) else error
