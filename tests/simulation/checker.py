"""An independent checker: checks every promise on each transaction as it is committed.

Readers see the sum of committed transactions, so each is checked as a whole: the inputs between the old and the new offsets, and
the records written for them. The checker uses the contracts only, none of the services' code.
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
from tests.simulation.clusterer_transaction import ClustererTransaction, record_id
from tests.simulation.partitions import Transaction
from tests.simulation.state_model import StateModel

EMBEDDER_INPUTS = ("articles", "story-commands")


class Checker:
    """Checks every committed transaction of a broker. `problems` describes each violation in a sentence."""

    def __init__(self, settings: Settings) -> None:
        self.problems: list[str] = []
        self.model = StateModel(self.problems.append, timedelta(days=settings.retention_days))
        self.records: dict[TopicPartition, list[Record]] = {}
        """Every committed record by partition, in offset order."""
        self._prefix = settings.topic_prefix
        self._committed: dict[TopicPartition, int] = {}
        self._partition_of: dict[str, int] = {}
        self._latest: dict[tuple[str, str, str], int] = {}
        self._known = {settings.topic_prefix + topic.name for topic in TOPICS}

    def committed(self, transaction: Transaction) -> None:
        """Check a transaction that was committed."""
        for record in transaction.records:
            records = self.records.setdefault(record.topic_partition, [])
            # Sort: a transaction that began later may have been committed earlier.
            records.append(record)
            records.sort(key=lambda one: one.offset)
        inputs = self._advance(transaction)
        topics = {self._name(record) for record in (*inputs, *transaction.records)}
        if topics <= {*EMBEDDER_INPUTS, "article-vectors"} and not inputs:
            return  # A transaction of a producer.
        if {self._name(record) for record in inputs} <= set(EMBEDDER_INPUTS) and "story-updates" not in topics:
            self._check_embedded(inputs, transaction.records)
        else:
            self._check_clustered(inputs, transaction.records)

    def finish(self, broker: Broker) -> None:
        """Check that every input was processed, and that readers see exactly the committed records."""
        for source, partition in broker.partitions.items():
            committed = self.records.get(source, [])
            visible = list(partition.committed(0, partition.stable_end()))
            if "stories" in source.topic:
                if _latest(visible) != _latest(committed):
                    self.problems.append(f"{source}: compaction has changed the latest values")
            elif visible != committed:
                self.problems.append(f"{source}: {len(visible)} records are visible, {len(committed)} were committed")
            name, offset = source.topic.removeprefix(self._prefix), self._committed.get(source, 0)
            if name in {*EMBEDDER_INPUTS, "article-vectors"} and committed and committed[-1].offset >= offset:
                self.problems.append(f"{source} was processed up to offset {offset}, not to its end")

    def _name(self, record: Record) -> str:
        return record.topic.removeprefix(self._prefix)

    def _advance(self, transaction: Transaction) -> list[Record]:
        """Return the inputs between the old and the new committed offsets."""
        inputs: list[Record] = []
        for (_, source), offset in transaction.offsets.items():
            before = self._committed.get(source, 0)
            taken = [one for one in self.records.get(source, []) if before <= one.offset < offset]
            if offset <= before or not taken or taken[-1].offset != offset - 1:
                self.problems.append(f"{source}: the committed offset changed from {before} to {offset}")
            self._committed[source] = max(before, offset)
            inputs += taken
        return inputs

    # --- transactions of the embedder

    def _check_embedded(self, inputs: list[Record], outputs: list[Record]) -> None:
        inputs_by_id = {record_id(record): record for record in inputs}
        outputs_of: Counter[str] = Counter()
        for record in outputs:
            if self._name(record) == "dead-letters":
                outputs_of[self._check_dead_letter(record, inputs_by_id)] += 1
            elif self._name(record) == "article-vectors":
                outputs_of[self._check_forwarded(record, inputs_by_id)] += 1
            else:
                self.problems.append(f"the embedder wrote {record_id(record)}")
        for input_id in sorted(inputs_by_id.keys() | outputs_of.keys()):
            if input_id not in inputs_by_id or outputs_of[input_id] != 1:
                state = "consumed" if input_id in inputs_by_id else "not consumed"
                self.problems.append(
                    f"{input_id}, {state} by this transaction, has {outputs_of[input_id]} outputs in it"
                )

    def _check_forwarded(self, record: Record, inputs: Mapping[str, Record]) -> str:
        name, input_id = record_id(record), record.header("ce_id") or ""
        event = decode_vector(record.value or b"")
        expected = self._partition_of.setdefault(event.edition, record.partition)
        if expected != record.partition:
            self.problems.append(f"{name} is of edition {event.edition}, whose partition is {expected}")
        topic, partition, offset = input_id.rsplit("/", 2)
        if int(offset) <= self._latest.get((topic, partition, event.edition), -1):
            self.problems.append(f"{name} is made from {input_id}, but follows a record made from a later one")
        self._latest[topic, partition, event.edition] = int(offset)
        if input_id in inputs and _input_key(inputs[input_id]) != _event_key(event):
            self.problems.append(f"{name} is of {_event_key(event)}, its input of {_input_key(inputs[input_id])}")
        return input_id

    def _check_dead_letter(self, letter: Record, inputs: Mapping[str, Record]) -> str:
        headers, added = letter.headers[: -len(ADDED_HEADERS)], dict(letter.headers[-len(ADDED_HEADERS) :])
        input_id = "/".join(added[name].decode() for name in (TOPIC, PARTITION, OFFSET))
        if not added[REASON]:
            self.problems.append(f"the dead letter {record_id(letter)} has no reason")
        origin = inputs.get(input_id)
        if origin is not None and (letter.key, letter.value, headers) != (origin.key, origin.value, origin.headers):
            self.problems.append(f"the dead letter {record_id(letter)} differs from {input_id}")
        return input_id

    # --- transactions of the clusterer

    def _check_clustered(self, inputs: list[Record], outputs: list[Record]) -> None:
        transaction = ClustererTransaction(
            {record_id(record): record for record in inputs}, self.model, self.problems.append
        )
        for record in outputs:
            match self._name(record):
                case "dead-letters":
                    transaction.rejected[self._check_dead_letter(record, transaction.inputs)] += 1
                case "story-updates":
                    transaction.add_update(record)
                case "stories":
                    transaction.add_story(record)
                case "article-stories":
                    transaction.add_state(record)
                case name:
                    self.problems.append(f"the clusterer wrote to {name}")
        transaction.check()


def _latest(records: Iterable[Record]) -> dict[bytes | None, bytes]:
    latest = {record.key: record.value for record in records}
    return {key: value for key, value in latest.items() if value is not None}


def _event_key(event: VectorEvent) -> tuple[str, str]:
    if isinstance(event, ArticleVector | ArticleRetraction):
        return event.edition, event.article_id
    return event.edition, event.command_id


def _input_key(record: Record) -> tuple[str, str]:
    """Return the edition, and the article or command id, of an input of the embedder."""
    if record.topic.endswith("story-commands"):
        command = decode_command(record.value or b"")
        return command.edition, command.command_id
    if record.value is None:
        return record.header(EDITION_HEADER) or "", (record.key or b"").decode()
    article = decode_article(record.value)
    return article.edition, article.id
