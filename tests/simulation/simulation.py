"""One seed: a newsroom of several processes in a storm of faults, and then in peace, until nothing is left to do."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from newsloom.log_names import topic_specs
from newsloom.settings import Settings
from newsloom.streaming.errors import CommitFailed, Fenced, LogError, LogUnavailable
from tests.simulation.broker import Broker
from tests.simulation.calm import differences
from tests.simulation.checker import Checker
from tests.simulation.coroutine import Killed
from tests.simulation.encoder import WordEncoder
from tests.simulation.feeder import Feeder
from tests.simulation.log import SimulatedLog
from tests.simulation.moments import Moment
from tests.simulation.partitions import Transaction
from tests.simulation.process import Process
from tests.simulation.services import Service, alone_in_the_process
from tests.simulation.storm import SESSION_MS, TRANSACTION_MS, Storm, Victim
from tests.simulation.traffic import Traffic

STEP_MS: Final = 10
FAULTS_MIN: Final = 50
STEPS_MAX: Final = 60_000
"""Far above what any seed takes: a storm that does not end, or a newsroom that comes to no rest, is a finding."""
LOOK_EVERY: Final = 25
AT_ONCE: Final = 9
"""In a storm a call brings at most so many records."""
LEAD: Final = 15
"""So many inputs may be under way."""
TRACE_KEPT: Final = 40


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a seed has come to. `effects` are what the faults have led to, `digest` is that of all that happened."""

    seed: int
    problems: list[str]
    faults: Counter[str]
    effects: Counter[str]
    inputs: Counter[str]
    updates: Counter[str]
    digest: str
    trace: list[str]


