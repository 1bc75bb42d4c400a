"""The vectors of another model in the place of those that a state was made with.

Stories, their ids, versions and histories stay, and so does every decision: an engine that goes on from here only compares
new articles with the old ones by the new model. Only articles of open stories are compared; their texts come from `articles`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

import msgspec

from newsloom.contracts.codec import InvalidValue, decode_article, decode_state, decode_vector, encode
from newsloom.contracts.membership import Checkpoint, Membership
from newsloom.contracts.pipeline import CLUSTERER, EMBEDDED_WITH
from newsloom.contracts.story import StoryState
from newsloom.contracts.topics import ARTICLE_STORIES, ARTICLE_VECTORS, ARTICLES
from newsloom.contracts.vector import ArticleVector
from newsloom.log_names import group_name, topic_name
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.records import Message, Record
from newsloom.streaming.resumable_writer import ResumableWriter
from newsloom.streaming.scan import latest_by_key, read_topic
from newsloom.subscribe import Newsloom
from services.cli.views.formatting import count
from services.clusterer.core.fixed_point import decode_half, encode_int16
from services.embedder.encoder import Encoder
from services.embedder.fingerprints import content_digest
from services.embedder.preparation import PREPARATION, PreparedText, prepare
from services.embedder.step import encode_texts

BATCH_ARTICLES: Final = 64
TOLD_EVERY: Final = 1_024

ArticleKey = tuple[str, str]
"""Edition and article id."""


@dataclass(frozen=True, slots=True)
class _Stood:
    """A membership and the record it stands in, without its value."""

    record: Record
    member: Membership


@dataclass(frozen=True, slots=True)
class _State:
    """What stands in `article-stories`: the memberships of open stories, and the checkpoints."""

    members: dict[ArticleKey, _Stood]
    checkpoints: list[tuple[Record, Checkpoint]]


@dataclass(frozen=True, slots=True)
class Reembedding:
    """Puts an encoder's vectors into a copied state. `from_titles`: where a text is gone, its title has to do."""

    encoder: Encoder
    from_titles: bool = False

    def check(self, log: Log, settings: Settings) -> None:
        """Raise `ConfigurationError` if the state of these settings cannot go over to the encoder's model."""
        state = _read_state(log, settings)
        made_with = {(checkpoint.model, checkpoint.preparation) for _, checkpoint in state.checkpoints}
        if made_with == {(self.encoder.model, PREPARATION)}:
            raise ConfigurationError(
                f"--model {self.encoder.model!r}: the stories under {settings.topic_prefix} are made with it already"
            )
        waiting = self._count_waiting(log, settings)
        if waiting:
            raise ConfigurationError(
                f"{count(waiting, 'record')} of {topic_name(settings, ARTICLE_VECTORS)} made with the old model or text "
                "preparation still wait for the clusterer: run it, without the embedder, until it has processed them"
            )
        left = dict(state.members)
        for key, _ in _texts(log, settings, left):
            del left[key]
        self._check_titles(settings, left, len(state.members))

    def _count_waiting(self, log: Log, settings: Settings) -> int:
        """Count the vectors that wait for the clusterer and could not be compared with the new ones."""
        topic, group = topic_name(settings, ARTICLE_VECTORS), group_name(settings, CLUSTERER.name)
        if not log.admin().backlog(group, [topic]):
            return 0
        committed = log.admin().committed_offsets(group, [topic])
        waiting = (one for one in read_topic(log, topic) if one.offset >= committed.get(one.source, 0))
        return sum(self._is_made_otherwise(record) for record in waiting)

    def _is_made_otherwise(self, record: Record) -> bool:
        try:
            event = decode_vector(record.value or b"")
        except InvalidValue:
            return False
        return isinstance(event, ArticleVector) and (event.model, event.preparation) != (
            self.encoder.model,
            PREPARATION,
        )

    def run(
        self, log: Log, target: Settings, writer: ResumableWriter, *, note: str, told: Callable[[str], None]
    ) -> None:
        """Write the memberships of open stories with new vectors, those that are not written yet; then the checkpoints.

        Raises:
            ConfigurationError: a text has gone meanwhile.

        """
        state = _read_state(log, target)
        total = len(state.members)
        left = {
            key: one for key, one in state.members.items() if one.record.header(EMBEDDED_WITH) != self._embedded_with
        }
        texts = self._all_texts(log, target, left, total)
        while batch := list(islice(texts, BATCH_ARTICLES)):
            vectors = encode_texts(self.encoder, [text for _, text in batch])
            messages = [
                self._member(state.members[key], *halves) for (key, _), halves in zip(batch, vectors, strict=True)
            ]
            self._write(writer, messages, note)
            before = total - len(left)
            for key, _ in batch:
                left.pop(key, None)
            if before // TOLD_EVERY != (total - len(left)) // TOLD_EVERY or not left:
                told(f"embedded {total - len(left):>8,}  of {count(total, 'article')} in open stories")
        self._write(writer, [self._checkpoint(*one) for one in state.checkpoints], note)

    def _all_texts(
        self, log: Log, target: Settings, left: dict[ArticleKey, _Stood], total: int
    ) -> Iterator[tuple[ArticleKey, PreparedText]]:
        untold = dict(left)
        for key, text in _texts(log, target, untold):
            del untold[key]
            yield key, text
        self._check_titles(target, untold, total)
        for key, one in untold.items():
            yield key, PreparedText(title=one.member.title, lead="", body="", words=0)

    def _check_titles(self, settings: Settings, textless: Mapping[ArticleKey, _Stood], total: int) -> None:
        missing = [key for key, one in textless.items() if not (self.from_titles and one.member.title)]
        if not missing:
            return
        edition, article_id = min(missing)
        hint = "they have no title either" if self.from_titles else "or let titles do, with --from-titles"
        raise ConfigurationError(
            f"of {count(total, 'article')} in open stories, the texts of {len(missing):,} are no longer in "
            f"{topic_name(settings, ARTICLES)}, where retention takes them; the first: {article_id!r} of edition {edition}. "
            f"Ingest these articles again, unchanged (`newsloom ingest -`; that changes no story); {hint}"
        )

    def _member(self, stood: _Stood, title_vector: bytes, lead_vector: bytes) -> Message:
        member = msgspec.structs.replace(
            stood.member,
            title_vector=encode_int16(decode_half(title_vector, "title_vector")),
            # Boilerplate is not compared: the title stands in for it.
            lead_vector=encode_int16(
                decode_half(lead_vector if stood.member.boilerplate_of is None else title_vector, "lead_vector")
            ),
        )
        headers = tuple((name, value) for name, value in stood.record.headers if name != EMBEDDED_WITH)
        return _instead(stood.record, encode(member), headers=(*headers, (EMBEDDED_WITH, self._embedded_with.encode())))

    @property
    def _embedded_with(self) -> str:
        return f"{self.encoder.model} {PREPARATION}"

    def _checkpoint(self, record: Record, checkpoint: Checkpoint) -> Message:
        model, dimension = self.encoder.model, self.encoder.dimension
        after = msgspec.structs.replace(checkpoint, model=model, dimension=dimension, preparation=PREPARATION)
        return _instead(record, encode(after), headers=record.headers)

    def _write(self, writer: ResumableWriter, messages: list[Message], note: str) -> None:
        position = writer.progress.position if writer.progress is not None else 0
        writer.write(messages, Progress(position + len(messages), note))


