"""Real loops on a real log, in one process: what the bookkeeper checks is what the services write."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace

import msgspec

from newsloom.contracts.codec import InvalidValue, decode_vector, encode
from newsloom.contracts.topics import ARTICLE_VECTORS, ARTICLES, DEAD_LETTERS, STORY_COMMANDS, TopicDefinition
from newsloom.contracts.vector import ArticleRetraction, ArticleVector, VectorEvent
from newsloom.log_names import group_name, topic_name, topic_specs
from newsloom.settings import Settings
from newsloom.streaming.log import Log, Progress, Worker
from newsloom.streaming.loop import Loop, LoopConfig
from newsloom.streaming.records import Message, Record
from newsloom.streaming.step import Outcome, Rejection, Step
from newsloom.streaming.watchdog import Watchdog
from services.clusterer.core.calibration import zero_calibration
from services.clusterer.core.commands import CommandRefused
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters
from services.clusterer.step import ClustererStep
from tests.conformance.driving import steps
from tests.laws.command_streams import Input, RandomCommand, command
from tests.laws.streams import DIMENSION, EDITION, FIXED_PARAMETERS


class PassingStep:
    """Stands where the embedder does: articles come as vectors already, and are passed on with the place they had."""

    def __init__(self, settings: Settings) -> None:
        self.inputs: Sequence[str] = [topic_name(settings, topic) for topic in (ARTICLES, STORY_COMMANDS)]
        self._vectors = topic_name(settings, ARTICLE_VECTORS)

    def restore(self, partition: int) -> None: ...

    def forget(self, partition: int) -> None: ...

    def process(self, records: Sequence[Record]) -> Outcome:
        messages, rejected = [], []
        for record in records:
            try:
                edition = decode_vector(record.value or b"").edition.encode()
            except InvalidValue as error:
                rejected.append(Rejection(record, str(error)))
                continue
            source = f"{record.topic}/{record.partition}/{record.offset}".encode()
            messages.append(Message(self._vectors, edition, record.value, (("ce_id", source),)))
        return Outcome(messages, rejected)


class Newsroom:
    """Both services on one log, as loops that are turned until nothing is left to do."""

    def __init__(
        self,
        log: Log,
        settings: Settings,
        parameters: Parameters = FIXED_PARAMETERS,
        *,
        embedder: Step | None = None,
        dimension: int = DIMENSION,
    ) -> None:
        self.log = log
        self.settings = settings
        # One partition of articles, so that they are taken in as they were written; everything else has its own number.
        one = {topic_name(settings, topic) for topic in (ARTICLES, STORY_COMMANDS)}
        log.admin().create(
            [replace(spec, partitions=1) if spec.name in one else spec for spec in topic_specs(settings)]
        )
        clusterer = ClustererStep(settings, log, zero_calibration(settings.model, dimension), parameters)
        self._steps: dict[str, Step] = {"embedder": embedder or PassingStep(settings), "clusterer": clusterer}
        self._loops: dict[str, Loop] = {}
        self._workers: list[Worker] = []

    def close(self) -> None:
        """Let the services stop."""
        for worker in self._workers:
            worker.close()
        self._loops.clear()

    def write(self, topic: TopicDefinition, values: Iterable[bytes]) -> None:
        """Produce, in one transaction."""
        name = topic_name(self.settings, topic)
        with closing(self.log.writer(f"{self.settings.topic_prefix}producer")) as writer:
            writer.write([Message(name, None, value, partition=0) for value in values], Progress(1))

    def take_in(self, events: Iterable[VectorEvent]) -> None:
        """Write events, each run of articles or of commands at once, and let the embedder pass them on."""
        run: list[bytes] = []
        topic = ARTICLES
        for event in events:
            its_topic = ARTICLES if isinstance(event, ArticleVector | ArticleRetraction) else STORY_COMMANDS
            if its_topic is not topic and run:
                self._pass_on(topic, run)
                run = []
            topic = its_topic
            run.append(encode(event))
        self._pass_on(topic, run)

    def _pass_on(self, topic: TopicDefinition, values: Sequence[bytes]) -> None:
        self.write(topic, values)
        self.drain("embedder")

    def drain(self, *services: str) -> None:
        """Turn the services until they have nothing left to do."""
        for service in services:
            loop = self._loops.get(service) or self._start(service)
            group, inputs = group_name(self.settings, service), self._steps[service].inputs
            for _ in steps(f"the {service} to drain"):
                loop.turn()
                if self.log.admin().backlog(group, inputs) == 0:
                    break

    def _start(self, service: str) -> Loop:
        step = self._steps[service]
        worker = self.log.worker(group=group_name(self.settings, service), instance="0", topics=step.inputs)
        self._workers.append(worker)
        letters = topic_name(self.settings, DEAD_LETTERS)
        config = LoopConfig(service=service, dead_letter_topic=letters, dead_letter_share_max=1.0, records_max=7)
        self._loops[service] = Loop(worker, step, config, stop=threading.Event(), watchdog=Watchdog())
        return self._loops[service]


def resolved(inputs: Iterable[Input], parameters: Parameters = FIXED_PARAMETERS) -> list[VectorEvent]:
    """The events, each wish as the command that it comes to among the stories of its time. Some will be refused."""
    engine = Engine(EditionState(EDITION, zero_calibration("test", DIMENSION), parameters))
    events: list[VectorEvent] = []
    for place, one in enumerate(inputs):
        event = command(one, engine.edition, f"c-{place}") if isinstance(one, RandomCommand) else one
        if event is None:
            continue
        events.append(event)
        try:
            engine.apply(event)
        except CommandRefused:
            continue
    return events


def in_edition(events: Iterable[VectorEvent], edition: str) -> list[VectorEvent]:
    """The same in another edition; story ids depend on it, so commands are left out."""
    return [
        msgspec.structs.replace(event, edition=edition)
        for event in events
        if isinstance(event, ArticleVector | ArticleRetraction)
    ]
