"""An installation under another prefix: its editions spread over another number of partitions, or its vectors of another model.

1. Everything is copied while the services stand still (`copying`). What they have taken in comes first, and their groups are
taken behind it; what they have not taken in comes behind that: so nothing is lost and nothing comes twice, on any log, without
a word about offsets, which differ between the two. The old topics are only read. 2. With another model, the articles of open
stories get its vectors in the copy (`reembedding`); the old services may be at work again meanwhile. 3. The copy is verified.

How far it has come stands in the log, with what it writes: given again, an interrupted migration goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from newsloom.contracts.codec import encode
from newsloom.contracts.pipeline import TOPICS
from newsloom.log_names import group_name, topic_names
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError, LogError
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.resumable_writer import ResumableWriter
from newsloom.subscribe import Newsloom
from services.migration.copier import MIGRATED, Copy
from services.migration.follower import FOLLOWED, group_of
from services.migration.target import planned_topics
from services.verifier.verification import find_violations

if TYPE_CHECKING:
    from services.migration.reembedder import Reembedding

BATCH_RECORDS_MAX: Final = 500
POLL_TIMEOUT_MS: Final = 500
COPYING, EMBEDDING, DONE = "copying", "embedding", "done"
"""What a migration is at: the first word of the note in its progress."""


class BooksDisagree(LogError):
    """The topics do not agree with each other, or the copy not with them: nobody should go on from the copy."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """What stands under the new prefix."""

    stories: int
    articles: int


def migrate(
    log: Log,
    settings: Settings,
    target: Settings,
    told: Callable[[str], None],
    reembedding: Reembedding | None = None,
) -> Migrated:
    """Copy everything under `settings.topic_prefix` to `target.topic_prefix`, with `target.state_partitions`.

    With `reembedding`, the copy goes over to its encoder's model, which is `target.model`. `told` gets a line for each step.
    A migration that was interrupted goes on where it was.

    Raises:
        ConfigurationError: there is something else under the target's prefix already; a topic is missing; the state cannot go
            over to the model.
        BooksDisagree: an invariant does not hold, of the old topics or of the copy.
        TopicsChanged: a service or a producer is at work.
        LogUnavailable, CommitFailed: the log stayed away; the same again goes on from here.

    """
    with closing(ResumableWriter(log, f"{target.topic_prefix}migrate")) as writer:
        return _Migration(log, settings, target, writer, told, reembedding).run()


@dataclass(frozen=True, slots=True)
class _Migration:
    log: Log
    settings: Settings
    target: Settings
    writer: ResumableWriter
    told: Callable[[str], None]
    reembedding: Reembedding | None

    def run(self) -> Migrated:
        begun = _begun(self.log, self.settings, self.target, self.writer.progress)
        if begun is None or begun.note.startswith(COPYING):
            self._copy(begun)
        elif self.reembedding is None or begun.note != self._embedding:
            raise self._begun_otherwise()
        if self.reembedding is not None:
            self._embed(self.reembedding)
        _check_books(self.log, self.target)
        self.told(f"verified: every invariant holds under {self.target.topic_prefix}")
        stories, memberships = _published(self.log, self.target)
        self._note(DONE)
        return Migrated(len(stories), len(memberships))

    def _copy(self, begun: Progress | None) -> None:
        log, settings, target = self.log, self.settings, self.target
        _check_books(log, settings)
        self.told(f"verified: every invariant holds under {settings.topic_prefix}")
        if self.reembedding is not None:
            self.reembedding.check(log, settings)
        new_model = None if self.reembedding is None else target.model
        note = f"{COPYING} {_fingerprint(log, settings, target, new_model)}"
        if begun is None:
            log.admin().create(planned_topics(log, settings, target))
        elif begun.note != note:
            raise self._begun_otherwise()
        copy = Copy(
            log,
            settings,
            target,
            self.writer,
            written_before=0 if begun is None else begun.position,
            note=note,
            new_model=new_model,
            told=self.told,
        )
        copy.taken_in()
        if not copy.is_ahead:
            for service in MIGRATED:
                _pass(log, target, group_name(target, service.name), topic_names(target, service.consumes))
        copy.not_taken_in()
        # Whoever follows the old topics begins behind what was copied.
        _pass(log, target, group_of(target), topic_names(settings, FOLLOWED))
        _check_books(log, settings)
        if _published(log, settings) != _published(log, target):
            raise BooksDisagree(f"the stories under {target.topic_prefix} are not those under {settings.topic_prefix}")

    def _embed(self, reembedding: Reembedding) -> None:
        self._note(self._embedding)
        self.told(
            f"copied: services and producers under {self.settings.topic_prefix} may be started again; those under "
            f"{self.target.topic_prefix} not yet"
        )
        before = _published(self.log, self.target)
        reembedding.run(self.log, self.target, self.writer, note=self._embedding, told=self.told)
        if before != _published(self.log, self.target):
            raise BooksDisagree(f"the stories under {self.target.topic_prefix} are not those that were copied")

    @property
    def _embedding(self) -> str:
        return f"{EMBEDDING} {self.target.state_partitions} {self.target.model}"

    def _note(self, note: str) -> None:
        progress = self.writer.progress
        self.writer.write([], Progress(0 if progress is None else progress.position, note))

    def _begun_otherwise(self) -> ConfigurationError:
        return ConfigurationError(
            f"a migration to {self.target.topic_prefix} was begun and did not end, and now something differs: the options, or "
            "the old topics, on which services, producers or retention were at work. Name another prefix"
        )


def _begun(log: Log, settings: Settings, target: Settings, progress: Progress | None) -> Progress | None:
    """The progress of a migration to the target that has not ended; raises ConfigurationError if other things stand there."""
    names = topic_names(target, TOPICS)
    existing = log.admin().describe(names)
    if not existing:
        return None
    if progress is not None and progress.note.partition(" ")[0] in (COPYING, EMBEDDING):
        return progress
    ends = log.admin().end_offsets(sorted(existing))
    planned = {spec.name: spec.partitions for spec in planned_topics(log, settings, target)}
    for name in sorted(existing):
        is_empty = not any(end for source, end in ends.items() if source.topic == name)
        if not is_empty or existing[name].partitions != planned[name]:
            ended = "the migration has ended; " if progress is not None and progress.note == DONE else ""
            raise ConfigurationError(
                f"{ended}topic {name} exists already: name a prefix under which there is nothing yet"
            )
    return None


def _fingerprint(log: Log, settings: Settings, target: Settings, new_model: str | None) -> str:
    """What the order of the copies follows from."""
    admin = log.admin()
    names = topic_names(settings, TOPICS)
    committed = [
        sorted(
            admin.committed_offsets(group_name(settings, service.name), topic_names(settings, service.consumes)).items()
        )
        for service in MIGRATED
    ]
    stand = (sorted(admin.start_offsets(names).items()), sorted(admin.end_offsets(names).items()), committed)
    told = repr((stand, target.state_partitions, new_model)).encode()
    return hashlib.blake2b(told, digest_size=16).hexdigest()


def _published(log: Log, settings: Settings) -> tuple[dict[str, bytes], dict[tuple[str, str], bytes]]:
    """What must not change: digests of the stories, and of the memberships but for their vectors."""
    newsloom = Newsloom(log, topic_prefix=settings.topic_prefix)
    memberships = {
        key: _digest(msgspec.structs.replace(member, title_vector=b"", lead_vector=b""))
        for key, member in newsloom.memberships().items()
    }
    return {story_id: _digest(story) for story_id, story in newsloom.stories().items()}, memberships


def _digest(value: msgspec.Struct) -> bytes:
    return hashlib.blake2b(encode(value), digest_size=16).digest()


def _check_books(log: Log, settings: Settings) -> None:
    found = find_violations(log, settings)
    if found:
        raise BooksDisagree(
            f"{len(found)} violations under {settings.topic_prefix}, the first: {found[0]}; see `newsloom state verify`"
        )


def _pass(log: Log, target: Settings, group: str, topics: Sequence[str]) -> None:
    """Take a group behind everything that stands in its topics."""
    # As the instance that will come first: it takes its own place over at once, and waits for no session to end.
    with closing(log.worker(group=group, instance=target.instance, topics=topics)) as worker:
        while log.admin().backlog(group, topics):
            batch = worker.poll(max_records=BATCH_RECORDS_MAX, timeout_ms=POLL_TIMEOUT_MS)
            worker.commit(batch, [])
