"""The services as processes of the simulation: their own steps and loop, wired as `newsloom.service` does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Final

import structlog

from newsloom.contracts.topics import ARTICLE_VECTORS, ARTICLES, DEAD_LETTERS, STORY_COMMANDS
from newsloom.log_names import group_name, state_topic_names, topic_name, topic_specs
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.loop import Loop, LoopConfig
from newsloom.streaming.metrics import Metrics
from newsloom.streaming.restore import RestoreProgress
from newsloom.streaming.step import Step
from newsloom.streaming.topic_check import check_topics
from newsloom.streaming.watchdog import Watchdog
from services import garbage_collection
from services.clusterer.service import build_step as build_clusterer
from services.embedder.step import EmbedderStep
from tests.simulation.encoder import WordEncoder

ENCODER: Final = WordEncoder()


@dataclass(frozen=True, slots=True)
class Service:
    """A service and its configuration."""

    name: str
    settings: Settings
    records_max: int

    @property
    def group(self) -> str:
        """Return the service's consumer group."""
        return group_name(self.settings, self.name)

    @property
    def inputs(self) -> list[str]:
        """Return the topics that the service consumes."""
        topics = (ARTICLES, STORY_COMMANDS) if self.name == "embedder" else (ARTICLE_VECTORS,)
        return [topic_name(self.settings, topic) for topic in topics]

    def loop(self, log: Log, instance: str, stop: threading.Event) -> Loop:
        """Build the loop of a new process of the service; raise `LogError`."""
        watchdog, metrics = Watchdog(), Metrics()
        check_topics(log.admin(), topic_specs(self.settings), state_topic_names(self.settings))
        step = self._step(log, RestoreProgress(watchdog, metrics, clock=lambda: 0.0))
        worker = log.worker(group=self.group, instance=instance, topics=step.input_topics)
        config = LoopConfig(
            service=self.name,
            dead_letter_topic=topic_name(self.settings, DEAD_LETTERS),
            dead_letter_share_max=1.0,
            records_max=self.records_max,
        )
        return Loop(worker, step, config, stop=stop, watchdog=watchdog, metrics=metrics)

    def _step(self, log: Log, progress: RestoreProgress) -> Step:
        if self.name == "embedder":
            return EmbedderStep(self.settings, ENCODER)
        return build_clusterer(self.settings, log, progress)


class PausingEvent(threading.Event):
    """A stop event that pauses the process while it waits."""

    def __init__(self, pause: Callable[[], None]) -> None:
        super().__init__()
        self._pause = pause

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - the simulated clock decides how long
        """Let other processes run; return whether the event is set."""
        self._pause()
        return self.is_set()


@contextmanager
def without_process_side_effects() -> Iterator[None]:
    """Disable what a service does to its own process: logging, and control of the garbage collector."""
    logging_before, collector = structlog.get_config(), vars(garbage_collection)["gc"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    calls = ("isenabled", "freeze", "unfreeze", "collect", "enable", "disable")
    vars(garbage_collection)["gc"] = SimpleNamespace(**dict.fromkeys(calls, bool))
    try:
        yield
    finally:
        vars(garbage_collection)["gc"] = collector
        structlog.configure(**logging_before)
