"""What became of every record: the books of the fuzz, kept by rules of their own and not by the services' code.

A record of `articles` or `story-commands` is processed if one record of `article-vectors` names it as its source. A record of
`article-vectors` is processed if

- a membership names it as its cause (an article placed, corrected, moved or retracted), or
- it is a command to pin or unpin, and an update names that command, or
- there was nothing to do: an article that is known with the same digest (a repeat), or a retraction of one that is not known.

It is rejected if a dead letter names it as its origin. Each must be one of the two, and not both, and once.
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
from newsloom.contracts.pipeline import EVENT_TYPE
from newsloom.contracts.topics import TopicDefinition
from newsloom.contracts.vector import ArticleRetraction, ArticleVector, VectorEvent
from newsloom.streaming.dead_letters import ADDED_HEADERS, REASON_CHARACTERS_MAX
from newsloom.streaming.records import Record
from tests.fuzz.record import Fate

MESSAGE_BYTES_MAX: Final = 65_536
Place = tuple[str, int, int]
"""Topic, partition, offset."""


class Wrong(AssertionError):
    """The books do not balance."""


@dataclass(slots=True)
class Tally:
    """What became of the records of one kind."""

    sent: int = 0
    processed: int = 0
    rejected: int = 0

    def add(self, other: Tally) -> None:
        """Add what became of others of the kind."""
        self.sent += other.sent
        self.processed += other.processed
        self.rejected += other.rejected


def _tallies() -> defaultdict[str, Tally]:
    return defaultdict(Tally)


@dataclass
class Accounts:
    """Of a whole run. `inputs` counts by service, `processed_as` what processing came to in the clusterer."""

    kinds: defaultdict[str, Tally] = field(default_factory=_tallies)
    inputs: defaultdict[str, Tally] = field(default_factory=_tallies)
    processed_as: Counter[str] = field(default_factory=Counter)
    largest: dict[str, int] = field(default_factory=dict)
    messages: Counter[str] = field(default_factory=Counter)

    def settle(
        self, service: str, kind: str, record: Record, *, fate: Fate, reasons: Sequence[str], processed: int
    ) -> None:
        """Book one record. `processed` says how often something names it as its source."""
        if len(reasons) + processed != 1:
            raise Wrong(f"{kind} at {place(record)}: {processed} results, {len(reasons)} dead letters ({service})")
        if (fate is Fate.PROCESSED and reasons) or (fate is Fate.REJECTED and processed):
            raise Wrong(f"{kind} at {place(record)} was to be {fate.value}: {reasons}; {str(record.value)[:300]}")
        for tally in (self.inputs[service], self.kinds[kind]):
            tally.sent += 1
            tally.processed += processed
            tally.rejected += len(reasons)

    def add(self, other: Accounts) -> None:
        """Add the books of another newsroom."""
        for mine, theirs in ((self.kinds, other.kinds), (self.inputs, other.inputs)):
            for name, tally in theirs.items():
                mine[name].add(tally)
        self.processed_as.update(other.processed_as)
        self.messages.update(other.messages)
        for name, size in other.largest.items():
            self.largest[name] = max(self.largest.get(name, 0), size)

    def weigh(self, topic: TopicDefinition, records: Iterable[Record]) -> None:
        """No message of ours is larger than it may be."""
        for record in records:
            size = len(record.key or b"") + len(record.value or b"") + sum(len(k) + len(v) for k, v in record.headers)
            if size >= MESSAGE_BYTES_MAX:
                raise Wrong(f"a message of {size} bytes in {topic.name}: {str(record.value)[:300]}")
            self.largest[topic.name] = max(self.largest.get(topic.name, 0), size)
            self.messages[topic.name] += 1


def place(record: Record) -> Place:
    """Where a record stands."""
    return record.topic, record.partition, record.offset


def letters_by_origin(letters: Iterable[Record], origins: dict[Place, Record], service: str) -> dict[Place, list[str]]:
    """The reasons of the dead letters of this service, by the place of the record they were made of.

    Each letter has the bytes, the key and the headers of its record untouched, and says from where, by whom and why.
    """
    reasons: defaultdict[Place, list[str]] = defaultdict(list)
    for letter in letters:
        names, values = zip(*letter.headers[-len(ADDED_HEADERS) :], strict=True)
        if names != ADDED_HEADERS:
            raise Wrong(f"dead letter {letter.offset} ends with headers {names}")
        reason, by, topic, partition, offset, timestamp_ms = (value.decode() for value in values)
        if by != service:
            continue
        at = (topic, int(partition), int(offset))
        origin = origins.get(at)
        if origin is None:
            raise Wrong(f"dead letter {letter.offset} is of a record that nobody sent: {at}")
        found = (letter.key, letter.value, letter.headers[: -len(ADDED_HEADERS)], int(timestamp_ms))
        if found != (origin.key, origin.value, origin.headers, origin.timestamp_ms):
            raise Wrong(f"dead letter {letter.offset} is not what came: {at}")
        if not reason.strip() or len(reason) > 2 * REASON_CHARACTERS_MAX:
            raise Wrong(f"dead letter {letter.offset} gives the reason {reason!r}")
        reasons[at].append(reason)
    return reasons


class Clustering:
    """Follows what the clusterer says it did, to tell what had an effect and what rightly had none."""

    def __init__(self) -> None:
        self._digests: dict[tuple[str, str], str] = {}
        self._versions: Counter[str] = Counter()

    def follow_updates(self, updates: Iterable[Record]) -> Counter[bytes]:
        """Check that versions count up by one; how often each command is named by the update of the story it pins or unpins."""
        named: Counter[bytes] = Counter()
        for record in updates:
            update = decode_update(record.value or b"")
            self._versions[update.story_id] += 1
            if update.version != self._versions[update.story_id]:
                raise Wrong(
                    f"story {update.story_id} has version {update.version} after {self._versions[update.story_id] - 1}"
                )
            if update.command is not None and update.command.kind.value in {"pin", "unpin"}:
                named[_name(update.command, update.story_id)] += 1
        return named

    def effect(self, event: VectorEvent, memberships: Sequence[Record], pins: Counter[bytes]) -> str:
        """What an accepted event came to; empty if it came to nothing, though it should have come to something."""
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
                return "" if memberships else "retraction of nothing"
            return "retraction" if (event.edition, event.article_id) not in self._digests else ""
        return "command" if memberships else ""

    def _article(self, event: ArticleVector, known: str | None, memberships: Sequence[Record]) -> str:
        if not memberships:
            return "repeat" if known == event.digest else ""
        kept = self._digests.get((event.edition, event.article_id))
        if kept != event.digest:
            return ""
        return "article" if known is None else "correction"

    def _apply(self, record: Record) -> None:
        edition, _, article_id = (record.key or b"").decode().partition("/")
        if record.value is None:
            del self._digests[edition, article_id]
            return
        state = decode_state(record.value)
        if not isinstance(state, Membership):
            raise Wrong(f"a checkpoint where a membership should be: {record.key!r}")
        self._digests[edition, article_id] = state.digest


def memberships_by_cause(records: Iterable[Record]) -> dict[Place, list[Record]]:
    """The memberships by the place of the record that caused them. Checkpoints, which are coalesced, are left out."""
    found: defaultdict[Place, list[Record]] = defaultdict(list)
    for record in records:
        if record.header(EVENT_TYPE) == CHECKPOINT:
            continue
        topic, partition, offset, _ = (record.header("ce_id") or "").split("/")
        found[topic, int(partition), int(offset)].append(record)
    return found


def vectors_by_source(records: Iterable[Record]) -> dict[Place, list[Record]]:
    """The embedder's records by the place of what they were made of."""
    found: defaultdict[Place, list[Record]] = defaultdict(list)
    for record in records:
        topic, partition, offset = (record.header("ce_id") or "").split("/")
        found[topic, int(partition), int(offset)].append(record)
    return found


def check_article(sent: bytes | None, made: Record) -> None:
    """A valid article comes out as it went in."""
    given, vector = msgspec.json.decode(sent or b"", type=Article), read_event(made)
    if not isinstance(vector, ArticleVector):
        raise Wrong(f"an article became {vector}")
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
        raise Wrong(f"{expected} became {found}")


def read_event(record: Record) -> VectorEvent:
    """What stands in a record that was accepted."""
    return decode_vector(record.value or b"")


def _name(command: object, story_id: str) -> bytes:
    return f"{story_id} {command!r}".encode("utf-8", "surrogatepass")
