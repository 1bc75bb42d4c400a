"""Replace the vectors in a copied state with those of another model.

Stories, ids, versions, histories and decisions stay unchanged: from then on the clusterer compares new articles with the old
ones by the new model. Only articles of open stories are compared, so only they are embedded; their texts come from `articles`.
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
from newsloom.contracts.vector import PREPARATION, ArticleVector
from newsloom.log_names import group_name, topic_name
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.records import Message, Record
from newsloom.streaming.resumable_writer import ResumableWriter
from newsloom.streaming.scan import latest_by_key, read_topic
from newsloom.subscribe import Newsloom
from services.clusterer.core.fixed_point import decode_half, encode_int16
from services.embedder.encoder import Encoder
from services.embedder.fingerprints import content_digest
from services.embedder.preparation import PreparedText, prepare
from services.embedder.step import encode_texts

BATCH_ARTICLES: Final = 64
PROGRESS_EVERY: Final = 1_024
VECTORS_KEPT: Final = "vectors-kept"
"""Header of a membership that has the same vectors as before: a migration that is continued has to know."""

ArticleKey = tuple[str, str]
"""Edition and article id."""


@dataclass(frozen=True, slots=True)
class _StoredMember:
    """A membership and its record, without the record's value."""

    record: Record
    member: Membership


@dataclass(frozen=True, slots=True)
class _StoredState:
    """The memberships of open stories, and the checkpoints, in `article-stories`."""

    members: dict[ArticleKey, _StoredMember]
    checkpoints: list[tuple[Record, Checkpoint]]