def _read_state(log: Log, settings: Settings) -> _State:
    stories = Newsloom(log, topic_prefix=settings.topic_prefix).stories()
    open_ids = {story.id for story in stories.values() if story.state is StoryState.OPEN}
    latest = latest_by_key(read_topic(log, topic_name(settings, ARTICLE_STORIES)))[::-1]
    state = _State({}, [])
    while latest:
        # Drop each record as soon as it is decoded, so that a large state is not in memory twice.
        record = latest.pop()
        value = decode_state(record.value or b"")
        record = replace(record, value=None)
        if isinstance(value, Checkpoint):
            state.checkpoints.append((record, value))
        elif value.story_id in open_ids:
            state.members[value.edition, value.article_id] = _Stood(record, value)
    return state


def _texts(
    log: Log, settings: Settings, wanted: Mapping[ArticleKey, _Stood]
) -> Iterator[tuple[ArticleKey, PreparedText]]:
    """The prepared texts of the articles that stand in `articles` as the memberships know them, none of them corrected since.

    What is no longer `wanted` when its turn comes is left out: an article may stand there several times.
    """
    for record in read_topic(log, topic_name(settings, ARTICLES)):
        try:
            article = decode_article(record.value or b"")
        except InvalidValue:
            continue
        stood = wanted.get((article.edition, article.id))
        if stood is not None and content_digest(article) == stood.member.digest:
            text = prepare(article)
            if text.passage:
                yield (article.edition, article.id), text


def _instead(record: Record, value: bytes, *, headers: tuple[tuple[str, bytes], ...]) -> Message:
    return Message(record.topic, record.key, value, headers, record.partition, record.timestamp_ms)
