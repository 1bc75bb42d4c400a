"""Run an installation on one machine: every service as a process, and optionally an ingest beside them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import IO, Final

from newsloom.contracts.pipeline import SERVICES, STORYPAGE
from newsloom.contracts.story import StoryState
from newsloom.contracts.topics import DEAD_LETTERS
from newsloom.log import open_log
from newsloom.log_names import state_topic_names, topic_name, topic_specs
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Log
from newsloom.streaming.scan import read_topic
from newsloom.streaming.topic_check import check_topics
from newsloom.subscribe import Newsloom
from newsloom.task_thread import TaskThread
from services.ingest.runner import IngestObserver, IngestPlan, IngestResult, ingest
from services.local.backlog import CHECK_INTERVAL_S, Backlog, wait_until_drained
from services.local.run_lock import lock_instance
from services.local.supervisor import ProcessSpec, StopSignals, Supervisor, service_process

DEATHS_MAX: Final = 5
"""How often in a row a service may die in a run with `until_drained`."""
THREAD_JOIN_S: Final = 2.0

Ingest = Callable[[threading.Event], IngestResult]
"""An ingest that ends early when its event is set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPlan:
    """How to run the services, whose environment is `environ`.

    `ingest` runs beside them. With `until_drained`, the run ends when the ingest is done and every record is processed.
    `on_backlog` gets each new backlog until that is so. `output` receives what the services print; None: standard error. With
    `page_port`, the story page is served there.
    """

    environ: Mapping[str, str]
    ingest: Ingest | None = None
    until_drained: bool = False
    output: IO[str] | None = None
    on_backlog: Callable[[Backlog], None] | None = None
    page_port: int | None = None


def check_log_can_be_shared(settings: Settings) -> None:
    """Raise `ConfigurationError` for a log in memory, which other processes cannot see."""
    if settings.log == "sqlite://":
        raise ConfigurationError(
            "NEWSLOOM_LOG=sqlite:// is in the memory of one process, and each service is a process of its own: "
            "name a file, such as sqlite:///newsloom.db"
        )


def prepare_topics(log: Log, settings: Settings) -> None:
    """Create missing topics; raise `ConfigurationError` if an existing one has the wrong settings."""
    admin = log.admin()
    admin.create(topic_specs(settings))
    check_topics(admin, topic_specs(settings), state_topic_names(settings))


def run_installation(settings: Settings, plan: RunPlan) -> IngestResult | None:
    """Run all services until SIGTERM or SIGINT, or until drained; return the result of the ingest if it has ended.

    Raises:
        ConfigurationError: a service cannot work with this configuration, or another run uses the log.
        ServiceFailed, LogUnavailable: in a run with `until_drained`, a service keeps dying or the log stayed away.
        UnreadableInput, LogError: raised by the ingest.

    """
    deaths_max = DEATHS_MAX if plan.until_drained else None
    supervisor = Supervisor(_processes(settings, plan), environ=plan.environ, output=plan.output, deaths_max=deaths_max)
    with lock_instance(settings), StopSignals() as signals:
        ingest_thread = None if plan.ingest is None else TaskThread("ingest", partial(plan.ingest, signals.stop))
        drain_thread = None

        def is_ingested() -> bool:
            return ingest_thread is None or ingest_thread.result is not None

        if plan.until_drained or plan.on_backlog is not None:
            # In a thread, so that the supervising thread never waits for the log and always sees a signal.
            drain = partial(wait_until_drained, settings, is_ingested, signals.stop, plan.on_backlog)
            drain_thread = TaskThread("backlog", drain)
        threads = [thread for thread in (ingest_thread, drain_thread) if thread is not None]
        try:
            for thread in threads:
                thread.start()
            while not (plan.until_drained and drain_thread is not None and drain_thread.result):
                supervisor.check()
                for thread in threads:
                    thread.check()
                if signals.stop.wait(CHECK_INTERVAL_S):
                    break
        finally:
            signals.stop.set()
            supervisor.stop(signals.hurry)
            for thread in threads:
                thread.join(THREAD_JOIN_S)
        return ingest_thread.result if ingest_thread is not None else None


def _processes(settings: Settings, plan: RunPlan) -> list[ProcessSpec]:
    processes = [_service_process(settings, index) for index in range(len(SERVICES))]
    return processes if plan.page_port is None else [*processes, _page_process(settings, plan.page_port)]


def _service_process(settings: Settings, index: int) -> ProcessSpec:
    # Processes on one machine need different metrics ports.
    port = {"NEWSLOOM_METRICS_PORT": str(settings.metrics_port + index)} if settings.metrics_port else {}
    return service_process(SERVICES[index].name, **port)


def _page_process(settings: Settings, page_port: int) -> ProcessSpec:
    metrics = {"NEWSLOOM_METRICS_PORT": str(settings.metrics_port + len(SERVICES))} if settings.metrics_port else {}
    return service_process(STORYPAGE.name, NEWSLOOM_PAGE_PORT=str(page_port), **metrics)


def ingest_on_own_log(settings: Settings, plan: IngestPlan, observer: IngestObserver) -> Ingest:
    """Return an ingest that opens its own log: a log may be used only by the thread that opened it."""

    def run(stop: threading.Event) -> IngestResult:
        with closing(open_log(settings, create=True)) as log:
            return ingest(log, settings, plan, observer, stop=stop)

    return run


@dataclass(frozen=True, slots=True)
class LogSummary:
    """Counts of the articles in stories, of the stories by state and of the dead letters on a log."""

    articles: int
    open: int
    closed: int
    dead_letters: int


def summarize_log(log: Log, settings: Settings) -> LogSummary:
    """Count what is on the log now; raises `LogError`."""
    stories = Newsloom(log, topic_prefix=settings.topic_prefix).stories().values()
    states = [story.state for story in stories]
    return LogSummary(
        articles=sum(story.article_count for story in stories if story.state is not StoryState.MERGED),
        open=states.count(StoryState.OPEN),
        closed=states.count(StoryState.CLOSED),
        dead_letters=sum(1 for _ in read_topic(log, topic_name(settings, DEAD_LETTERS))),
    )