@dataclass(frozen=True, slots=True)
class Reembedder:
    """Embed a copied state with `encoder`. `from_titles`: if an article's text is gone, embed its title alone."""

    encoder: Encoder
    from_titles: bool = False

    def check(self, log: Log, settings: Settings) -> None:
        """Raise `ConfigurationError` if the state under these settings cannot be embedded with the encoder."""
        state = _read_state(log, settings)
        made_with = {(checkpoint.model, checkpoint.preparation) for _, checkpoint in state.checkpoints}
        if made_with == {(self.encoder.model, PREPARATION)}:
            raise ConfigurationError(
                f"--model {self.encoder.model!r}: the stories under {settings.topic_prefix} use this model already"
            )
        waiting = self._count_waiting(log, settings)
        if waiting:
            raise ConfigurationError(
                "vectors of the old model or text preparation still wait for the clusterer in "
                f"{topic_name(settings, ARTICLE_VECTORS)} ({waiting:,}): run it, without the embedder, until it has processed all"
            )
        without_text = dict(state.members)
        for key, _ in _read_texts(log, settings, without_text):
            del without_text[key]
        self._check_titles(settings, without_text, len(state.members))

    def _count_waiting(self, log: Log, settings: Settings) -> int:
        """Count the vectors that wait for the clusterer and could not be compared with the new ones."""
        topic, group = topic_name(settings, ARTICLE_VECTORS), group_name(settings, CLUSTERER.name)
        if not log.admin().backlog(group, [topic]):
            return 0
        committed = log.admin().committed_offsets(group, [topic])
        waiting = (one for one in read_topic(log, topic) if one.offset >= committed.get(one.topic_partition, 0))
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
        self, log: Log, target: Settings, writer: ResumableWriter, *, note: str, on_progress: Callable[[str], None]
    ) -> None:
        """Write the memberships of open stories with new vectors, except those already written; then the checkpoints.

        Raises:
            ConfigurationError: retention has deleted a text since `check`.

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
            if before // PROGRESS_EVERY != (total - len(left)) // PROGRESS_EVERY or not left:
                on_progress(f"embedded {total - len(left):>8,}  of {total:,} articles in open stories")
        changed, known = self._changed_editions(log, target)
        checkpoints = [
            self._checkpoint(record, checkpoint, is_same=checkpoint.edition in known - changed)
            for record, checkpoint in state.checkpoints
        ]
        self._write(writer, checkpoints, note)

    @staticmethod
    def _changed_editions(log: Log, target: Settings) -> tuple[set[str], set[str]]:
        """Return the editions in which a vector has changed, and those with any article that was embedded again."""
        state = _read_state(log, target)
        changed = {edition for (edition, _), one in state.members.items() if one.record.header(VECTORS_KEPT) is None}
        return changed, {edition for edition, _ in state.members}

    def _all_texts(
        self, log: Log, target: Settings, left: dict[ArticleKey, _StoredMember], total: int
    ) -> Iterator[tuple[ArticleKey, PreparedText]]:
        without_text = dict(left)
        for key, text in _read_texts(log, target, without_text):
            del without_text[key]
            yield key, text
        self._check_titles(target, without_text, total)
        for key, one in without_text.items():
            yield key, PreparedText(title=one.member.title, lead="", body="", words=0)

    def _check_titles(self, settings: Settings, without_text: Mapping[ArticleKey, _StoredMember], total: int) -> None:
        missing = [key for key, one in without_text.items() if not (self.from_titles and one.member.title)]
        if not missing:
            return
        edition, article_id = min(missing)
        hint = "they have no title either" if self.from_titles else "or use their titles, with --from-titles"
        raise ConfigurationError(
            f"retention has deleted the texts of {len(missing):,} of {total:,} articles in open stories from "
            f"{topic_name(settings, ARTICLES)}; the first: {article_id!r} of edition {edition}. "
            f"Ingest these articles again, unchanged (`newsloom ingest -`; that changes no story); {hint}"
        )

    def _member(self, stored: _StoredMember, title_vector: bytes, lead_vector: bytes) -> Message:
        member = msgspec.structs.replace(
            stored.member,
            title_vector=encode_int16(decode_half(title_vector, "title_vector")),
            # As the clusterer does: it does not compare boilerplate, and uses the title's vector instead.
            lead_vector=encode_int16(
                decode_half(lead_vector if stored.member.boilerplate_of is None else title_vector, "lead_vector")
            ),
        )
        headers = tuple(
            (name, value) for name, value in stored.record.headers if name not in {EMBEDDED_WITH, VECTORS_KEPT}
        )
        headers = (*headers, (EMBEDDED_WITH, self._embedded_with.encode()))
        if member == stored.member:
            headers = (*headers, (VECTORS_KEPT, b"1"))
        return _replacement(stored.record, encode(member), headers=headers)

    @property
    def _embedded_with(self) -> str:
        return f"{self.encoder.model} {PREPARATION}"

    def _checkpoint(self, record: Record, checkpoint: Checkpoint, *, is_same: bool) -> Message:
        """Return the checkpoint for the new model; `is_same` if it gives the same vectors, as under another name."""
        model, dimension = self.encoder.model, self.encoder.dimension
        # The articles of closed stories keep the vectors of the old model.
        after = msgspec.structs.replace(
            checkpoint,
            model=model,
            dimension=dimension,
            preparation=PREPARATION,
            comparable_from=checkpoint.next_sequence,
            zero_point=checkpoint.zero_point if is_same else None,
            language_zero_points=checkpoint.language_zero_points if is_same else {},
        )
        return _replacement(record, encode(after), headers=record.headers)

    def _write(self, writer: ResumableWriter, messages: list[Message], note: str) -> None:
        position = writer.progress.position if writer.progress is not None else 0
        writer.write(messages, Progress(position + len(messages), note))


def _read_state(log: Log, settings: Settings) -> _StoredState:
    stories = Newsloom(log, topic_prefix=settings.topic_prefix).stories()
    open_ids = {story.id for story in stories.values() if story.state is StoryState.OPEN}
    latest = latest_by_key(read_topic(log, topic_name(settings, ARTICLE_STORIES)))[::-1]
    state = _StoredState({}, [])
    while latest:
        # Drop each record as soon as it is decoded, so that a large state is not in memory twice.
        record = latest.pop()
        value = decode_state(record.value or b"")
        record = replace(record, value=None)
        if isinstance(value, Checkpoint):
            state.checkpoints.append((record, value))
        elif value.story_id in open_ids:
            state.members[value.edition, value.article_id] = _StoredMember(record, value)
    return state


def _read_texts(
    log: Log, settings: Settings, wanted: Mapping[ArticleKey, _StoredMember]
) -> Iterator[tuple[ArticleKey, PreparedText]]:
    """Yield the prepared texts in `articles` that are still those of the memberships, not corrected since.

    An article may be there several times: the caller removes it from `wanted` after the first.
    """
    for record in read_topic(log, topic_name(settings, ARTICLES)):
        try:
            article = decode_article(record.value or b"")
        except InvalidValue:
            continue
        stored = wanted.get((article.edition, article.id))
        if stored is not None and content_digest(article) == stored.member.digest:
            text = prepare(article)
            if text.passage:
                yield (article.edition, article.id), text


def _replacement(record: Record, value: bytes, *, headers: tuple[tuple[str, bytes], ...]) -> Message:
    return Message(record.topic, record.key, value, headers, record.partition, record.timestamp_ms)
