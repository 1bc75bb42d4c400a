"""Simulate one seed: several processes with injected faults, then without faults until nothing is left to process."""

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
from tests.simulation.checker import Checker
from tests.simulation.coroutine import Killed
from tests.simulation.encoder import WordEncoder
from tests.simulation.fault_injector import SESSION_MS, TRANSACTION_MS, FaultInjector, Target
from tests.simulation.fault_points import FaultPoint
from tests.simulation.log import SimulatedLog
from tests.simulation.partitions import Transaction
from tests.simulation.process import Process
from tests.simulation.reference_run import differences
from tests.simulation.services import Service, without_process_side_effects
from tests.simulation.traffic import Traffic
from tests.simulation.traffic_producer import TrafficProducer

STEP_MS: Final = 10
FAULTS_MIN: Final = 50
STEPS_MAX: Final = 60_000
"""Far more than any seed takes. Reaching it is a problem: the faults do not end, or the services do not catch up."""
CHECK_INTERVAL_STEPS: Final = 25
FETCH_MAX: Final = 9
"""Records that a poll returns at most while faults are injected."""
LEAD_INPUTS: Final = 15
"""Inputs that may be written ahead of the share of faults injected so far."""
TRACE_LINES_KEPT: Final = 40


@dataclass(frozen=True, slots=True)
class SeedResult:
    """The result of a seed. `effects` counts what the faults led to; `digest` is over the whole trace."""

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
    """Built from a seed, run once. With `keep_trace` the result has the whole trace, not its last lines only."""

    seed: int
    keep_trace: bool = False
    effects: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng = self.rng = random.Random(self.seed)  # noqa: S311 - nothing secret
        partitions = rng.randint(2, 3)
        # A short retention, so that some stories are forgotten.
        self.settings = Settings(
            log="",
            model=WordEncoder.model,
            partitions=rng.randint(2, 3),
            state_partitions=partitions,
            retention_days=10,
        )
        self.checker = Checker(self.settings)
        self.broker = Broker(
            session_timeout_ms=SESSION_MS,
            transaction_timeout_ms=TRANSACTION_MS,
            is_eager=rng.random() < 0.6,
            on_commit=self._committed,
        )
        SimulatedLog(self.broker).admin().create(topic_specs(self.settings))
        editions = [f"e{number}" for number in range(partitions + rng.randint(1, 2))]
        model = self.checker.model
        self.traffic = Traffic(
            self.settings,
            editions,
            rng,
            lambda: list(model.stories.values()),
            lambda: list(model.members.values()),
        )
        self._services = {
            f"{name}-{number}": Service(name, self.settings, records_max=rng.choice((1, 2, 5, 9)))
            for name in ("embedder", "clusterer")
            for number in range(rng.randint(2, 3))
        }
        self._programs: dict[str, Callable[[SimulatedLog, Process], None]] = {
            **dict.fromkeys(self._services, _run_service),
            "producer": self._run_producer,
        }
        self._injector = FaultInjector(
            self.broker, self.settings, self._services, rng, self._start_twin, self.traffic.step_clock
        )
        self._producer = TrafficProducer(self.traffic, self._is_traffic_due, lambda: not self._injector.is_active)
        self._switching = rng.choice((0.02, 0.1, 0.3))
        self._faults_wanted = FAULTS_MIN + rng.randrange(20)
        self._inputs_wanted = 60 + rng.randrange(80)
        self._digest = hashlib.blake2b(digest_size=16)
        self._current: dict[str, Process | None] = {}
        self._twins: list[Process] = []

    def run(self) -> SeedResult:
        """Run with faults, then without, then compare the topics with a run that had no faults."""
        with without_process_side_effects():
            try:
                self._run_processes()
            finally:
                for process in [*self._twins, *self._current.values()]:
                    if process is not None:
                        process.coroutine.kill()
            if not self.checker.problems:
                self._check_result()
        groups = [self.broker.group(name) for name in sorted({one.group for one in self._services.values()})]
        self.effects["transaction timed out, aborted"] = self.broker.timed_out
        self.effects["session ended"] = sum(group.sessions_ended for group in groups)
        self.effects["commit of an older generation refused"] = sum(group.refused for group in groups)
        return SeedResult(
            seed=self.seed,
            problems=self.checker.problems,
            faults=self._injector.counts,
            effects=self.effects,
            inputs=self.traffic.counts,
            updates=self.checker.model.kinds,
            digest=self._digest.hexdigest(),
            trace=self.trace,
        )

    def _check_result(self) -> None:
        """Add what differs from a run that had no faults to the problems."""
        self.checker.finish(self.broker)
        self.checker.problems += differences(SimulatedLog(self.broker), self.settings)

    def _run_processes(self) -> None:
        for name in self._programs:
            self._start(name)
        self._run_until(self._is_fault_phase_over, otherwise="the faults do not end")
        self._injector.is_active = False
        self._note("-", "no more faults")
        self._run_until(self._is_idle, otherwise="the services do not catch up")

    # --- called by the processes

    def now_ms(self) -> int:
        """See `Scheduler.now_ms`."""
        return self.broker.now_ms

    def reach(self, process: Process, point: FaultPoint) -> None:
        """Inject a fault, switch to another process, or let this one continue."""
        self._note(process.name, point.value)
        self.broker.advance_clock(1)
        fault = self._injector.draw(process, point)
        if fault is not None:
            self._note(process.name, f"! {fault.value}")
            self._injector.inject(process, fault)
        if self.rng.random() < self._switching:
            process.coroutine.pause()

    def fetch_size(self, records: int) -> int:
        """Return how many records a poll may return: fewer than asked for while faults are injected."""
        return self.rng.randint(1, min(records, FETCH_MAX)) if self._injector.is_active else records

    def run_body(self, process: Process) -> None:
        """Run the process's own program."""
        self._programs[process.name](SimulatedLog(self.broker, process), process)

    def _run_producer(self, log: SimulatedLog, process: Process) -> None:
        self._producer.run(log, process.coroutine.pause)

    def _is_traffic_due(self) -> bool:
        """Return whether more input is due: it is spread over the fault phase, so that faults always find work in progress."""
        due = self._inputs_wanted * self._injector.counts.total() / self._faults_wanted
        return self.traffic.counts.total() < due + LEAD_INPUTS

    # --- the scheduler

    def _run_until(self, is_over: Callable[[], bool], *, otherwise: str) -> None:
        """Run one process after another until `is_over` or a problem; a problem is added after `STEPS_MAX` steps."""
        for step in range(STEPS_MAX):
            if self.checker.problems or (step % CHECK_INTERVAL_STEPS == 0 and is_over()):
                return
            self._step()
        self.checker.problems.append(f"after {STEPS_MAX} steps {otherwise}")

    def _is_fault_phase_over(self) -> bool:
        enough = self.traffic.counts.total() >= self._inputs_wanted
        return enough and self._injector.counts.total() >= self._faults_wanted

    def _is_idle(self) -> bool:
        admin = SimulatedLog(self.broker).admin()
        return not self._producer.batch and not any(
            admin.backlog(one.group, one.inputs) for one in self._services.values()
        )

    def _step(self) -> None:
        self.broker.advance_clock(STEP_MS)
        everyone = [*self._current.items(), *((twin.name, twin) for twin in self._twins)]
        awake = [(name, one) for name, one in everyone if one is None or self._is_awake(one)]
        if not awake:
            return
        name, process = self.rng.choice(awake)
        if process is None:
            self._start(name)
            return
        process.coroutine.resume()
        if process.coroutine.is_over:
            self._remove(process)

    def _is_awake(self, process: Process) -> bool:
        # Injected pauses end with the fault phase.
        is_asleep = self._injector.is_active and process.asleep_until_ms > self.broker.now_ms
        return not is_asleep and process.waits_until_ms <= self.broker.now_ms

    def _start(self, name: str) -> None:
        self._note(name, "starts")
        self._current[name] = Process(self, name, self._services.get(name))

    def _start_twin(self, target: Target) -> None:
        older = self._current[target.name]
        if older is not None:
            self._twins.append(older)
        self._start(target.name)

    def _remove(self, process: Process) -> None:
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
            text = str(error) if isinstance(error, LogError) else repr(error)
            self.checker.problems.append(f"{process.name} ended unexpectedly: {text}")

    # --- the trace

    def _committed(self, transaction: Transaction) -> None:
        offsets = sorted(transaction.offsets.items())
        self._note(transaction.producer, f"commits {len(transaction.records)} records, {offsets}")
        for record in transaction.records:
            self._digest.update(repr(record).encode())
        try:
            self.checker.committed(transaction)
        except Exception as error:  # noqa: BLE001 - a transaction that the checker fails on is a problem too
            self.checker.problems.append(f"the checker failed on a transaction of {transaction.producer}: {error!r}")

    def _note(self, who: str, what: str) -> None:
        line = f"{self.broker.now_ms} {who}: {what}"
        self._digest.update(line.encode())
        self.trace.append(line)
        if not self.keep_trace and len(self.trace) > 2 * TRACE_LINES_KEPT:
            del self.trace[:TRACE_LINES_KEPT]


def _run_service(log: SimulatedLog, process: Process) -> None:
    assert process.service is not None
    process.service.loop(log, process.name, process.stopping).run()
