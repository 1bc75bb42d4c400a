"""One seed: a newsroom of several processes in a storm of faults, and then in peace, until nothing is left to do."""

from __future__ import annotations

import hashlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Final

import structlog

from newsloom.contracts.topics import ARTICLE_STORIES, STORIES, STORY_COMMANDS
from newsloom.settings import Settings
from newsloom.streaming.errors import CommitFailed, Fenced, LogError, LogUnavailable
from newsloom.streaming.log import Progress
from newsloom.streaming.records import Message
from newsloom.topology import topic_name, topic_specs
from services.clusterer import step as clusterer_step
from tests.simulation.broker import Broker, Transaction
from tests.simulation.calm import differences
from tests.simulation.checker import Checker
from tests.simulation.compaction import compact
from tests.simulation.coroutine import Coroutine, Killed
from tests.simulation.encoder import WordEncoder
from tests.simulation.faults import Fault, Weather
from tests.simulation.log import SimulatedLog
from tests.simulation.moments import AnswerLost, Moment
from tests.simulation.processes import Service, Unhurried
from tests.simulation.traffic import Traffic

STEP_MS: Final = 10
SESSION_MS: Final = 1_500
TRANSACTION_MS: Final = 4_000
FAULTS_MIN: Final = 50
STEPS_MAX: Final = 60_000
"""Far above what any seed takes: a storm that does not end, or a newsroom that comes to no rest, is a finding."""
LOOK_EVERY: Final = 25
AT_ONCE: Final = 9
LEAD: Final = 15
"""So many inputs may be under way."""
TRACE_SHOWN: Final = 40


