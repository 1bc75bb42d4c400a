"""Correct stories from a program: send a command and wait for its outcome.

    from newsloom import MergeStories, new_command, send_command

    command = new_command(MergeStories, edition="main", story_id=one, other_story_id=other, by="jane", why="one verdict")
    outcome = send_command(command, "kafka://host:9092")

The other commands are `SplitStory`, `MoveArticle`, `PinStory` and `UnpinStory`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from newsloom.contracts.cloudevents import COMMAND_ISSUED, EventHeaders
from newsloom.contracts.codec import InvalidValue, decode_command, decode_update, encode
from newsloom.contracts.command import PinStory, StoryCommand, UnpinStory
from newsloom.contracts.story import StoryUpdate, UpdateKind
from newsloom.contracts.topics import DEAD_LETTERS, STORY_COMMANDS, STORY_UPDATES
from newsloom.streaming.dead_letters import REASON
from newsloom.streaming.log import Progress, Reader
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message, Record
from newsloom.streaming.resumable_writer import ResumableWriter
from newsloom.streaming.scan import topic_partitions
from newsloom.traceparent import new_traceparent

SOURCE: Final = "newsloom/stories"
WAIT_S: Final = 30.0
RECORDS_MAX: Final = 500
POLL_TIMEOUT_MS: Final = 200

C = TypeVar("C", bound=StoryCommand)


@dataclass(frozen=True, slots=True)
class Applied:
    """The command was carried out: the updates it caused, in the order of the log."""

    updates: tuple[StoryUpdate, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """The command was not carried out and is now a dead letter; no story has changed."""

    reason: str


def new_command(kind: type[C], *, edition: str, by: str, why: str, **fields: Any) -> C:
    """Build a command with a new id, issued now; `fields` are the fields of its kind.

    Raises:
        InvalidValue: a value is not allowed, such as a blank `why`.

    """
    command_id, now = f"cmd-{uuid.uuid4().hex}", datetime.now(UTC)
    command = kind(command_id=command_id, edition=edition, by=by, why=why, issued_at=now, **fields)
    decode_command(encode(command))
    return command


def send_command(
    command: StoryCommand,
    url: str,
    *,
    topic_prefix: str = "news.",
    kafka_options: Mapping[str, str] | None = None,
    wait_s: float = WAIT_S,
) -> Applied | Rejected | None:
    """Write the command once and wait for its outcome; None if there is none after `wait_s` seconds (0: do not wait).

    A command without an outcome stays on the log: the services will carry it out when they run.

    Raises:
        ConfigurationError: `url` is not a log, or a topic is missing.
        LogError: the log stayed away, and the command may or may not be written.

    """
    with closing(open_log_url(url, kafka_options=kafka_options, create=False)) as log:
        commands, updates, dead_letters = (
            topic_prefix + topic.name for topic in (STORY_COMMANDS, STORY_UPDATES, DEAD_LETTERS)
        )
        topic_partitions(log, commands)
        outcomes = [*topic_partitions(log, updates), *topic_partitions(log, dead_letters)]
        # Open the reader before the command is written, so that it cannot miss the outcome.
        with closing(log.reader(outcomes, start="latest")) as reader:
            with closing(ResumableWriter(log, f"{topic_prefix}command-{command.command_id}")) as writer:
                writer.write([command_message(command, topic=commands)], Progress(1))
                writer.discard()
            return _wait_for_outcome(reader, command, dead_letters, wait_s) if wait_s else None


def command_message(command: StoryCommand, *, topic: str) -> Message:
    """Build the record for `topic`; the log sets its timestamp when it writes it."""
    headers = EventHeaders(
        id=command.command_id,
        source=SOURCE,
        type=COMMAND_ISSUED,
        subject=f"{command.edition}/{command.command_id}",
        time=command.issued_at,
        edition=command.edition,
        traceparent=new_traceparent(),
    )
    return Message(topic=topic, key=command.edition.encode(), value=encode(command), headers=headers.encode())


def _wait_for_outcome(
    reader: Reader, command: StoryCommand, dead_letters: str, wait_s: float
) -> Applied | Rejected | None:
    deadline = time.monotonic() + wait_s
    updates: list[StoryUpdate] = []
    while not _is_complete(command, updates) and time.monotonic() < deadline:
        for record in reader.poll(max_records=RECORDS_MAX, timeout_ms=POLL_TIMEOUT_MS):
            if record.topic == dead_letters:
                if _contains(record, command):
                    return Rejected(record.header(REASON) or "no reason was given")
            elif (update := _update_of(record, command)) is not None:
                updates.append(update)
    return Applied(tuple(updates)) if updates else None


def _is_complete(command: StoryCommand, updates: Sequence[StoryUpdate]) -> bool:
    # One transaction contains all updates of a command, but a poll may return those of one partition before the others.
    if isinstance(command, PinStory | UnpinStory):
        return bool(updates)
    # The other commands change two stories. A split also publishes an UPDATED of each story that is kept apart from both.
    return len({update.story_id for update in updates if update.kind is not UpdateKind.UPDATED}) > 1


def _contains(dead_letter: Record, command: StoryCommand) -> bool:
    try:
        return decode_command(dead_letter.value or b"").command_id == command.command_id
    except InvalidValue:
        return False


def _update_of(record: Record, command: StoryCommand) -> StoryUpdate | None:
    try:
        update = decode_update(record.value or b"")
    except InvalidValue:
        return None
    return update if update.command is not None and update.command.id == command.command_id else None
