"""Migrate an installation to another topic prefix: with another number of state partitions, or with another model.

1. Copy everything while the services are stopped (`copier`). Records that they have processed come first; then the groups are
   advanced behind them; then come the unprocessed records. So nothing is lost or repeated, although offsets differ between
   original and copy. The old topics are only read.
2. With another model, embed the articles of open stories in the copy (`reembedder`). The old services may run meanwhile.
3. Verify the copy.

The progress is stored in the log together with the records: run again, an interrupted migration continues.
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
from newsloom.streaming.batching import BATCH_RECORDS_MAX
from newsloom.streaming.errors import ConfigurationError, LogError
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.resumable_writer import ResumableWriter
from newsloom.subscribe import Newsloom
from services.migration.copier import MIGRATED, Copier
from services.migration.follower import FORWARDED, follow_group
from services.migration.target import target_topics
from services.verifier.verification import find_violations

if TYPE_CHECKING:
    from services.migration.reembedder import Reembedder

POLL_TIMEOUT_MS: Final = 500
COPYING, EMBEDDING, DONE = "copying", "embedding", "done"
"""The state of a migration: the first word of its progress note."""


class InconsistentTopics(LogError):
    """The original or the copy violates an invariant, or they differ: do not use the copy."""


@dataclass(frozen=True, slots=True)
class MigrationResult:
    """Number of stories and articles under the new prefix."""

    stories: int
    articles: int


def migrate(
    log: Log,
    settings: Settings,
    target: Settings,
    on_progress: Callable[[str], None],
    reembedder: Reembedder | None = None,
) -> MigrationResult:
    """Copy everything under `settings.topic_prefix` to `target.topic_prefix`, with `target.state_partitions`.

    With `reembedder`, the copy gets vectors of its encoder's model, which must be `target.model`. `on_progress` gets a line for
    each step. An interrupted migration continues.

    Raises:
        ConfigurationError: topics with other contents exist under the target's prefix; a topic is missing; the state cannot be
            embedded with the model.
        InconsistentTopics: the original or the copy violates an invariant.
        TopicsChanged: a service or a producer is running.
        LogUnavailable, CommitFailed: the log stayed away; call again to continue.

    """
    with closing(ResumableWriter(log, f"{target.topic_prefix}migrate")) as writer:
        return _Migration(log, settings, target, writer, on_progress, reembedder).run()


@dataclass(frozen=True, slots=True)
class _Migration:
    log: Log
    settings: Settings
    target: Settings
    writer: ResumableWriter
    on_progress: Callable[[str], None]
    reembedder: Reembedder | None

    def run(self) -> MigrationResult:
        progress = _unfinished_progress(self.log, self.settings, self.target, self.writer.progress)
        if progress is None or progress.note.startswith(COPYING):
            self._copy(progress)
        elif self.reembedder is None or progress.note != self._embedding_note:
            raise self._changed_error()
        if self.reembedder is not None:
            self._embed(self.reembedder)
        _verify(self.log, self.target)
        self.on_progress(f"verified: every invariant holds under {self.target.topic_prefix}")
        stories, memberships = _published_digests(self.log, self.target)
        self._write_note(DONE)
        return MigrationResult(len(stories), len(memberships))

    def _copy(self, progress: Progress | None) -> None:
        log, settings, target = self.log, self.settings, self.target
        _verify(log, settings)
        self.on_progress(f"verified: every invariant holds under {settings.topic_prefix}")
        if self.reembedder is not None:
            self.reembedder.check(log, settings)
        new_model = None if self.reembedder is None else target.model
        note = f"{COPYING} {_fingerprint(log, settings, target, new_model)}"
        if progress is None:
            log.admin().create(target_topics(log, settings, target))
        elif progress.note != note:
            raise self._changed_error()
        copier = Copier(
            log=log,
            settings=settings,
            target=target,
            writer=self.writer,
            written_before=0 if progress is None else progress.position,
            note=note,
            new_model=new_model,
            on_progress=self.on_progress,
        )
        copier.copy_processed()
        if not copier.is_resuming:
            for service in MIGRATED:
                _advance_group(log, target, group_name(target, service.name), topic_names(target, service.consumes))
        copier.copy_unprocessed()
        # `newsloom migrate --follow` will start behind the copied records.
        _advance_group(log, target, follow_group(target), topic_names(settings, FORWARDED))
        _verify(log, settings)
        if _published_digests(log, settings) != _published_digests(log, target):
            raise InconsistentTopics(
                f"the stories under {target.topic_prefix} differ from those under {settings.topic_prefix}"
            )

    def _embed(self, reembedder: Reembedder) -> None:
        self._write_note(self._embedding_note)
        self.on_progress(
            f"copied: services and producers under {self.settings.topic_prefix} may be started again; those under "
            f"{self.target.topic_prefix} not yet"
        )
        before = _published_digests(self.log, self.target)
        reembedder.run(self.log, self.target, self.writer, note=self._embedding_note, on_progress=self.on_progress)
        if before != _published_digests(self.log, self.target):
            raise InconsistentTopics(f"the stories under {self.target.topic_prefix} differ from those that were copied")

    @property
    def _embedding_note(self) -> str:
        return f"{EMBEDDING} {self.target.state_partitions} {self.target.model}"

    def _write_note(self, note: str) -> None:
        progress = self.writer.progress
        self.writer.write([], Progress(0 if progress is None else progress.position, note))

    def _changed_error(self) -> ConfigurationError:
        return ConfigurationError(
            f"an earlier migration to {self.target.topic_prefix} was interrupted and cannot continue: the options differ, or "
            "services, producers or retention have changed the old topics since. Choose another prefix"
        )


def _unfinished_progress(log: Log, settings: Settings, target: Settings, progress: Progress | None) -> Progress | None:
    """Return the progress of an unfinished migration, if any; raise `ConfigurationError` if the target has other contents."""
    names = topic_names(target, TOPICS)
    existing = log.admin().describe(names)
    if not existing:
        return None
    if progress is not None and progress.note.partition(" ")[0] in (COPYING, EMBEDDING):
        return progress
    ends = log.admin().end_offsets(sorted(existing))
    planned = {spec.name: spec.partitions for spec in target_topics(log, settings, target)}
    for name in sorted(existing):
        is_empty = not any(end for source, end in ends.items() if source.topic == name)
        if not is_empty or existing[name].partitions != planned[name]:
            finished = "this migration is finished; " if progress is not None and progress.note == DONE else ""
            raise ConfigurationError(f"{finished}topic {name} exists already: choose a prefix without topics")
    return None


def _fingerprint(log: Log, settings: Settings, target: Settings, new_model: str | None) -> str:
    """Hash everything that the order of the copies depends on."""
    admin = log.admin()
    names = topic_names(settings, TOPICS)
    committed = [
        sorted(
            admin.committed_offsets(group_name(settings, service.name), topic_names(settings, service.consumes)).items()
        )
        for service in MIGRATED
    ]
    offsets = (sorted(admin.start_offsets(names).items()), sorted(admin.end_offsets(names).items()), committed)
    content = repr((offsets, target.state_partitions, new_model)).encode()
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _published_digests(log: Log, settings: Settings) -> tuple[dict[str, bytes], dict[tuple[str, str], bytes]]:
    """Return digests of everything that must not change: the stories, and the memberships without their vectors."""
    newsloom = Newsloom(log, topic_prefix=settings.topic_prefix)
    memberships = {
        key: _digest(msgspec.structs.replace(member, title_vector=b"", lead_vector=b""))
        for key, member in newsloom.memberships().items()
    }
    return {story_id: _digest(story) for story_id, story in newsloom.stories().items()}, memberships


def _digest(value: msgspec.Struct) -> bytes:
    return hashlib.blake2b(encode(value), digest_size=16).digest()


def _verify(log: Log, settings: Settings) -> None:
    violations = find_violations(log, settings)
    if violations:
        raise InconsistentTopics(
            f"{len(violations)} violations under {settings.topic_prefix}, the first: {violations[0]}; "
            "see `newsloom state verify`"
        )


def _advance_group(log: Log, target: Settings, group: str, topics: Sequence[str]) -> None:
    """Commit the end offsets of the topics for a group."""
    # As the first instance that will join: it then takes over at once, without waiting for another member's session to end.
    with closing(log.worker(group=group, instance=target.instance, topics=topics)) as worker:
        while log.admin().backlog(group, topics):
            batch = worker.poll(max_records=BATCH_RECORDS_MAX, timeout_ms=POLL_TIMEOUT_MS)
            worker.commit(batch, [])
