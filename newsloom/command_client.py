"""Sending a command to the stories, and what becomes of it."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from newsloom.contracts.cloudevents import COMMAND_ISSUED, EventHeaders
from newsloom.contracts.codec import InvalidValue, decode_command, decode_update, encode
from newsloom.contracts.command import StoryCommand
from newsloom.contracts.story import StoryUpdate, UpdateKind
from newsloom.contracts.topics import DEAD_LETTERS, STORY_COMMANDS, STORY_UPDATES
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.dead_letters import REASON
from newsloom.streaming.log import Log, Progress, Reader
from newsloom.streaming.records import Message, Record
from newsloom.streaming.resumable_writer import ResumableWriter
from newsloom.streaming.scan import topic_partitions
from newsloom.traceparent import new_traceparent

SOURCE: Final = "newsloom/stories"
RECORDS_MAX: Final = 500
POLL_TIMEOUT_MS: Final = 200


@dataclass(frozen=True, slots=True)
class Done:
    """The command was carried out: the updates that tell of it, in the order of the log."""

    updates: tuple[StoryUpdate, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The command is a dead letter now; the stories are as they were."""

    reason: str


@dataclass(frozen=True, slots=True)
class Sending:
    """A command, the stories it is about, and how long to wait for it, in seconds; 0 does not wait."""

    command: StoryCommand
    stories: frozenset[str]
    wait_s: float


def send(log: Log, settings: Settings, sending: Sending, *, now: datetime) -> Done | Refused | None:
    """Write the command, once, and wait until it is carried out or refused; None if it was neither in time.

    Raises:
        ConfigurationError: a topic is missing.
        LogError: the log stayed away; whether the command is in it, nobody can say.

    """
    command = sending.command
    topic = topic_name(settings, STORY_COMMANDS)
    topic_partitions(log, topic)
    # Before the command is sent: what comes of it must not go by.
    letters = topic_name(settings, DEAD_LETTERS)
    watched = [*topic_partitions(log, topic_name(settings, STORY_UPDATES)), *topic_partitions(log, letters)]
    with closing(log.reader(watched, start="latest")) as reader:
        with closing(ResumableWriter(log, f"{settings.topic_prefix}command-{command.command_id}")) as writer:
            writer.write([command_message(command, topic=topic, now=now)], Progress(1))
        return _outcome(reader, sending, letters=letters) if sending.wait_s else None


def command_message(command: StoryCommand, *, topic: str, now: datetime) -> Message:
    """The record for `topic`; its timestamp will be the time of writing."""
    headers = EventHeaders(
        id=command.command_id,
        source=SOURCE,
        type=COMMAND_ISSUED,
        subject=f"{command.edition}/{command.command_id}",
        time=now,
        edition=command.edition,
        traceparent=new_traceparent(),
    )
    return Message(topic=topic, key=command.edition.encode(), value=encode(command), headers=headers.encode())


def _outcome(reader: Reader, sending: Sending, *, letters: str) -> Done | Refused | None:
    deadline = time.monotonic() + sending.wait_s
    told: list[StoryUpdate] = []
    while time.monotonic() < deadline:
        for record in reader.poll(max_records=RECORDS_MAX, timeout_ms=POLL_TIMEOUT_MS):
            if record.topic == letters:
                if _is_of(record, sending.command):
                    return Refused(record.header(REASON) or "no reason was given")
            elif (update := _update(record)) is not None and update.command is not None:
                told += [update] if update.command.id == sending.command.command_id else []
        # They were written together, but may stand in several partitions.
        halves = {story_id for update in told if update.kind is UpdateKind.SPLIT for story_id in update.split_into[-1:]}
        if told and sending.stories | halves <= {update.story_id for update in told}:
            break
    return Done(tuple(told)) if told else None


def _is_of(letter: Record, command: StoryCommand) -> bool:
    try:
        return decode_command(letter.value or b"").command_id == command.command_id
    except InvalidValue:
        return False


def _update(record: Record) -> StoryUpdate | None:
    try:
        return decode_update(record.value or b"")
    except InvalidValue:
        return None