@dataclass(eq=False)
class Simulation:
    """Built from a seed, run once. With `keep_trace` its outcome tells everything that has happened, not the end alone."""

    seed: int
    keep_trace: bool = False
    effects: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        choice = self.choice = random.Random(self.seed)  # noqa: S311 - nothing secret
        partitions = choice.randint(2, 3)
        # A story is forgotten soon, so that some are.
        self.settings = Settings(
            log="",
            model=WordEncoder.model,
            partitions=choice.randint(2, 3),
            state_partitions=partitions,
            retention_days=10,
        )
        self.checker = Checker(self.settings)
        self.broker = Broker(
            session_timeout_ms=SESSION_MS,
            transaction_timeout_ms=TRANSACTION_MS,
            is_eager=choice.random() < 0.6,
            on_commit=self._committed,
        )
        SimulatedLog(self.broker).admin().create(topic_specs(self.settings))
        editions = [f"e{number}" for number in range(partitions + choice.randint(1, 2))]
        ledger = self.checker.ledger
        self.traffic = Traffic(
            self.settings,
            editions,
            choice,
            lambda: list(ledger.stories.values()),
            lambda: list(ledger.members.values()),
        )
        self._services = {
            f"{name}-{number}": Service(name, self.settings, records_max=choice.choice((1, 2, 5, 9)))
            for name in ("embedder", "clusterer")
            for number in range(choice.randint(2, 3))
        }
        self._storm = Storm(self.broker, self.settings, self._services, choice, self._start_twin)
        self._feeder = Feeder(self.traffic, self._is_traffic_due, lambda: not self._storm.rages)
        self._switching = choice.choice((0.02, 0.1, 0.3))
        self._faults_wanted = FAULTS_MIN + choice.randrange(20)
        self._inputs_wanted = 60 + choice.randrange(80)
        self._digest = hashlib.blake2b(digest_size=16)
        self._current: dict[str, Process | None] = {}
        self._twins: list[Process] = []

    def run(self) -> Outcome:
        """The storm, then the peace, then the proof that it all comes to what it would have come to without a storm."""
        with alone_in_the_process():
            try:
                self._live()
            finally:
                for process in [*self._twins, *self._current.values()]:
                    if process is not None:
                        process.coroutine.kill()
            if not self.checker.problems:
                self.checker.finish(self.broker)
                self.checker.problems += differences(SimulatedLog(self.broker), self.settings)
        groups = [self.broker.group(name) for name in sorted({one.group for one in self._services.values()})]
        self.effects["transaction timed out, aborted"] = self.broker.timed_out
        self.effects["session ended"] = sum(group.sessions_ended for group in groups)
        self.effects["commit of an older generation refused"] = sum(group.refused for group in groups)
        return Outcome(
            seed=self.seed,
            problems=self.checker.problems,
            faults=self._storm.counts,
            effects=self.effects,
            inputs=self.traffic.counts,
            updates=self.checker.ledger.kinds,
            digest=self._digest.hexdigest(),
            trace=self.trace,
        )

    def _live(self) -> None:
        for name in [*self._services, "producer"]:
            self._start(name)
        self._go_on("the storm does not end", self._is_storm_over)
        self._storm.rages = False
        self._note("-", "peace")
        self._go_on("the newsroom comes to no rest", self._is_at_rest)

    # --- what processes do

    def now_ms(self) -> int:
        """See `World.now_ms`."""
        return self.broker.now_ms

    def at(self, process: Process, moment: Moment) -> None:
        """A process has come to a moment: something strikes, or somebody else goes on, or nothing is the matter."""
        self._note(process.name, moment.value)
        self.broker.pass_time(1)
        fault = self._storm.at(process, moment)
        if fault is not None:
            self._note(process.name, f"! {fault.value}")
            self._storm.strike(process, fault)
        if self.choice.random() < self._switching:
            process.coroutine.pause()

    def at_most(self, records: int) -> int:
        """How many records a call brings, of those that it was asked for."""
        return self.choice.randint(1, min(records, AT_ONCE)) if self._storm.rages else records

    def run_body(self, process: Process) -> None:
        """A process's own program, from its start on."""
        log = SimulatedLog(self.broker, process)
        if process.service is None:
            self._feeder.run(log, process.coroutine.pause)
        else:
            process.service.loop(log, process.name, process.stopping).run()

    def _is_traffic_due(self) -> bool:
        """The traffic is spread over the storm, so that there is always something under way that can be struck."""
        due = self._inputs_wanted * self._storm.counts.total() / self._faults_wanted
        return self.traffic.counts.total() < due + LEAD

    # --- the scheduler

    def _go_on(self, otherwise: str, is_over: Callable[[], bool]) -> None:
        """Let one process after another go on, until it is over or something is wrong."""
        for step in range(STEPS_MAX):
            if self.checker.problems or (step % LOOK_EVERY == 0 and is_over()):
                return
            self._step()
        self.checker.problems.append(f"after {STEPS_MAX} steps {otherwise}")

    def _is_storm_over(self) -> bool:
        enough = self.traffic.counts.total() >= self._inputs_wanted
        return enough and self._storm.counts.total() >= self._faults_wanted

    def _is_at_rest(self) -> bool:
        admin = SimulatedLog(self.broker).admin()
        return not self._feeder.batch and not any(
            admin.backlog(one.group, one.inputs) for one in self._services.values()
        )

    def _step(self) -> None:
        self.broker.pass_time(STEP_MS)
        everyone = [*self._current.items(), *((twin.name, twin) for twin in self._twins)]
        awake = [(name, one) for name, one in everyone if one is None or self._is_awake(one)]
        if not awake:
            return
        name, process = self.choice.choice(awake)
        if process is None:
            self._start(name)
            return
        process.coroutine.resume()
        if process.coroutine.is_over:
            self._bury(process)

    def _is_awake(self, process: Process) -> bool:
        # In peace nobody sleeps any longer.
        is_asleep = self._storm.rages and process.asleep_until_ms > self.broker.now_ms
        return not is_asleep and process.waits_until_ms <= self.broker.now_ms

    def _start(self, name: str) -> None:
        self._note(name, "starts")
        self._current[name] = Process(self, name, self._services.get(name))

    def _start_twin(self, victim: Victim) -> None:
        older = self._current[victim.name]
        if older is not None:
            self._twins.append(older)
        self._start(victim.name)

    def _bury(self, process: Process) -> None:
        error = process.coroutine.error
        self._note(process.name, f"ends: {error!r}")
        if process in self._twins:
            self._twins.remove(process)
        else:
            self._current[process.name] = None
        if isinstance(error, Fenced):
            self.effects["fenced"] += 1
        expected = (Killed, Fenced, LogUnavailable, *((CommitFailed,) if process.service is None else ()))
        if error is not None and not isinstance(error, expected):
            told = str(error) if isinstance(error, LogError) else repr(error)
            self.checker.problems.append(f"{process.name} has ended: {told}")

    # --- what is noted

    def _committed(self, transaction: Transaction) -> None:
        offsets = sorted(transaction.offsets.items())
        self._note(transaction.producer, f"commits {len(transaction.records)} records, {offsets}")
        for record in transaction.records:
            self._digest.update(repr(record).encode())
        try:
            self.checker.committed(transaction)
        except Exception as error:  # noqa: BLE001 - what the checker cannot make sense of is wrong, too
            self.checker.problems.append(f"the checker cannot make sense of {transaction.producer}: {error!r}")

    def _note(self, who: str, what: str) -> None:
        line = f"{self.broker.now_ms} {who}: {what}"
        self._digest.update(line.encode())
        self.trace.append(line)
        if not self.keep_trace and len(self.trace) > 2 * TRACE_KEPT:
            del self.trace[:TRACE_KEPT]
