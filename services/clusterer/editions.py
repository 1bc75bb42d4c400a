"""The editions of a partition. Producers may name any number of them, so memory follows their articles and not their number."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from newsloom.contracts.codec import encode
from newsloom.contracts.membership import Checkpoint, Membership
from newsloom.contracts.story import Story
from services.clusterer.core.calibration import Calibration
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.restore import restore_edition
from services.clusterer.core.space import timestamp, unix_ms
from services.clusterer.state import checkpoint_of
from services.freed_memory import return_freed_memory

AWAKE_MAX: Final = 1_000
"""An edition of few articles takes about 40 KB with its indexes, and about 5 KB without."""
DORMANT_ARTICLES_MAX: Final = 16
"""Larger editions always keep their indexes: to build them again takes a millisecond for a few articles."""
PACKED_MAX: Final = 1_000
"""After so many engines have become dormant states, their memory goes back to the operating system: it takes some 10 ms."""


class EditionSize(NamedTuple):
    """What the metrics count in an edition."""

    stories: int
    open_stories: int
    comparable_closed_stories: int
    articles: int
    window_reports: int
    loose_stories: int


class _StoryState(msgspec.Struct, frozen=True):
    """A story as it is published, and when the latest record arrived that changed it."""

    story: Story
    arrived_ms: int


class _PublishedState(msgspec.Struct, frozen=True):
    """What a restore of an edition reads, in the encoding of the log."""

    checkpoint: Checkpoint
    stories: list[_StoryState]
    members: list[Membership]


class _Dormant(NamedTuple):
    """A compressed `_PublishedState`, and the calibration of its vectors."""

    state: bytes
    size: EditionSize
    calibration: Calibration


class Editions:
    """The engines by edition. Small editions without recent events are dormant: kept as their published state.

    A restored engine continues like one that never stopped, so it makes no difference which editions are dormant.
    """

    def __init__(
        self,
        calibration: Calibration | None,
        parameters: Parameters,
        *,
        awake_max: int = AWAKE_MAX,
        dormant_articles_max: int = DORMANT_ARTICLES_MAX,
    ) -> None:
        self.calibration = calibration
        self._awake_max = awake_max
        self._dormant_articles_max = dormant_articles_max
        self._parameters = parameters
        self._awake: dict[str, Engine] = {}
        self._dormant: dict[str, _Dormant] = {}
        self._packed = 0

    def __len__(self) -> int:
        """Return the number of editions."""
        return len(self._awake) + len(self._dormant)

    def __getitem__(self, name: str) -> Engine:
        """Return the engine of an edition, the latest to be used now. Raises `KeyError`."""
        engine = self._awake.pop(name, None) or self._restored(self._dormant.pop(name))
        self._awake[name] = engine
        return engine

    def get(self, name: str) -> Engine | None:
        """Return the engine of an edition; None if there is none."""
        return self[name] if name in self._awake or name in self._dormant else None

    def put(self, engine: Engine) -> None:
        """Add the engine of an edition."""
        self.calibration = self.calibration or engine.edition.calibration
        self._awake[engine.edition.name] = engine

    def settle(self) -> None:
        """Let the small ones among the least recently used editions be dormant, as far as more than `awake_max` are awake."""
        for name in list(self._awake)[: max(0, len(self._awake) - self._awake_max)]:
            edition = self._awake[name].edition
            if len(edition.articles) <= self._dormant_articles_max:
                state = _published(self._awake.pop(name))
                self._dormant[name] = _Dormant(state, edition_size(edition), edition.calibration)
                self._packed += 1
        if self._packed >= PACKED_MAX:
            self._packed = 0
            return_freed_memory()

    def sizes(self) -> Iterator[EditionSize]:
        """Yield the size of each edition. Other threads may call it."""
        yield from [dormant.size for dormant in list(self._dormant.values())]
        yield from [edition_size(engine.edition) for engine in list(self._awake.values())]

    def articles(self) -> int:
        """Return the number of articles in all editions."""
        return sum(size.articles for size in self.sizes())

    def _restored(self, dormant: _Dormant) -> Engine:
        state = msgspec.json.decode(zlib.decompress(dormant.state), type=_PublishedState)
        edition = restore_edition(
            state.checkpoint,
            [one.story for one in state.stories],
            state.members,
            calibration=dormant.calibration,
            parameters=self._parameters,
            written_at={one.story.id: timestamp(one.arrived_ms) for one in state.stories},
        )
        return Engine(edition)


def edition_size(edition: EditionState) -> EditionSize:
    """Return the size of an edition."""
    indexes, parameters = edition.indexes, edition.parameters
    return EditionSize(
        stories=len(edition.stories),
        open_stories=indexes.space.open_count,
        comparable_closed_stories=indexes.space.closed_count,
        articles=len(edition.articles),
        window_reports=indexes.frequencies.documents,
        loose_stories=indexes.space.loose_count(parameters.loose_reports_min, parameters.loose_below),
    )


def _published(engine: Engine) -> bytes:
    edition = engine.edition
    stories = [
        _StoryState(story, unix_ms(edition.stories[story_id].arrived_at))
        for story_id in edition.stories
        if (story := engine.story(story_id)) is not None
    ]
    members = [member for story in edition.stories.values() for member in story.members.values()]
    return zlib.compress(encode(_PublishedState(checkpoint_of(edition), stories, members)), level=1)
