"""Consumer groups: their members, the sessions of the members, and the owner and epoch of each partition."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import msgspec

from newsloom.streaming.errors import CommitFailed, Fenced
from newsloom.streaming.partitioning import assigned_together
from newsloom.streaming.sqlite.assignment import assign
from newsloom.streaming.sqlite.clock import advance
from newsloom.streaming.sqlite.corruption import Corruption, check_row_count
from newsloom.streaming.sqlite.fetch import partition_counts

# Renew a session after a sixth of it: few writes, and five more chances before it expires.
_RENEWALS_PER_SESSION: Final = 6

_JOIN: Final = """
    INSERT INTO members (consumer_group, instance, incarnation, topics, expires_ms, active) VALUES (?, ?, 1, ?, ?, 1)
    ON CONFLICT DO UPDATE
    SET incarnation = incarnation + 1, topics = excluded.topics, expires_ms = excluded.expires_ms, active = 1
    RETURNING incarnation
"""
_MEMBER: Final = "SELECT incarnation, expires_ms, active FROM members WHERE consumer_group = ? AND instance = ?"
_RENEW: Final = "UPDATE members SET expires_ms = ?, active = 1 WHERE consumer_group = ? AND instance = ?"
# The end of a session is a wall-clock time, so that it holds over a restart of the machine. It is wrong if it is further ahead
# than a session timeout: the clock was set back since.
_WRONG_END: Final = """
    SELECT 1 FROM members WHERE consumer_group = ? AND instance != ? AND active AND (expires_ms <= ? OR expires_ms > ?) LIMIT 1
"""
_SHORTEN: Final = "UPDATE members SET expires_ms = ?1 WHERE consumer_group = ?2 AND active AND expires_ms > ?1"
_LEAVE: Final = "UPDATE members SET active = 0 WHERE consumer_group = ? AND instance = ? AND incarnation = ? AND active"
_EVICT: Final = "UPDATE members SET active = 0 WHERE consumer_group = ? AND active AND expires_ms <= ?"
_ACTIVE: Final = "SELECT instance, topics FROM members WHERE consumer_group = ? AND active ORDER BY instance"
_OWNERS: Final = "SELECT partition, instance FROM owners WHERE consumer_group = ? AND instance IS NOT NULL"
_OWNED: Final = "SELECT partition, epoch FROM owners WHERE consumer_group = ? AND instance = ? ORDER BY partition"
_PARTITIONS: Final = "SELECT id FROM partitions NOT INDEXED WHERE topic = ? ORDER BY number"
_COMMITTED: Final = "SELECT next_offset FROM committed WHERE consumer_group = ? AND partition = ?"
_SET_OWNER: Final = """
    INSERT INTO owners (consumer_group, partition, instance, epoch) VALUES (?, ?, ?, 1)
    ON CONFLICT DO UPDATE SET instance = excluded.instance, epoch = epoch + 1
"""


@dataclass(frozen=True, slots=True)
class GroupMember:
    """One incarnation of an instance in a consumer group. Every method runs in a transaction of the caller."""

    group: str
    instance: str
    incarnation: int
    session_timeout_ms: int

    def needs_sync(self, sql: sqlite3.Connection, now_ms: int) -> bool:
        """Return whether to call `sync`: this session is due for renewal or was ended, or another one has expired.

        A session that would last longer than a session timeout counts as such, too: the clock was set back.

        Raises:
            Fenced: a newer process has joined under this instance name.

        """
        expires_ms, active = self._session(sql)
        renewal_ms = self.session_timeout_ms // _RENEWALS_PER_SESSION
        # Another member may have read the clock a moment later.
        latest_ms = now_ms + self.session_timeout_ms + renewal_ms
        if not active or now_ms >= expires_ms - self.session_timeout_ms + renewal_ms or expires_ms > latest_ms:
            return True
        return sql.execute(_WRONG_END, (self.group, self.instance, now_ms, latest_ms)).fetchone() is not None

    def sync(self, sql: sqlite3.Connection, now_ms: int) -> None:
        """Renew this session, or rejoin if it was ended; end expired sessions; rebalance if one ended or this member rejoined.

        No session lasts longer than a session timeout from now, also after the clock was set back.

        Raises:
            Fenced: a newer process has joined under this instance name.
            ClockRefused: `now_ms` is far ahead of the log's time.

        """
        advance(sql, now_ms)
        _, active = self._session(sql)
        sql.execute(_RENEW, (now_ms + self.session_timeout_ms, self.group, self.instance))
        if _evict(sql, self.group, now_ms, self.session_timeout_ms) or not active:
            _rebalance(sql, self.group)

    def owned(self, sql: sqlite3.Connection) -> dict[int, int]:
        """Return the row ids of this member's partitions, each with the epoch of its ownership."""
        return dict(sql.execute(_OWNED, (self.group, self.instance)))

    def check_ownership(self, sql: sqlite3.Connection, epochs: dict[int, int], now_ms: int) -> None:
        """Check that this member has owned these partitions since these epochs, and renew its session.

        Raises:
            Fenced: a newer process has joined under this instance name.
            CommitFailed: its session was ended, or another member has owned a partition since.

        """
        _, active = self._session(sql)
        if not active:
            raise CommitFailed(
                f"{self._name} did not poll or commit within its session timeout ({self.session_timeout_ms} ms)"
            )
        if not epochs.items() <= self.owned(sql).items():
            raise CommitFailed(f"partitions of {self._name} were assigned to another member")
        sql.execute(_RENEW, (now_ms + self.session_timeout_ms, self.group, self.instance))

    def leave(self, sql: sqlite3.Connection) -> None:
        """End this session and give its partitions to the others; do nothing if it has ended or belongs to a newer process."""
        if sql.execute(_LEAVE, (self.group, self.instance, self.incarnation)).rowcount:
            _rebalance(sql, self.group)

    @property
    def _name(self) -> str:
        return f"instance {self.instance} of group {self.group}"

    def _session(self, sql: sqlite3.Connection) -> tuple[int, bool]:
        """Return when the session expires (Unix time in milliseconds), and whether it is active."""
        row = sql.execute(_MEMBER, (self.group, self.instance)).fetchone()
        if row is None:
            raise Corruption(f"{self._name} has joined, but its row is missing")
        incarnation, expires_ms, active = row
        if incarnation != self.incarnation:
            raise Fenced(f"another process has joined as {self._name}: two processes must not share an instance name")
        return expires_ms, bool(active)


