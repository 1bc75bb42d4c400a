"""A small newsroom's whole installation on one machine: both services as processes, and perhaps a file to feed them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import IO, Final

from newsloom.contracts.pipeline import SERVICES, ServiceDefinition
from newsloom.contracts.story import StoryState
from newsloom.contracts.topics import DEAD_LETTERS
from newsloom.log import open_log
from newsloom.log_names import group_name, state_topic_names, topic_name, topic_names, topic_specs
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError, LogUnavailable
from newsloom.streaming.log import Admin, Log
from newsloom.streaming.scan import read_topic
from newsloom.streaming.topic_check import check_topics
from newsloom.subscribe import Newsloom
from services.cli.views.formatting import count
from services.ingest.runner import IngestPlan, IngestReport, Observer, ingest
from services.local.supervisor import StopSignals, Supervisor, newsloom_service

LOOK_S: Final = 0.25
UNAVAILABLE_MAX_S: Final = 60.0
"""How long a run that is to end by itself waits for a log that is away."""
DEATHS_MAX: Final = 5
"""How often in a row a service may die in such a run."""
FEED_END_S: Final = 2.0

Ingest = Callable[[threading.Event], IngestReport]


Backlog = Mapping[str, int]
"""Records each service, by name, has still to process; upper bounds until they are 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewsroomPlan:
    """How to run. `ingest` feeds the services; `until_drained` ends when it is done and nothing is left to do.

    `output` gets what the services print, None leaves it on standard error; `on_backlog` is told how it goes on, where the
    run is to end.
    """

    environ: Mapping[str, str]
    ingest: Ingest | None = None
    until_drained: bool = False
    output: IO[str] | None = None
    on_backlog: Callable[[Backlog], None] | None = None


def check_log_can_be_shared(settings: Settings) -> None:
    """Raise `ConfigurationError` for a log in memory, which other processes cannot see."""
    if settings.log == "sqlite://":
        raise ConfigurationError(
            "NEWSLOOM_LOG=sqlite:// lives in the memory of one process, and the services are processes of their own: "
            "name a file, such as sqlite:///newsloom.db"
        )


def prepare_topics(log: Log, settings: Settings) -> None:
    """Create the topics that do not exist; raise `ConfigurationError` if those that do are not as they must be."""
    admin = log.admin()
    admin.create(topic_specs(settings))
    check_topics(admin, topic_specs(settings), state_topic_names(settings))


def run_newsroom(log: Log, settings: Settings, plan: NewsroomPlan) -> IngestReport | None:
    """Run both services until SIGTERM or SIGINT, or until drained; returns what came of the ingest, if it has ended.

    Raises:
        ConfigurationError: a service cannot work with this configuration.
        ServiceFailed, LogUnavailable: in a run that is to end by itself, a service or the log stayed away.
        InputUnreadable, LogError: as the ingest raised it.

    """
    deaths_max = DEATHS_MAX if plan.until_drained else None
    services = [newsloom_service(service.name, **own) for service, own in _own_ports(settings)]
    supervisor = Supervisor(services, environ=plan.environ, output=plan.output, deaths_max=deaths_max)
    with StopSignals() as signals:
        feed = None if plan.ingest is None else Feed(plan.ingest, signals.stop)
        try:
            if feed is not None:
                feed.start()
            _supervise(
                supervisor, signals.stop, feed, Drain(log.admin(), settings) if plan.until_drained else None, plan
            )
        finally:
            signals.stop.set()
            supervisor.stop(signals.hurry)
            if feed is not None:
                feed.join(FEED_END_S)
        return feed.report if feed is not None else None


def _own_ports(settings: Settings) -> Iterator[tuple[ServiceDefinition, dict[str, str]]]:
    """Each service with the variables of its own: on one machine each process needs another port for its metrics."""
    for index, service in enumerate(SERVICES):
        port = settings.metrics_port + index
        yield service, {"NEWSLOOM_METRICS_PORT": str(port)} if settings.metrics_port else {}


def feed_from(settings: Settings, plan: IngestPlan, observer: Observer) -> Ingest:
    """The plan's ingest, on a log of its own: a log belongs to the thread that opened it."""

    def feed(stop: threading.Event) -> IngestReport:
        with closing(open_log(settings, create=True)) as log:
            return ingest(log, settings, plan, observer, stop=stop)

    return feed


class Feed(threading.Thread):
    """An ingest in a thread of its own, so that the services are looked after while it waits for its input or the log."""

    def __init__(self, ingest: Ingest, stop: threading.Event) -> None:
        # A daemon: nobody can call it back from a pipe that is silent. What it has not committed is not taken in.
        super().__init__(name="feed", daemon=True)
        self.report: IngestReport | None = None
        self._ingest = ingest
        self._stop_event = stop
        self._error: Exception | None = None

    def run(self) -> None:
        """Ingest, and keep what came of it."""
        try:
            self.report = self._ingest(self._stop_event)
        except Exception as error:  # noqa: BLE001 - raised again by `ended`, where somebody can act on it
            self._error = error

    def ended(self) -> bool:
        """Whether the input has been taken in; raises what the ingest raised."""
        if self._error is not None:
            raise self._error
        return self.report is not None


class Drain:
    """Whether anything is left to do, by the groups' committed offsets."""

    def __init__(self, admin: Admin, settings: Settings) -> None:
        self._admin = admin
        self._settings = settings
        self._answered_at = time.monotonic()

    def backlog(self) -> Backlog | None:
        """What is left; None while the log is away, `LogUnavailable` once it has been for `UNAVAILABLE_MAX_S`."""
        try:
            # In the order of the pipeline: a service without a backlog has written all that the next one is asked about.
            backlog = {service.name: self._left(service) for service in SERVICES}
        except LogUnavailable:
            if time.monotonic() - self._answered_at > UNAVAILABLE_MAX_S:
                raise
            return None
        self._answered_at = time.monotonic()
        return backlog

    def _left(self, service: ServiceDefinition) -> int:
        group = group_name(self._settings, service.name)
        return self._admin.backlog(group, topic_names(self._settings, service.consumes))


def _supervise(
    supervisor: Supervisor, stop: threading.Event, feed: Feed | None, drain: Drain | None, plan: NewsroomPlan
) -> None:
    while True:
        supervisor.check()
        fed = feed is None or feed.ended()
        if drain is not None and (backlog := drain.backlog()) is not None:
            if plan.on_backlog is not None:
                plan.on_backlog(backlog)
            if fed and not any(backlog.values()):
                return
        if stop.wait(LOOK_S):
            return


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands on the log: articles in stories, stories by state, and records nobody could process."""

    articles: int
    open: int
    closed: int
    dead_letters: int

    def lines(self) -> list[str]:
        """The standing in words."""
        lines = [f"{count(self.articles, 'article')} stand in {self.open:,} open and {self.closed:,} closed stories"]
        if self.dead_letters:
            lines.append(f"{count(self.dead_letters, 'dead letter')}: `newsloom dead-letters list` says why")
        return lines


def standing(log: Log, settings: Settings) -> Standing:
    """The log's present standing; raises `LogError`."""
    stories = Newsloom(log, topic_prefix=settings.topic_prefix).stories().values()
    states = [story.state for story in stories]
    return Standing(
        articles=sum(story.article_count for story in stories if story.state is not StoryState.MERGED),
        open=states.count(StoryState.OPEN),
        closed=states.count(StoryState.CLOSED),
        dead_letters=sum(1 for _ in read_topic(log, topic_name(settings, DEAD_LETTERS))),
    )
