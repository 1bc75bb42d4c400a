"""The time of an edition, which no single article can move far, and which goes back if a wrong clock had moved it."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from newsloom.contracts.limits import RECORD_YEAR_MIN
from newsloom.contracts.membership import ClockState
from services.clusterer.core.space import EPOCH

MOMENTS: Final = 16
"""How many of the latest moments a clock remembers."""
QUORUM: Final = 3
"""How many of them have to lie far ahead of the clock to move it there: two wrong dates close together move nothing."""
STEP: Final = timedelta(days=1)
"""How far a single moment may move the clock."""
UNDATED_RUN: Final = 16
"""After so many articles without a date in a row, the feed has none: then they are dated by their records."""


class Clock:
    """The latest time that several of the latest moments have reached; it goes back only by `set_back`.

    The first moment sets it. After that a moment sets it if it is at most `STEP` ahead. Moments further ahead move it once
    `QUORUM` of the latest `MOMENTS` are: to the earliest of the latest `QUORUM` moments.
    """

    def __init__(self, now: datetime = EPOCH, moments: Iterable[datetime] = ()) -> None:
        self.now = now
        self._moments = deque(moments, maxlen=MOMENTS)

    @property
    def moments(self) -> tuple[datetime, ...]:
        """Return the latest moments, the oldest first: with `now` the whole state of the clock."""
        return tuple(self._moments)

    @property
    def is_set(self) -> bool:
        """Return whether the clock has taken a moment."""
        return bool(self._moments) or self.now > EPOCH

    def take(self, moment: datetime) -> None:
        """Take the next moment and move the clock if it may."""
        is_first = not self.is_set
        self._moments.append(moment)
        if moment <= self.now:
            return
        if is_first or moment <= self.now + STEP:
            self.now = moment
        if len(self._moments) >= QUORUM:
            self.now = max(self.now, heapq.nlargest(QUORUM, self._moments)[-1])

    def set_back(self, now: datetime) -> None:
        """Go back to `now` and forget later moments: they were wrong."""
        self.now = now
        self._moments = deque((moment for moment in self._moments if moment <= now), maxlen=MOMENTS)


class EditionClock:
    """The two clocks of an edition: `published` by the articles' dates, `arrived` by the timestamps of their records.

    The first decides when stories close, the second when they are forgotten. `set_back_from` is the latest time from which one of
    them was set back; None if none ever was.
    """

    def __init__(self) -> None:
        self.published = Clock()
        self.arrived = Clock()
        self.set_back_from: datetime | None = None
        self._undated_run = 0

    def take(self, published_at: datetime, arrived_at: datetime, *, is_dated: bool, window: timedelta) -> datetime:
        """Move the clocks with an article, and return its publication time.

        `published_at` of an article that is not dated is its record's timestamp. It does not move the clock, unless nothing
        else could: the article is the first one or the feed has no dates. It is replaced by the clock's time if the two are
        more than a `window` apart: then the article is from an archive.
        """
        self.arrived.take(arrived_at)
        self._set_back_if_ahead()
        self._undated_run = 0 if is_dated else self._undated_run + 1
        if is_dated or not self.published.is_set or self._undated_run >= UNDATED_RUN:
            self.published.take(published_at)
        is_near = abs(published_at - self.published.now) <= window
        return published_at if is_dated or is_near else self.published.now

    def _set_back_if_ahead(self) -> None:
        """Set a clock back that is more than a `STEP` ahead of each of the latest `MOMENTS` arrivals, to the latest of them.

        An article is published before it arrives, so such a clock was moved by the clock of a producer that was wrong.
        """
        latest = max(self.arrived.moments)
        if len(self.arrived.moments) < MOMENTS or latest.year < RECORD_YEAR_MIN:
            return
        for clock in (self.arrived, self.published):
            if clock.now > latest + STEP:
                self.set_back_from = max(clock.now, self.set_back_from or clock.now)
                clock.set_back(latest)

    def state(self) -> ClockState:
        """Return what a checkpoint keeps beside the watermark."""
        return ClockState(
            arrived_at=self.arrived.now,
            arrivals=self.arrived.moments,
            dates=self.published.moments,
            undated_run=self._undated_run,
            set_back_from=self.set_back_from,
        )

    @staticmethod
    def restored(watermark: datetime, state: ClockState | None) -> EditionClock:
        """Return the clock of a checkpoint. One of an earlier version has no `state`: no article had come before its date."""
        clock = EditionClock()
        if state is None:
            clock.published, clock.arrived = Clock(watermark), Clock(watermark)
            return clock
        clock.published = Clock(watermark, state.dates)
        clock.arrived = Clock(state.arrived_at, state.arrivals)
        clock._undated_run = state.undated_run
        clock.set_back_from = state.set_back_from
        return clock
