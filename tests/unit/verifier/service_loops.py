"""Both services as loops in one process, so that the verifier checks what the services really write."""

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
from tests.conformance.clients import steps
from tests.laws.command_streams import RandomCommand, StreamItem, resolve_command
from tests.laws.streams import DIMENSION, EDITION, FIXED_PARAMETERS


class ForwardingStep:
    """Stands in for the embedder: the records of `articles` are vectors already, and are forwarded with their record id."""

    def __init__(self, settings: Settings) -> None:
        self.input_topics: Sequence[str] = [topic_name(settings, topic) for topic in (ARTICLES, STORY_COMMANDS)]
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


class ServiceLoops:
    """Both services on one log, as loops that run until nothing is left to process."""

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
        # One partition for articles, so that they are processed in the order of writing; other topics have as many as set.
        single = {topic_name(settings, topic) for topic in (ARTICLES, STORY_COMMANDS)}
        log.admin().create(
            [replace(spec, partitions=1) if spec.name in single else spec for spec in topic_specs(settings)]
        )
        clusterer = ClustererStep(settings, log, zero_calibration(settings.model, dimension), parameters)
        self._steps: dict[str, Step] = {"embedder": embedder or ForwardingStep(settings), "clusterer": clusterer}
        self._loops: dict[str, Loop] = {}
        self._workers: list[Worker] = []

    def close(self) -> None:
        """Stop the services."""
        for worker in self._workers:
            worker.close()
        self._loops.clear()

    def write(self, topic: TopicDefinition, values: Iterable[bytes]) -> None:
        """Write the values in one transaction."""
        name = topic_name(self.settings, topic)
        with closing(self.log.writer(f"{self.settings.topic_prefix}producer")) as writer:
            writer.write([Message(name, None, value, partition=0) for value in values], Progress(1))

    def feed(self, events: Iterable[VectorEvent]) -> None:
        """Write events, each run of articles or of commands in one transaction, and let the embedder forward them."""
        run: list[bytes] = []
        topic = ARTICLES
        for event in events:
            topic_of_event = ARTICLES if isinstance(event, ArticleVector | ArticleRetraction) else STORY_COMMANDS
            if topic_of_event is not topic and run:
                self._forward(topic, run)
                run = []
            topic = topic_of_event
            run.append(encode(event))
        self._forward(topic, run)

    def _forward(self, topic: TopicDefinition, values: Sequence[bytes]) -> None:
        self.write(topic, values)
        self.drain("embedder")

    def drain(self, *services: str) -> None:
        """Run the services, one after the other, until each has no backlog."""
        for service in services:
            loop = self._loops.get(service) or self._start(service)
            group, inputs = group_name(self.settings, service), self._steps[service].input_topics
            for _ in steps(f"the {service} to drain"):
                loop.run_once()
                if self.log.admin().backlog(group, inputs) == 0:
                    break

    def _start(self, service: str) -> Loop:
        step = self._steps[service]
        worker = self.log.worker(group=group_name(self.settings, service), instance="0", topics=step.input_topics)
        self._workers.append(worker)
        letters = topic_name(self.settings, DEAD_LETTERS)
        config = LoopConfig(service=service, dead_letter_topic=letters, dead_letter_share_max=1.0, records_max=7)
        self._loops[service] = Loop(worker, step, config, stop=threading.Event(), watchdog=Watchdog())
        return self._loops[service]


def resolve_commands(inputs: Iterable[StreamItem], parameters: Parameters = FIXED_PARAMETERS) -> list[VectorEvent]:
    """Return the events; a random command names stories that exist when it comes. Some of the commands will be refused."""
    engine = Engine(EditionState(EDITION, zero_calibration("test", DIMENSION), parameters))
    events: list[VectorEvent] = []
    for index, item in enumerate(inputs):
        event = resolve_command(item, engine.edition, f"c-{index}") if isinstance(item, RandomCommand) else item
        if event is None:
            continue
        events.append(event)
        try:
            engine.apply(event)
        except CommandRefused:
            continue
    return events


def in_edition(events: Iterable[VectorEvent], edition: str) -> list[VectorEvent]:
    """Return the articles and retractions in another edition; commands are left out, as story ids depend on the edition."""
    return [
        msgspec.structs.replace(event, edition=edition)
        for event in events
        if isinstance(event, ArticleVector | ArticleRetraction)
    ]
