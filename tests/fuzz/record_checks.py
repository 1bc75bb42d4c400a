"""Check the result of every record, by rules of its own and not by the services' code.

A record of `articles` or `story-commands` is processed if one record of `article-vectors` names it as its source. A record of
`article-vectors` is processed if

- a membership names it as its source (an article added, corrected, moved or retracted), or
- it is a command to pin or unpin, and an update names that command, or
- it changes nothing: a duplicate (an article that exists with the same digest), or a retraction of an unknown article.

A record is rejected if a dead letter names it as its origin. Each record must be either processed or rejected, once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from newsloom.contracts.article import Article
from newsloom.contracts.cloudevents import CHECKPOINT
from newsloom.contracts.codec import decode_state, decode_update, decode_vector
from newsloom.contracts.command import PinStory, UnpinStory, command_ref
from newsloom.contracts.membership import Membership
from newsloom.contracts.pipeline import EVENT_TYPE, RecordId
from newsloom.contracts.topics import TopicDefinition
from newsloom.contracts.vector import ArticleRetraction, ArticleVector, VectorEvent
from newsloom.streaming.dead_letters import ADDED_HEADERS, REASON_CHARACTERS_MAX
from newsloom.streaming.records import Record
from tests.fuzz.record import Expected

MESSAGE_BYTES_MAX: Final = 65_536


class FuzzFailure(AssertionError):
    """A record has the wrong result."""


@dataclass(slots=True)
class Tally:
    """Number of records of one kind, by result."""

    sent: int = 0
    processed: int = 0
    rejected: int = 0

    def add(self, other: Tally) -> None:
        """Add another tally."""
        self.sent += other.sent
        self.processed += other.processed
        self.rejected += other.rejected


def _tallies() -> defaultdict[str, Tally]:
    return defaultdict(Tally)


@dataclass
class RecordCounts:
    """Counts of a whole run: `kinds` by kind of record, `inputs` by service, `effects` by what the clusterer did."""

    kinds: defaultdict[str, Tally] = field(default_factory=_tallies)
    inputs: defaultdict[str, Tally] = field(default_factory=_tallies)
    effects: Counter[str] = field(default_factory=Counter)
    largest: dict[str, int] = field(default_factory=dict)
    messages: Counter[str] = field(default_factory=Counter)

    def add_record(
        self, service: str, kind: str, record: Record, *, expected: Expected, reasons: Sequence[str], processed: int
    ) -> None:
        """Count one record and check its result. `processed` is how many outputs name it as their source."""
        if len(reasons) + processed != 1:
            raise FuzzFailure(
                f"{kind} at {record_id(record)}: {processed} outputs, {len(reasons)} dead letters ({service})"
            )
        if (expected is Expected.PROCESSED and reasons) or (expected is Expected.REJECTED and processed):
            raise FuzzFailure(
                f"{kind} at {record_id(record)} is not {expected.value}: {reasons}; {str(record.value)[:300]}"
            )
        for tally in (self.inputs[service], self.kinds[kind]):
            tally.sent += 1
            tally.processed += processed
            tally.rejected += len(reasons)

    def add(self, other: RecordCounts) -> None:
        """Add the counts of another installation."""
        for mine, theirs in ((self.kinds, other.kinds), (self.inputs, other.inputs)):
            for name, tally in theirs.items():
                mine[name].add(tally)
        self.effects.update(other.effects)
        self.messages.update(other.messages)
        for name, size in other.largest.items():
            self.largest[name] = max(self.largest.get(name, 0), size)

    def add_messages(self, topic: TopicDefinition, records: Iterable[Record]) -> None:
        """Count messages that the services wrote, and check their size."""
        for record in records:
            size = len(record.key or b"") + len(record.value or b"") + sum(len(k) + len(v) for k, v in record.headers)
            if size >= MESSAGE_BYTES_MAX:
                raise FuzzFailure(f"a message of {size} bytes in {topic.name}: {str(record.value)[:300]}")
            self.largest[topic.name] = max(self.largest.get(topic.name, 0), size)
            self.messages[topic.name] += 1


def record_id(record: Record) -> RecordId:
    """Return the id of a record."""
    return RecordId(record.topic, record.partition, record.offset)


def reasons_by_origin(
    letters: Iterable[Record], origins: dict[RecordId, Record], service: str
) -> dict[RecordId, list[str]]:
    """Return the reasons in the service's dead letters, by the id of the record that each was made from.

    Check that each dead letter has the key, value, headers and timestamp of its record unchanged, and has a reason.
    """
    reasons: defaultdict[RecordId, list[str]] = defaultdict(list)
    for letter in letters:
        names, values = zip(*letter.headers[-len(ADDED_HEADERS) :], strict=True)
        if names != ADDED_HEADERS:
            raise FuzzFailure(f"dead letter {letter.offset}: its last headers are {names}")
        reason, by, topic, partition, offset, timestamp_ms = (value.decode() for value in values)
        if by != service:
            continue
        at = RecordId(topic, int(partition), int(offset))
        origin = origins.get(at)
        if origin is None:
            raise FuzzFailure(f"dead letter {letter.offset} names a record that was not written: {at}")
        found = (letter.key, letter.value, letter.headers[: -len(ADDED_HEADERS)], int(timestamp_ms))
        if found != (origin.key, origin.value, origin.headers, origin.timestamp_ms):
            raise FuzzFailure(f"dead letter {letter.offset} differs from {at}")
        if not reason.strip() or len(reason) > 2 * REASON_CHARACTERS_MAX:
            raise FuzzFailure(f"dead letter {letter.offset} has the reason {reason!r}")
        reasons[at].append(reason)
    return reasons


class ClusteringEffects:
    """Follows the clusterer's outputs to find the effect of each of its inputs."""

    def __init__(self) -> None:
        self._digests: dict[tuple[str, str], str] = {}
        self._versions: Counter[str] = Counter()

    def add_updates(self, updates: Iterable[Record]) -> Counter[bytes]:
        """Check that versions are without gaps; return how many updates name each command that pins or unpins their story."""
        named: Counter[bytes] = Counter()
        for record in updates:
            update = decode_update(record.value or b"")
            self._versions[update.story_id] += 1
            if update.version != self._versions[update.story_id]:
                raise FuzzFailure(
                    f"story {update.story_id} has version {update.version} after {self._versions[update.story_id] - 1}"
                )
            if update.command is not None and update.command.kind.value in {"pin", "unpin"}:
                named[_name(update.command, update.story_id)] += 1
        return named

    def effect(self, event: VectorEvent, memberships: Sequence[Record], pins: Counter[bytes]) -> str:
        """Return the effect of an accepted event; empty if it had none although it should have one."""
        known = None
        if isinstance(event, ArticleVector | ArticleRetraction):
            known = self._digests.get((event.edition, event.article_id))
        for record in memberships:
            self._apply(record)
        if isinstance(event, PinStory | UnpinStory):
            name = _name(command_ref(event), event.story_id)
            pins[name] -= 1
            return "command" if pins[name] >= 0 else ""
        if isinstance(event, ArticleVector):
            return self._article(event, known, memberships)
        if isinstance(event, ArticleRetraction):
            if known is None:
                return "" if memberships else "retraction of an unknown article"
            return "retraction" if (event.edition, event.article_id) not in self._digests else ""
        return "command" if memberships else ""

    def _article(self, event: ArticleVector, known: str | None, memberships: Sequence[Record]) -> str:
        if not memberships:
            return "duplicate" if known == event.digest else ""
        stored = self._digests.get((event.edition, event.article_id))
        if stored != event.digest:
            return ""
        return "article" if known is None else "correction"

    def _apply(self, record: Record) -> None:
        edition, _, article_id = (record.key or b"").decode().partition("/")
        if record.value is None:
            del self._digests[edition, article_id]
            return
        state = decode_state(record.value)
        if not isinstance(state, Membership):
            raise FuzzFailure(f"{record.key!r} has a checkpoint instead of a membership")
        self._digests[edition, article_id] = state.digest


