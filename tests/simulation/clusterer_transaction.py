"""One transaction of a clusterer: what has become of each of its inputs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from newsloom.contracts.codec import InvalidValue, decode_state, decode_story, decode_update, decode_vector
from newsloom.contracts.membership import Checkpoint
from newsloom.contracts.vector import ArticleRetraction, ArticleVector, VectorEvent
from newsloom.streaming.records import Record
from tests.simulation.state_model import Article, StateModel


@dataclass
class ClustererTransaction:
    """`given` are the inputs by their place, in their order. Records are taken one by one, then accounted for."""

    given: Mapping[str, Record]
    model: StateModel
    complain: Callable[[str], None]
    rejected: Counter[str] = field(default_factory=Counter)
    _changed: defaultdict[str, dict[str, bool]] = field(default_factory=lambda: defaultdict(dict))
    """By input: the articles that it has changed, and whether they are there now."""
    _commands: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._known = {article: member.digest for article, member in self.model.members.items()}

    def take_update(self, record: Record) -> None:
        """A record of `story-updates`."""
        update = decode_update(record.value or b"")
        if update.command is not None:
            self._commands.add(update.command.id)
        self.model.update(update)

    def take_story(self, record: Record) -> None:
        """A record of `stories`."""
        self._check_home(record)
        value = None if record.value is None else decode_story(record.value)
        self.model.snapshot((record.key or b"").decode(), value)

    def take_state(self, record: Record) -> None:
        """A record of `article-stories`."""
        self._check_home(record)
        source = "/".join((record.header("ce_id") or "").split("/")[:3])
        if source not in self.given:
            self.complain(f"{place(record)} was made of {source}, which this transaction has not taken in")
        edition, _, article_id = (record.key or b"").decode().partition("/")
        state = None if record.value is None else decode_state(record.value)
        if isinstance(state, Checkpoint):
            self.model.checkpoint(state)
            return
        if state is not None and (state.edition, state.article_id) != (edition, article_id):
            self.complain(f"{place(record)} is of {state.edition}/{state.article_id}")
        self._changed[source][article_id] = state is not None
        self.model.member((edition, article_id), state)

    def account(self) -> None:
        """Every input has come to what it had to, and the model is in order."""
        for source in sorted(self.rejected.keys() | self.given.keys()):
            if source not in self.given or self.rejected[source] > 1:
                self.complain(f"{source} was rejected {self.rejected[source]} times, of {list(self.given)}")
        for source, record in self.given.items():
            try:
                event = decode_vector(record.value or b"")
            except InvalidValue:
                if not self.rejected[source]:
                    self.complain(f"{source} cannot be read, and was not rejected")
                continue
            self._account_for(source, event)
            # An article may be gone by what any input has made of it: a retraction, or the end of its story's time.
            for article_id in (one for one, stands in self._changed[source].items() if not stands):
                self._known.pop((event.edition, article_id), None)
        self.model.close_transaction()

    def _account_for(self, source: str, event: VectorEvent) -> None:
        changed = self._changed[source]
        if self.rejected[source]:
            if changed:
                self.complain(f"{source} was rejected, and has changed {sorted(changed)}")
        elif isinstance(event, ArticleVector):
            self._account_for_article((event.edition, event.article_id), event.digest, source)
        elif isinstance(event, ArticleRetraction):
            is_known = (event.edition, event.article_id) in self._known
            if (changed.get(event.article_id) is False) is not is_known:
                self.complain(f"{source} takes back {event.article_id}, and has changed {changed}")
        elif event.command_id not in self._commands:
            self.complain(f"{source}, command {event.command_id}, was neither carried out nor rejected")

    def _account_for_article(self, article: Article, digest: str, source: str) -> None:
        """One that is there already, unchanged, changes nothing; any other has a new membership."""
        changed, is_repeat = self._changed[source], self._known.get(article) == digest
        if changed if is_repeat else not changed.get(article[1]):
            kind = "a repeat" if is_repeat else "no repeat"
            self.complain(f"{source} is {kind} of {article}, and has changed {changed}")
        self._known[article] = digest

    def _check_home(self, record: Record) -> None:
        if record.partition not in {one.partition for one in self.given.values()}:
            self.complain(f"{place(record)} was made of no record of its own partition")


def place(record: Record) -> str:
    """Topic, partition and offset, as ids are made of them."""
    return f"{record.topic}/{record.partition}/{record.offset}"