@dataclass(eq=False)
class Process:
    """A process as the simulation runs it; also the hands that its clients are in."""

    simulation: Simulation
    name: str
    body: Callable[[Process], None]
    service: Service | None = None
    asleep_until_ms: int = 0

    def __post_init__(self) -> None:
        self.coroutine = Coroutine(lambda: self.body(self))

    def at(self, moment: Moment) -> None:
        """See `Hands.at`."""
        self.simulation.at(self, moment)

    def wait(self, ms: int) -> None:  # noqa: ARG002 - time passes with every step, whoever waits
        """See `Hands.wait`."""
        self.coroutine.pause()

    def at_most(self, records: int) -> int:
        """See `Hands.at_most`."""
        return self.simulation.at_most(records)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a seed has come to."""

    seed: int
    problems: list[str]
    faults: Counter[str]
    inputs: Counter[str]
    kinds: Counter[str]
    steps: int
    digest: str
    trace: list[str]


@dataclass(eq=False)
class Simulation:
    """Built from a seed, run once."""

    seed: int
    keep_trace: bool = False
    faults: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)
    steps: int = 0

    def __post_init__(self) -> None:
        choice = self.choice = random.Random(self.seed)  # noqa: S311 - nothing secret
        partitions = choice.randint(2, 3)
        self.settings = Settings(
            log="simulated://",
            model=WordEncoder.model,
            partitions=choice.randint(2, 3),
            state_partitions=partitions,
            retention_days=10,
        )
        self.checker = Checker(self.settings)
        self.broker = Broker(
            session_timeout_ms=SESSION_MS, transaction_timeout_ms=TRANSACTION_MS, on_commit=self._committed
        )
        specs = topic_specs(self.settings)
        # Commands in one partition: of one edition's none may overtake another.
        commands = topic_name(self.settings, STORY_COMMANDS)
        SimulatedLog(self.broker).admin().create(
            [replace(spec, partitions=1) if spec.name == commands else spec for spec in specs]
        )
        self.traffic = Traffic(
            self.settings,
            [f"e{number}" for number in range(partitions + choice.randint(1, 2))],
            choice,
            stories=lambda: list(self.checker.ledger.stories.values()),
            members=lambda: list(self.checker.ledger.members.values()),
        )
        self._weather = Weather.drawn(choice)
        self._switching = choice.choice((0.02, 0.1, 0.3))
        self._faults_wanted = FAULTS_MIN + choice.randrange(20)
        self._inputs_wanted = 60 + choice.randrange(80)
        self._stormy = True
        self._written = hashlib.blake2b(digest_size=16)
        self._batch: list[Message] = []
        self._batches = 0
        self._current: dict[str, Process | None] = {}
        self._twins: list[Process] = []
        self._services = {
            f"{name}-{number}": Service(name, self.settings, records_max=choice.choice((1, 2, 5, 9)))
            for name in ("embedder", "clusterer")
            for number in range(choice.randint(2, 3))
        }

    def run(self) -> Outcome:
        """The storm, then the peace."""
        with _alone_in_the_process():
            try:
                self._start_all()
                self._go_on("the storm does not end", self._is_over)
                self._stormy = False
                self._note("-", "peace")
                self._go_on("the newsroom comes to no rest", self._is_at_rest)
                if not self.checker.problems:
                    self.checker.finish(self.broker)
                    self.checker.problems += differences(SimulatedLog(self.broker), self.settings)
            finally:
                for process in [*self._twins, *self._current.values()]:
                    if process is not None:
                        process.coroutine.kill()
        return Outcome(
            self.seed,
            self.checker.problems,
            self.faults,
            self.traffic.counts,
            self.checker.ledger.kinds,
            self.steps,
            self._written.hexdigest(),
            self.trace,
        )

    # --- moments

    def at(self, process: Process, moment: Moment) -> None:
        """A process has come to a moment: something strikes, or somebody else goes on, or nothing is the matter."""
        self._note(process.name, moment.value)
        self.broker.pass_time(1)
        fault = self._weather.strikes(moment, self.choice) if self._stormy else None
        if fault is not None:
            self._strike(process, moment, fault)
        if self.choice.random() < self._switching:
            process.coroutine.pause()

    def at_most(self, records: int) -> int:
        """In a storm calls bring less than they could."""
        return self.choice.randint(1, min(records, AT_ONCE)) if self._stormy else records

    def _strike(self, process: Process, moment: Moment, fault: Fault) -> None:
        self.faults[f"{fault.value}: {moment.value}"] += 1
        self._note(process.name, f"! {fault.value}")
        match fault:
            case Fault.CRASH:
                raise Killed
            case Fault.AWAY:
                raise LogUnavailable("the log is away")
            case Fault.ABORTED:
                raise CommitFailed("the broker has refused it")
            case Fault.ANSWER_LOST:
                raise AnswerLost
            case Fault.PAUSE | Fault.LONG_PAUSE:
                longest = SESSION_MS if fault is Fault.PAUSE else TRANSACTION_MS
                process.asleep_until_ms = self.broker.now_ms + int(longest * self.choice.uniform(0.8, 1.5))
                process.coroutine.pause()
            case Fault.TWIN:
                self._start_twin(process)
            case Fault.REBALANCE | Fault.SESSION_LOST:
                self._rebalance(process, fault)
            case Fault.COMPACTION:
                self._compact()

    def _start_twin(self, process: Process) -> None:
        if self._current.get(process.name) is process and process.service is not None:
            self._twins.append(process)
            self._start(process.name)

    def _rebalance(self, process: Process, fault: Fault) -> None:
        service = process.service or self.choice.choice(list(self._services.values()))
        group = self.broker.group(service.group)
        if fault is Fault.REBALANCE:
            group.rebalance(lambda _: self.choice.random() < 0.5)
        else:
            group.leave(self.choice.choice([name for name, one in self._services.items() if one.name == service.name]))

    def _compact(self) -> None:
        state = {topic_name(self.settings, topic) for topic in (STORIES, ARTICLE_STORIES)}
        for source, partition in self.broker.partitions.items():
            if source.topic in state and self.choice.random() < 0.7:
                compact(partition)

    # --- the scheduler

    def _start_all(self) -> None:
        for name in [*self._services, "producer"]:
            self._start(name)

    def _start(self, name: str) -> None:
        service = self._services.get(name)
        self._note(name, "starts")
        body = self._produce if service is None else self._serve
        self._current[name] = Process(self, name, body, service)

    def _serve(self, process: Process) -> None:
        if process.service is not None:
            stop = Unhurried(lambda _seconds: process.coroutine.pause())
            process.service.loop(SimulatedLog(self.broker, process), process.name, stop).run()

    def _produce(self, process: Process) -> None:
        writer = SimulatedLog(self.broker, process).writer("producer")
        while self._batch or self._stormy:
            if not self._batch and self._is_ahead():
                process.coroutine.pause()
                continue
            if not self._batch:
                self._batch = [self.traffic.next() for _ in range(self.choice.randint(1, 4))]
                self._batches += 1
            done = writer.progress()
            if done is None or done.position < self._batches:
                writer.write(self._batch, Progress(self._batches))
            self._batch = []
            process.coroutine.pause()

    def _is_ahead(self) -> bool:
        """The traffic is spread over the storm, so that there is always something under way that can be struck."""
        due = self._inputs_wanted * self.faults.total() / self._faults_wanted
        return self.traffic.counts.total() >= due + LEAD

    def _go_on(self, otherwise: str, is_over: Callable[[], bool]) -> None:
        """Let one process after another go on, until it is over or something is wrong."""
        for step in range(STEPS_MAX):
            if self.checker.problems or (step % LOOK_EVERY == 0 and is_over()):
                return
            self._step()
        self.checker.problems.append(f"after {STEPS_MAX} steps {otherwise}")

    def _is_over(self) -> bool:
        return self.faults.total() >= self._faults_wanted and self.traffic.counts.total() >= self._inputs_wanted

    def _is_at_rest(self) -> bool:
        admin = SimulatedLog(self.broker).admin()
        topics = {"embedder": ("articles", "story-commands"), "clusterer": ("article-vectors",)}
        return not self._batch and not any(
            admin.backlog(service.group, [self.settings.topic_prefix + one for one in topics[service.name]])
            for service in self._services.values()
        )

    def _step(self) -> None:
        self.steps += 1
        self.broker.pass_time(STEP_MS)
        awake = [one for one in self._runnable() if not self._stormy or self._is_awake(one)]
        if not awake:
            return
        name, process = self.choice.choice(awake)
        if process is None:
            self._start(name)
            return
        process.coroutine.resume()
        if process.coroutine.is_over:
            self._bury(process)

    def _runnable(self) -> Iterator[tuple[str, Process | None]]:
        yield from self._current.items()
        yield from ((twin.name, twin) for twin in self._twins)

    def _is_awake(self, one: tuple[str, Process | None]) -> bool:
        return one[1] is None or one[1].asleep_until_ms <= self.broker.now_ms

    def _bury(self, process: Process) -> None:
        error = process.coroutine.error
        self._note(process.name, f"ends: {error!r}")
        if process in self._twins:
            self._twins.remove(process)
        else:
            self._current[process.name] = None
        expected = (Killed, Fenced, LogUnavailable, *((CommitFailed,) if process.service is None else ()))
        if error is not None and not isinstance(error, expected):
            told = str(error) if isinstance(error, LogError) else repr(error)
            self.checker.problems.append(f"{process.name} has ended: {told}")

    def _committed(self, transaction: Transaction) -> None:
        self._note(
            transaction.producer, f"committed {len(transaction.records)} records, {list(transaction.offsets.values())}"
        )
        for record in transaction.records:
            self._written.update(repr(record).encode())
        try:
            self.checker.committed(transaction)
        except Exception as error:  # noqa: BLE001 - what the checker cannot make sense of is wrong, too
            self.checker.problems.append(f"the checker cannot make sense of {transaction.producer}: {error!r}")

    def _note(self, who: str, what: str) -> None:
        line = f"{self.broker.now_ms} {who}: {what}"
        self._written.update(line.encode())
        self.trace.append(line)
        if not self.keep_trace and len(self.trace) > 2 * TRACE_SHOWN:
            del self.trace[:TRACE_SHOWN]


@contextmanager
def _alone_in_the_process() -> Iterator[None]:
    """Without what services do to the process that they have for themselves: logging, and letting the collector walk all of it."""
    logging_before, collector = structlog.get_config(), clusterer_step.__dict__["gc"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    calls = ("isenabled", "freeze", "unfreeze", "collect", "enable", "disable")
    clusterer_step.__dict__["gc"] = SimpleNamespace(**dict.fromkeys(calls, bool))
    try:
        yield
    finally:
        clusterer_step.__dict__["gc"] = collector
        structlog.configure(**logging_before)
