"""An independent checker: told of each transaction as it is committed, it holds every promise against it.

What is visible is the sum of committed transactions. So each is looked at whole: the inputs between the old and the new
offsets, and what was written of them. It knows the contracts' records and nothing of who makes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from newsloom.contracts.article import EDITION_HEADER
from newsloom.contracts.codec import (
    InvalidValue,
    decode_article,
    decode_command,
    decode_state,
    decode_story,
    decode_update,
    decode_vector,
)
from newsloom.contracts.membership import Checkpoint, Membership
from newsloom.contracts.topics import TOPICS
from newsloom.contracts.vector import ArticleRetraction, ArticleVector, VectorEvent
from newsloom.settings import Settings
from newsloom.streaming.dead_letters import ADDED, OFFSET, PARTITION, REASON, TOPIC
from newsloom.streaming.records import Record, TopicPartition
from tests.simulation.broker import Broker, Transaction
from tests.simulation.ledger import Ledger

EMBEDDED = ("articles", "story-commands")


class Checker:
    """Watches a broker. `problems` are what was broken, in sentences."""

    def __init__(self, settings: Settings) -> None:
        self.problems: list[str] = []
        self.ledger = Ledger(self.problems.append, timedelta(days=settings.retention_days))
        self.records: dict[TopicPartition, list[Record]] = {}
        """Every record that was committed, in the order of each partition's offsets."""
        self._prefix = settings.topic_prefix
        self._committed: dict[TopicPartition, int] = {}
        self._editions: dict[str, int] = {}
        self._origins: dict[tuple[str, str, str], int] = {}
        self._known = {settings.topic_prefix + topic.name for topic in TOPICS}

    def committed(self, transaction: Transaction) -> None:
        """A transaction is committed."""
        for record in transaction.records:
            stood = self.records.setdefault(record.source, [])
            # Another transaction of the partition may have begun later, and ended earlier.
            stood.append(record)
            stood.sort(key=lambda one: one.offset)
        inputs = self._advance(transaction)
        topics = {self._name(record) for record in (*inputs, *transaction.records)}
        if topics <= {*EMBEDDED, "article-vectors"} and not inputs:
            return  # A producer's.
        if {self._name(record) for record in inputs} <= set(EMBEDDED) and "story-updates" not in topics:
            self._check_embedded(inputs, transaction.records)
        else:
            self._check_clustered(inputs, transaction.records)

    def finish(self, broker: Broker) -> None:
        """Nothing is left to do: every input was taken in, and what a reader sees is what was committed."""
        for source, partition in broker.partitions.items():
            stood = self.records.get(source, [])
            found = list(partition.committed(0, partition.stable_end()))
            if "stories" in source.topic:
                if _latest(found) != _latest(stood):
                    self.problems.append(f"{source}: compaction has changed what stands there")
            elif found != stood:
                self.problems.append(f"{source}: {len(found)} records are visible, {len(stood)} were committed")
            name = source.topic.removeprefix(self._prefix)
            if name in {*EMBEDDED, "article-vectors"} and stood and stood[-1].offset >= self._committed.get(source, 0):
                self.problems.append(f"{source} was taken in up to {self._committed.get(source, 0)}, not to its end")

    def _name(self, record: Record) -> str:
        return record.topic.removeprefix(self._prefix)

    def _advance(self, transaction: Transaction) -> list[Record]:
        """The inputs that the transaction says were taken in."""
        inputs: list[Record] = []
        for (_, source), offset in transaction.offsets.items():
            before = self._committed.get(source, 0)
            taken = [one for one in self.records.get(source, []) if before <= one.offset < offset]
            if offset <= before or not taken or taken[-1].offset != offset - 1:
                self.problems.append(f"the offset of {source} goes from {before} to {offset}")
            self._committed[source] = max(before, offset)
            inputs += taken
        return inputs

    # --- the embedder's

    def _check_embedded(self, inputs: list[Record], outputs: list[Record]) -> None:
        given = {_place(record): record for record in inputs}
        answers: Counter[str] = Counter()
        for record in outputs:
            if self._name(record) == "dead-letters":
                answers[self._letter(record, given)] += 1
            elif self._name(record) == "article-vectors":
                answers[self._passed_on(record, given)] += 1
            else:
                self.problems.append(f"the embedder has written {_place(record)}")
        for place in given.keys() | answers.keys():
            if place not in given or answers[place] != 1:
                taken = "taken in" if place in given else "not taken in"
                self.problems.append(f"{place}, {taken} by this transaction, was passed on {answers[place]} times")

    def _passed_on(self, record: Record, given: dict[str, Record]) -> str:
        place = record.header("ce_id") or ""
        event = decode_vector(record.value or b"")
        home = self._editions.setdefault(event.edition, record.partition)
        if home != record.partition:
            self.problems.append(f"{_place(record)} is of {event.edition}, which lies in partition {home}")
        topic, partition, offset = place.rsplit("/", 2)
        if int(offset) <= self._origins.get((topic, partition, event.edition), -1):
            self.problems.append(f"{_place(record)} is of {place}, and stands behind what came after it")
        self._origins[topic, partition, event.edition] = int(offset)
        if place in given and _said(given[place]) != _named(event):
            self.problems.append(f"{_place(record)} says {_named(event)}, {place} says {_said(given[place])}")
        return place

    def _letter(self, letter: Record, given: dict[str, Record]) -> str:
        headers, added = letter.headers[: -len(ADDED)], letter.headers[-len(ADDED) :]
        place = "/".join(dict(added)[name].decode() for name in (TOPIC, PARTITION, OFFSET))
        if not dict(added)[REASON]:
            self.problems.append(f"the dead letter {_place(letter)} gives no reason")
        origin = given.get(place)
        if origin is not None and (letter.key, letter.value, headers) != (origin.key, origin.value, origin.headers):
            self.problems.append(f"the dead letter {_place(letter)} is not what stands at {place}")
        return place

    # --- the clusterer's

    def _check_clustered(self, inputs: list[Record], outputs: list[Record]) -> None:
        given = {_place(record): record for record in inputs}
        known = {article: member.digest for article, member in self.ledger.members.items()}
        rejected: Counter[str] = Counter()
        changed: dict[str, dict[str, bool]] = {}
        commands: set[str] = set()
        for record in outputs:
            match self._name(record):
                case "dead-letters":
                    rejected[self._letter(record, given)] += 1
                case "story-updates":
                    update = decode_update(record.value or b"")
                    commands |= {update.command.id} if update.command is not None else set()
                    self.ledger.update(update)
                case "stories":
                    self._check_home(record, inputs)
                    value = None if record.value is None else decode_story(record.value)
                    self.ledger.snapshot((record.key or b"").decode(), value)
                case "article-stories":
                    self._check_home(record, inputs)
                    self._state(record, given, changed)
                case name:
                    self.problems.append(f"the clusterer has written {name}")
        for place in sorted(rejected.keys() | given.keys()):
            if place not in given or rejected[place] > 1:
                self.problems.append(
                    f"{place} was rejected {rejected[place]} times by a transaction that took in {list(given)}"
                )
        for place, record in given.items():
            self._check_account(record, known, changed.get(place, {}), commands, is_rejected=rejected[place] > 0)
        self.ledger.close_transaction()

    def _check_home(self, record: Record, inputs: Iterable[Record]) -> None:
        if record.partition not in {one.partition for one in inputs}:
            self.problems.append(f"{_place(record)} was made of no record of its own partition")

    def _state(self, record: Record, given: dict[str, Record], changed: dict[str, dict[str, bool]]) -> None:
        place = "/".join((record.header("ce_id") or "").split("/")[:3])
        if place not in given:
            self.problems.append(f"{_place(record)} was made of {place}, which this transaction has not taken in")
        edition, _, article_id = (record.key or b"").decode().partition("/")
        state = None if record.value is None else decode_state(record.value)
        if isinstance(state, Checkpoint):
            self.ledger.checkpoint(state)
            return
        if isinstance(state, Membership) and (state.edition, state.article_id) != (edition, article_id):
            self.problems.append(f"{_place(record)} is of {state.edition}/{state.article_id}")
        changed.setdefault(place, {})[article_id] = state is not None
        self.ledger.member((edition, article_id), state)

    def _check_account(
        self,
        record: Record,
        known: dict[tuple[str, str], str],
        changed: dict[str, bool],
        commands: set[str],
        *,
        is_rejected: bool,
    ) -> None:
        """What has become of one input; `known` are the digests of the articles that there were before it."""
        try:
            event = decode_vector(record.value or b"")
        except InvalidValue:
            if not is_rejected:
                self.problems.append(f"{_place(record)} cannot be read, and was not rejected")
            return
        if is_rejected:
            if changed:
                self.problems.append(f"{_place(record)} was rejected, and has changed {sorted(changed)}")
        elif isinstance(event, ArticleVector):
            article = (event.edition, event.article_id)
            if (known.get(article) == event.digest) is bool(changed):
                self.problems.append(f"{_place(record)} has changed {sorted(changed)}; known: {article in known}")
            known[article] = event.digest
        elif isinstance(event, ArticleRetraction):
            expected = (event.edition, event.article_id) in known
            if (changed.get(event.article_id) is False) is not expected:
                self.problems.append(f"{_place(record)} takes back {event.article_id}, and has changed {changed}")
        elif event.command_id not in commands:
            self.problems.append(f"command {event.command_id} ({_place(record)}) was neither carried out nor rejected")
        # An article may be gone by what any input has made of it: a retraction, or the end of its story's time.
        for article_id in (one for one, stands in changed.items() if not stands):
            known.pop((event.edition, article_id), None)


def _place(record: Record) -> str:
    return f"{record.topic}/{record.partition}/{record.offset}"


def _latest(records: Iterable[Record]) -> dict[bytes | None, bytes]:
    latest = {record.key: record.value for record in records}
    return {key: value for key, value in latest.items() if value is not None}


def _named(event: VectorEvent) -> tuple[str, str]:
    is_article = isinstance(event, ArticleVector | ArticleRetraction)
    return event.edition, event.article_id if is_article else event.command_id


def _said(record: Record) -> tuple[str, str]:
    """Whom an input is of."""
    if record.topic.endswith("story-commands"):
        command = decode_command(record.value or b"")
        return command.edition, command.command_id
    if record.value is None:
        return record.header(EDITION_HEADER) or "", (record.key or b"").decode()
    article = decode_article(record.value)
    return article.edition, article.id
