"""Check one transaction of the clusterer: each of its inputs must have its result."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from newsloom.contracts.codec import InvalidValue, decode_state, decode_story, decode_update, decode_vector
from newsloom.contracts.membership import Checkpoint
from newsloom.contracts.vector import ArticleRetraction, ArticleVector, VectorEvent
from newsloom.streaming.records import Record
from tests.simulation.state_model import ArticleKey, StateModel


@dataclass
class ClustererTransaction:
    """`inputs` are by record id, in their order. Add every output, then call `check`."""

    inputs: Mapping[str, Record]
    model: StateModel
    add_problem: Callable[[str], None]
    rejected: Counter[str] = field(default_factory=Counter)
    _changed: defaultdict[str, dict[str, bool]] = field(default_factory=lambda: defaultdict(dict))
    """For each input, the articles whose membership it changed, and whether they have one afterwards."""
    _commands: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._digests = {article: member.digest for article, member in self.model.members.items()}

    def add_update(self, record: Record) -> None:
        """Add a record of `story-updates`."""
        update = decode_update(record.value or b"")
        if update.command is not None:
            self._commands.add(update.command.id)
        self.model.apply_update(update, datetime.fromtimestamp(record.timestamp_ms / 1000, tz=UTC))

    def add_story(self, record: Record) -> None:
        """Add a record of `stories`."""
        self._check_partition(record)
        value = None if record.value is None else decode_story(record.value)
        self.model.apply_snapshot((record.key or b"").decode(), value)

    def add_state(self, record: Record) -> None:
        """Add a record of `article-stories`."""
        self._check_partition(record)
        input_id = "/".join((record.header("ce_id") or "").split("/")[:3])
        if input_id not in self.inputs:
            self.add_problem(f"{record_id(record)} is made from {input_id}, which this transaction has not consumed")
        edition, _, article_id = (record.key or b"").decode().partition("/")
        state = None if record.value is None else decode_state(record.value)
        if isinstance(state, Checkpoint):
            self.model.apply_checkpoint(state)
            return
        if state is not None and (state.edition, state.article_id) != (edition, article_id):
            self.add_problem(f"{record_id(record)} is of {state.edition}/{state.article_id}")
        self._changed[input_id][article_id] = state is not None
        self.model.apply_member((edition, article_id), state)

    def check(self) -> None:
        """Check that every input has its result, and that the model is consistent."""
        for input_id in sorted(self.rejected.keys() | self.inputs.keys()):
            if input_id not in self.inputs or self.rejected[input_id] > 1:
                self.add_problem(f"{input_id} was rejected {self.rejected[input_id]} times, of {list(self.inputs)}")
        for input_id, record in self.inputs.items():
            try:
                event = decode_vector(record.value or b"")
            except InvalidValue:
                if not self.rejected[input_id]:
                    self.add_problem(f"{input_id} cannot be decoded, and was not rejected")
                continue
            self._check_result(input_id, event)
            # Any input may end memberships: a retraction does, and so does one that lets a story be forgotten.
            for article_id in (key for key, is_member in self._changed[input_id].items() if not is_member):
                self._digests.pop((event.edition, article_id), None)
        self.model.end_transaction()

    def _check_result(self, input_id: str, event: VectorEvent) -> None:
        changed = self._changed[input_id]
        if self.rejected[input_id]:
            if changed:
                self.add_problem(f"{input_id} was rejected, but changed {sorted(changed)}")
        elif isinstance(event, ArticleVector):
            self._check_article((event.edition, event.article_id), event.digest, input_id)
        elif isinstance(event, ArticleRetraction):
            is_known = (event.edition, event.article_id) in self._digests
            if (changed.get(event.article_id) is False) is not is_known:
                self.add_problem(f"{input_id} retracts {event.article_id}, but changed {changed}")
        elif event.command_id not in self._commands:
            self.add_problem(f"{input_id}, command {event.command_id}, was neither carried out nor rejected")

    def _check_article(self, article: ArticleKey, digest: str, input_id: str) -> None:
        """Check that a duplicate changes nothing, and that any other article gets a membership."""
        changed, is_duplicate = self._changed[input_id], self._digests.get(article) == digest
        if changed if is_duplicate else not changed.get(article[1]):
            kind = "a duplicate" if is_duplicate else "no duplicate"
            self.add_problem(f"{input_id} is {kind} of {article}, but changed {changed}")
        self._digests[article] = digest

    def _check_partition(self, record: Record) -> None:
        if record.partition not in {given.partition for given in self.inputs.values()}:
            self.add_problem(f"{record_id(record)} is in a partition that this transaction has not consumed from")


def record_id(record: Record) -> str:
    """Return topic, partition and offset, as in event ids."""
    return f"{record.topic}/{record.partition}/{record.offset}"
