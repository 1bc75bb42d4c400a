"""The story page as a process of the simulation: killed between any two statements, started again, its file deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Final, cast

from newsloom.contracts.pipeline import STORYPAGE
from newsloom.log_names import topic_names
from newsloom.streaming.metrics import Metrics
from newsloom.streaming.readiness import Readiness
from newsloom.streaming.scan import read_topic
from newsloom.streaming.watchdog import Watchdog
from services.storypage.follower import Follower, FollowerSignals
from services.storypage.live import LiveUpdates
from services.storypage.read_model.file import ModelFile
from services.storypage.read_model.model import ReadModel
from tests.simulation.fault_points import FaultPoint
from tests.simulation.log import SimulatedLog
from tests.simulation.process import Process
from tests.simulation.simulation import Simulation
from tests.unit.storypage.dump import dump

PAGE: Final = "page"
DELETIONS: Final = 0.25
"""The share of starts before which the file is deleted."""


class StoryPageSimulation(Simulation):
    """A simulation with a story page. At its end, the page's file must equal one that is made from the topics at once."""

    def __init__(self, seed: int, folder: Path) -> None:
        super().__init__(seed)
        self._file = ModelFile(folder / f"{seed}.db", clock=self._now_s)
        self._topics = topic_names(self.settings, STORYPAGE.consumes)
        self._programs[PAGE] = self._run_page
        # A page that has not read for half a day is made again, and a tombstone stays for a day: it misses none.
        for source in self.broker.topic_partitions(self._topics):
            self.broker.partition(source).readers += 1

    def _now_s(self) -> float:
        return self.broker.now_ms / 1000

    def _run_page(self, log: SimulatedLog, process: Process) -> None:
        if self.rng.random() < DELETIONS:
            self._file.delete()
            self.effects["page's file deleted"] += 1
        with closing(self._file.open(self.settings, log.admin().end_offsets(self._topics))) as sql:
            faulty = _FaultyConnection(sql, lambda: process.reach(FaultPoint.WRITE_ROW))
            model = ReadModel(cast("sqlite3.Connection", faulty), self.settings, clock=self._now_s)
            signals = FollowerSignals(process.stopping, Watchdog(), Metrics(), Readiness())
            Follower(
                log, self.settings, model, LiveUpdates(), signals, check_file=self._file.check, clock=self._now_s
            ).run()

    def _is_idle(self) -> bool:
        return super()._is_idle() and self._has_read_everything()

    def _has_read_everything(self) -> bool:
        if not self._file.path.exists():
            return False
        with closing(self._file.connect()) as sql:
            positions = ReadModel(sql, self.settings).positions()
        sources = self.broker.topic_partitions(self._topics)
        partitions = ((self.broker.partition(source), positions.get(source, 0)) for source in sources)
        return not any(list(partition.committed(read, partition.end)) for partition, read in partitions)

    def _check_result(self) -> None:
        super()._check_result()
        log = SimulatedLog(self.broker)
        fresh = ModelFile(self._file.path.with_suffix(".fresh"), clock=self._now_s)
        with closing(fresh.open(self.settings, {})) as expected, closing(self._file.connect()) as found:
            model = ReadModel(expected, self.settings, clock=self._now_s)
            for topic in self._topics:
                model.apply(list(read_topic(log, topic)))
            # A page looks only now and then for texts that have expired: some may still be there.
            for one in (model, ReadModel(found, self.settings, clock=self._now_s)):
                one.delete_expired()
            rows, wanted = dump(found), dump(expected)
        for table in wanted:
            if rows[table] != wanted[table]:
                self.checker.problems.append(
                    f"the page's table {table} has {len(rows[table])} rows, one made at once {len(wanted[table])}, or others"
                )
        self.effects["rows of the page"] = sum(map(len, wanted.values()))


class _FaultyConnection:
    """A connection with a fault point before each statement, also before the one that ends a transaction."""

    def __init__(self, sql: sqlite3.Connection, reach: Callable[[], None]) -> None:
        self._sql = sql
        self._reach = reach

    def execute(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        self._reach()
        return self._sql.execute(statement, values)

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> sqlite3.Cursor:
        self._reach()
        return self._sql.executemany(statement, rows)

    def __enter__(self) -> None:
        self._sql.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            try:
                self._reach()
            except BaseException:
                self._sql.rollback()
                raise
        self._sql.__exit__(kind, error, trace)
