"""Rebuild the engines of a partition from its state records, and check that these belong together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from newsloom.contracts.cloudevents import CHECKPOINT, MEMBERSHIP, STORY_SNAPSHOT
from newsloom.contracts.codec import InvalidValue, decode_state, decode_story
from newsloom.contracts.membership import Checkpoint, Membership
from newsloom.contracts.pipeline import EVENT_TYPE
from newsloom.contracts.story import Story
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.records import Record
from newsloom.streaming.scan import latest_by_key
from services.clusterer.core.calibration import Calibration, zero_calibration
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.restore import CorruptState, restore_edition
from services.clusterer.core.space import timestamp

READABLE_TYPES: Final = frozenset({STORY_SNAPSHOT, MEMBERSHIP, CHECKPOINT})
"""The event types of readable state records. An incompatible change of a schema gets a new type: `...v2`."""
REMEDY: Final = "the clusterer does not start from an incomplete state: restore the topic from a replica or a backup"

T = TypeVar("T")


def restore_engines(
    stories: Iterable[Record],
    memberships: Iterable[Record],
    *,
    model: str,
    calibration: Calibration | None,
    parameters: Parameters,
    consistent: bool = True,
    on_progress: Callable[[int, int], None] = lambda _articles, _of: None,
) -> Iterator[Engine]:
    """Yield an engine for each edition of a partition, from the records of `stories` and `article-stories`.

    Without `consistent`, a clusterer may have written after `stories` was read and before `article-stories` was. Stories that
    changed in between are then left out: enough for an audit, never to go on from. `on_progress` gets the number of articles
    rebuilt so far and the total.

    Raises:
        ConfigurationError: a record cannot be read or was written by a newer version, stories and memberships contradict each
            other, or the state was made with another model.

    """
    state = _read(stories, memberships)
    if not consistent:
        state.drop_inconsistent()
    _check_editions(state.checkpoints, state.stories, state.members)
    total, built = sum(map(len, state.members.values())), 0

    def count(articles: int) -> None:
        nonlocal built
        built += articles
        on_progress(built, total)

    for name, checkpoint in state.checkpoints.items():
        _check_model(checkpoint, model, calibration)
        try:
            edition = restore_edition(
                checkpoint,
                state.stories.pop(name, []),
                state.members.pop(name, []),
                calibration=calibration or zero_calibration(checkpoint.model, checkpoint.dimension),
                parameters=parameters,
                written_at=state.written_at,
                on_story=count,
            )
        except CorruptState as error:
            raise ConfigurationError(f"edition {name}: {error}; {REMEDY}") from error
        yield Engine(edition)


@dataclass(slots=True)
class _State:
    """The state records of a partition, by edition."""

    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    stories: defaultdict[str, list[Story]] = field(default_factory=lambda: defaultdict(list))
    written_at: dict[str, datetime] = field(default_factory=dict)
    members: defaultdict[str, list[Membership]] = field(default_factory=lambda: defaultdict(list))

    def drop_inconsistent(self) -> None:
        """Drop the stories whose article count differs from their number of memberships."""
        for name, stories in self.stories.items():
            counts = Counter(member.story_id for member in self.members[name])
            kept = {story.id: story for story in stories if counts[story.id] == story.article_count}
            self.stories[name] = list(kept.values())
            self.members[name] = [member for member in self.members[name] if member.story_id in kept]


def _read(stories: Iterable[Record], memberships: Iterable[Record]) -> _State:
    state = _State()
    for _, value in _latest(memberships, decode_state):
        if isinstance(value, Checkpoint):
            state.checkpoints[value.edition] = value
        else:
            state.members[value.edition].append(value)
    for written_at, story in _latest(stories, decode_story):
        state.stories[story.edition].append(story)
        state.written_at[story.id] = written_at
    return state


def checkpoint_of(edition: EditionState) -> Checkpoint:
    """Return the checkpoint of the edition."""
    return Checkpoint(
        edition=edition.name,
        watermark=edition.watermark,
        next_sequence=edition.next_sequence,
        model=edition.calibration.model,
        dimension=edition.calibration.dimension,
        preparation=edition.preparation,
        clock=edition.clock.state(),
        stories_forgotten=edition.stories_forgotten,
        comparable_from=edition.comparable_from,
        zero_point=edition.indexes.zero_points.edition.state(),
        language_zero_points=edition.indexes.zero_points.language_states(),
    )


def _latest(records: Iterable[Record], decode: Callable[[bytes], T]) -> list[tuple[datetime, T]]:
    """Return the latest value of each key, with the timestamp of its record."""
    latest = latest_by_key(records)[::-1]
    # Drop each record as soon as it is decoded, so that a large state is not in memory twice.
    return [_with_timestamp(latest.pop(), decode) for _ in range(len(latest))]


def _with_timestamp(record: Record, decode: Callable[[bytes], T]) -> tuple[datetime, T]:
    return timestamp(record.timestamp_ms), _decode(record, decode)


def _decode(record: Record, decode: Callable[[bytes], T]) -> T:
    position = f"{record.topic}, partition {record.partition}, offset {record.offset}"
    written_as = record.header(EVENT_TYPE)
    if written_as is not None and written_as not in READABLE_TYPES:
        raise ConfigurationError(
            f"a state record ({position}) has type {written_as}; this version of newsloom reads only "
            f"{', '.join(sorted(READABLE_TYPES))}. A newer version wrote it: start that version or a later one"
        )
    try:
        return decode(record.value or b"")
    except InvalidValue as error:
        raise ConfigurationError(f"a state record cannot be read ({position}): {error}; {REMEDY}") from error


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
            f"{checkpoint.model!r} ({checkpoint.dimension} dimensions): set it back, or migrate the stories to the new "
            "model with `newsloom migrate --model`"
        )
    if calibration is not None and calibration.dimension != checkpoint.dimension:
        raise ConfigurationError(
            f"NEWSLOOM_CALIBRATION is for {calibration.dimension} dimensions, the stories of edition {checkpoint.edition!r} "
            f"have {checkpoint.dimension}: set the calibration of their model"
        )
