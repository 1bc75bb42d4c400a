"""From what the log holds of a partition to engines, and back."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from newsloom.contracts.codec import InvalidValue, decode_state, decode_story
from newsloom.contracts.membership import Checkpoint, Membership
from newsloom.contracts.story import Story
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.records import Record
from services.clusterer.core.calibration import Calibration, uncalibrated
from services.clusterer.core.edition import Edition
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.restoring import CorruptState, restored_edition

REMEDY: Final = "the service does not start from half a state: restore the topic from a replica or a backup"

T = TypeVar("T")


def restored_engines(
    stories: Iterable[Record],
    memberships: Iterable[Record],
    *,
    model: str,
    calibration: Calibration | None,
    parameters: Parameters,
    at_one_moment: bool = True,
) -> dict[str, Engine]:
    """An engine for every edition of the partition whose `stories` and `article-stories` these records are.

    Not `at_one_moment`: the stories were read first, the memberships while an engine went on. What has changed in between is
    left out, which is good enough to look at and never to go on from.

    Raises:
        ConfigurationError: a record cannot be read, the state contradicts itself, or another model made it.

    """
    checkpoints: dict[str, Checkpoint] = {}
    members: defaultdict[str, list[Membership]] = defaultdict(list)
    for value in _latest(memberships, decode_state):
        if isinstance(value, Checkpoint):
            checkpoints[value.edition] = value
        else:
            members[value.edition].append(value)
    published: defaultdict[str, list[Story]] = defaultdict(list)
    for story in _latest(stories, decode_story):
        published[story.edition].append(story)
    if not at_one_moment:
        for name in published:
            published[name], members[name] = _settled(published[name], members[name])
    _check_editions(checkpoints, published, members)
    engines = {}
    for name, checkpoint in checkpoints.items():
        _check_model(checkpoint, model, calibration)
        own = calibration or uncalibrated(checkpoint.model, checkpoint.dimension)
        try:
            engines[name] = Engine(
                restored_edition(checkpoint, published[name], members[name], calibration=own, parameters=parameters)
            )
        except CorruptState as error:
            raise ConfigurationError(f"edition {name}: {error}; {REMEDY}") from error
    return engines


def checkpoint_of(edition: Edition) -> Checkpoint:
    """How far the edition has come."""
    return Checkpoint(
        edition=edition.name,
        watermark=edition.watermark,
        next_sequence=edition.next_sequence,
        model=edition.calibration.model,
        dimension=edition.calibration.dimension,
    )


def _settled(stories: Sequence[Story], memberships: Sequence[Membership]) -> tuple[list[Story], list[Membership]]:
    """The stories that have as many articles as they say, and their articles."""
    counts = Counter(member.story_id for member in memberships)
    settled = {story.id: story for story in stories if counts[story.id] == story.article_count}
    return list(settled.values()), [member for member in memberships if member.story_id in settled]


def _latest(records: Iterable[Record], decode: Callable[[bytes], T]) -> list[T]:
    latest: dict[bytes | None, Record] = {}
    for record in records:
        if record.value is None:
            latest.pop(record.key, None)
        else:
            latest[record.key] = record
    return [_decoded(record, decode) for record in latest.values()]


def _decoded(record: Record, decode: Callable[[bytes], T]) -> T:
    try:
        return decode(record.value or b"")
    except InvalidValue as error:
        place = f"{record.topic}, partition {record.partition}, offset {record.offset}"
        raise ConfigurationError(f"a state record cannot be read ({place}): {error}; {REMEDY}") from error


def _check_editions(
    checkpoints: dict[str, Checkpoint], *states: dict[str, list[Story]] | dict[str, list[Membership]]
) -> None:
    unknown = sorted({name for state in states for name in state} - set(checkpoints))
    if unknown:
        raise ConfigurationError(f"edition {unknown[0]} has stories or articles but no checkpoint; {REMEDY}")


def _check_model(checkpoint: Checkpoint, model: str, calibration: Calibration | None) -> None:
    if checkpoint.model != model:
        raise ConfigurationError(
            f"NEWSLOOM_MODEL is {model!r}, but the stories of edition {checkpoint.edition!r} were made with "
            f"{checkpoint.model!r} ({checkpoint.dimension} dimensions): set it back, or start anew under another "
            "NEWSLOOM_TOPIC_PREFIX and ingest again"
        )
    if calibration is not None and calibration.dimension != checkpoint.dimension:
        raise ConfigurationError(
            f"NEWSLOOM_CALIBRATION is for {calibration.dimension} dimensions, the stories of edition {checkpoint.edition!r} "
            f"have {checkpoint.dimension}: name the calibration they were made with"
        )