def memberships_by_source(records: Iterable[Record]) -> dict[RecordId, list[Record]]:
    """Group memberships by the id of the input record that they name. Checkpoints are left out: one covers many inputs."""
    found: defaultdict[RecordId, list[Record]] = defaultdict(list)
    for record in records:
        if record.header(EVENT_TYPE) == CHECKPOINT:
            continue
        topic, partition, offset, _ = (record.header("ce_id") or "").split("/")
        found[RecordId(topic, int(partition), int(offset))].append(record)
    return found


def vectors_by_source(records: Iterable[Record]) -> dict[RecordId, list[Record]]:
    """Group the embedder's records by the id of the input record that they name."""
    found: defaultdict[RecordId, list[Record]] = defaultdict(list)
    for record in records:
        topic, partition, offset = (record.header("ce_id") or "").split("/")
        found[RecordId(topic, int(partition), int(offset))].append(record)
    return found


def check_article(sent: bytes | None, made: Record) -> None:
    """Check that a valid article reaches `article-vectors` unchanged."""
    given, vector = msgspec.json.decode(sent or b"", type=Article), read_event(made)
    if not isinstance(vector, ArticleVector):
        raise FuzzFailure(f"an article became {vector}")
    expected = (
        given.id,
        given.edition,
        given.title,
        given.published_at,
        given.outlet,
        given.leaning,
        len(given.text.split()),
    )
    found = (
        vector.article_id,
        vector.edition,
        vector.title,
        vector.published_at,
        vector.outlet,
        vector.leaning,
        vector.words,
    )
    if found != expected:
        raise FuzzFailure(f"{expected} became {found}")


def read_event(record: Record) -> VectorEvent:
    """Decode a record that was accepted."""
    return decode_vector(record.value or b"")


def _name(command: object, story_id: str) -> bytes:
    return f"{story_id} {command!r}".encode("utf-8", "surrogatepass")
