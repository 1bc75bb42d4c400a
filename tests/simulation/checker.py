"""An independent checker: told of each transaction as it is committed, it holds every promise against it.

What is visible is the sum of committed transactions. So each is looked at whole: the inputs between the old and the new
offsets, and what was written of them. It knows the contracts' records and nothing of who makes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta

from newsloom.contracts.codec import decode_article, decode_command, decode_vector
from newsloom.contracts.pipeline import EDITION_HEADER, TOPICS
from newsloom.contracts.vector import ArticleRetraction, ArticleVector, VectorEvent
from newsloom.settings import Settings
from newsloom.streaming.dead_letters import ADDED_HEADERS, OFFSET, PARTITION, REASON, TOPIC
from newsloom.streaming.records import Record, TopicPartition
from tests.simulation.broker import Broker
from tests.simulation.clusterer_transaction import ClustererTransaction, place
from tests.simulation.partitions import Transaction
from tests.simulation.state_model import StateModel

EMBEDDED = ("articles", "story-commands")


class Checker:
    """Watches a broker. `problems` are what was broken, in sentences."""

    def __init__(self, settings: Settings) -> None:
        self.problems: list[str] = []
        self.model = StateModel(self.problems.append, timedelta(days=settings.retention_days))
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
        given = {place(record): record for record in inputs}
        answers: Counter[str] = Counter()
        for record in outputs:
            if self._name(record) == "dead-letters":
                answers[self._letter(record, given)] += 1
            elif self._name(record) == "article-vectors":
                answers[self._passed_on(record, given)] += 1
            else:
                self.problems.append(f"the embedder has written {place(record)}")
        for source in sorted(given.keys() | answers.keys()):
            if source not in given or answers[source] != 1:
                taken = "taken in" if source in given else "not taken in"
                self.problems.append(f"{source}, {taken} by this transaction, was passed on {answers[source]} times")

    def _passed_on(self, record: Record, given: Mapping[str, Record]) -> str:
        source = record.header("ce_id") or ""
        event = decode_vector(record.value or b"")
        home = self._editions.setdefault(event.edition, record.partition)
        if home != record.partition:
            self.problems.append(f"{place(record)} is of {event.edition}, which lies in partition {home}")
        topic, partition, offset = source.rsplit("/", 2)
        if int(offset) <= self._origins.get((topic, partition, event.edition), -1):
            self.problems.append(f"{place(record)} is of {source}, and stands behind what came after it")
        self._origins[topic, partition, event.edition] = int(offset)
        if source in given and _said(given[source]) != _named(event):
            self.problems.append(f"{place(record)} says {_named(event)}, {source} says {_said(given[source])}")
        return source

    def _letter(self, letter: Record, given: Mapping[str, Record]) -> str:
        headers, added = letter.headers[: -len(ADDED_HEADERS)], dict(letter.headers[-len(ADDED_HEADERS) :])
        source = "/".join(added[name].decode() for name in (TOPIC, PARTITION, OFFSET))
        if not added[REASON]:
            self.problems.append(f"the dead letter {place(letter)} gives no reason")
        origin = given.get(source)
        if origin is not None and (letter.key, letter.value, headers) != (origin.key, origin.value, origin.headers):
            self.problems.append(f"the dead letter {place(letter)} is not what stands at {source}")
        return source

    # --- the clusterer's

    def _check_clustered(self, inputs: list[Record], outputs: list[Record]) -> None:
        transaction = ClustererTransaction(
            {place(record): record for record in inputs}, self.model, self.problems.append
        )
        for record in outputs:
            match self._name(record):
                case "dead-letters":
                    transaction.rejected[self._letter(record, transaction.given)] += 1
                case "story-updates":
                    transaction.take_update(record)
                case "stories":
                    transaction.take_story(record)
                case "article-stories":
                    transaction.take_state(record)
                case name:
                    self.problems.append(f"the clusterer has written {name}")
        transaction.account()


def _latest(records: Iterable[Record]) -> dict[bytes | None, bytes]:
    latest = {record.key: record.value for record in records}
    return {key: value for key, value in latest.items() if value is not None}


def _named(event: VectorEvent) -> tuple[str, str]:
    if isinstance(event, ArticleVector | ArticleRetraction):
        return event.edition, event.article_id
    return event.edition, event.command_id


def _said(record: Record) -> tuple[str, str]:
    """Whom an input is of."""
    if record.topic.endswith("story-commands"):
        command = decode_command(record.value or b"")
        return command.edition, command.command_id
    if record.value is None:
        return record.header(EDITION_HEADER) or "", (record.key or b"").decode()
    article = decode_article(record.value)
    return article.edition, article.id