def join(
    sql: sqlite3.Connection, *, group: str, instance: str, topics: Collection[str], now_ms: int, session_timeout_ms: int
) -> GroupMember:
    """Join the group as `instance`, which keeps its partitions; fence an older process of the same instance name.

    Raises:
        ClockRefused: `now_ms` is far ahead of the log's time.

    """
    advance(sql, now_ms)
    row = (group, instance, msgspec.json.encode(sorted(set(topics))), now_ms + session_timeout_ms)
    incarnation = sql.execute(_JOIN, row).fetchone()[0]
    if incarnation == 1:
        check_row_count(sql, "members")
    _evict(sql, group, now_ms, session_timeout_ms)
    _rebalance(sql, group)
    return GroupMember(group, instance, incarnation, session_timeout_ms)


def committed_offset(sql: sqlite3.Connection, group: str, partition: int) -> int | None:
    """Return the committed offset of the group in this partition; None if it has never committed one."""
    row = sql.execute(_COMMITTED, (group, partition)).fetchone()
    if row is None:
        check_row_count(sql, "committed")
        return None
    (offset,) = msgspec.convert(row, tuple[int])
    return offset


def start_offset(sql: sqlite3.Connection, group: str, partition: int) -> int:
    """Return the committed offset, or 0; raise `Corruption` if it is behind the end of the partition."""
    offset = committed_offset(sql, group, partition) or 0
    if not 0 <= offset <= partition_counts(sql, partition).end:
        raise Corruption(f"group {group} has committed offset {offset}, which is behind the end of the partition")
    return offset


def _evict(sql: sqlite3.Connection, group: str, now_ms: int, session_timeout_ms: int) -> bool:
    """End expired sessions, and let no other one last longer than a session timeout; return whether any was ended."""
    sql.execute(_SHORTEN, (now_ms + session_timeout_ms, group))
    return sql.execute(_EVICT, (group, now_ms)).rowcount > 0


def _rebalance(sql: sqlite3.Connection, group: str) -> None:
    eligible, shares = _shares(sql, group)
    before: dict[int, str] = dict(sql.execute(_OWNERS, (group,)))
    # All partitions of a share have the same owner, unless an earlier version assigned them.
    owners = {number: before[share[0]] for number, share in enumerate(shares) if share[0] in before}
    assigned = assign(eligible, owners)
    after = {id_: assigned[number] for number, share in enumerate(shares) if number in assigned for id_ in share}
    changes = [(group, id_, after.get(id_)) for id_ in {**before, **after} if before.get(id_) != after.get(id_)]
    sql.executemany(_SET_OWNER, changes)


def _shares(sql: sqlite3.Connection, group: str) -> tuple[dict[int, frozenset[str]], list[tuple[int, ...]]]:
    """Return the partitions that go to one member together, as row ids, and by the index of each share who may own it."""
    subscribers: dict[str, frozenset[str]] = {}
    for instance, topics in sql.execute(_ACTIVE, (group,)).fetchall():
        for topic in msgspec.json.decode(topics, type=list[str]):
            subscribers[topic] = subscribers.get(topic, frozenset()) | {instance}
    partitions = {topic: [id_ for (id_,) in sql.execute(_PARTITIONS, (topic,))] for topic in subscribers}
    counts = {topic: len(ids) for topic, ids in partitions.items()}
    eligible: dict[int, frozenset[str]] = {}
    shares: list[tuple[int, ...]] = []
    for topics in assigned_together(counts, subscribers):
        for share in zip(*(partitions[topic] for topic in topics), strict=True):
            eligible[len(shares)] = subscribers[topics[0]]
            shares.append(share)
    return eligible, shares
