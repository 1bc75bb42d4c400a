"""Both services on a SQLite log, for commands that need an answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from click.testing import CliRunner, Result

from newsloom.contracts.codec import encode
from newsloom.contracts.story import Story, StoryUpdate
from newsloom.log_names import topic_specs
from newsloom.settings import Settings
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.loop import Loop, LoopConfig
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message
from newsloom.streaming.scan import read_topic
from newsloom.streaming.step import Step
from newsloom.streaming.watchdog import Watchdog
from newsloom.subscribe import Newsloom
from services.cli.__main__ import newsloom as cli
from services.clusterer.step import ClustererStep
from services.embedder.step import EmbedderStep
from tests.laws.streams import FIXED_PARAMETERS, Event, article
from tests.unit.embedder.test_step import BytesEncoder


class RunningServices:
    """A log in a file, both services in threads, and the command line."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(log=f"sqlite:///{folder / 'news.db'}", model="test", partitions=2)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._serve, args=(name,), name=name) for name in ("embedder", "clusterer")
        ]
        with closing(open_log_url(self.settings.log)) as log:
            log.admin().create(topic_specs(self.settings))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(30)

    def _serve(self, name: str) -> None:
        config = LoopConfig(
            service=name, dead_letter_topic="news.dead-letters", dead_letter_share_max=1, records_max=10
        )
        with closing(open_log_url(self.settings.log)) as log:
            step = self._step(name, log)
            worker = log.worker(group=f"news.{name}", instance="0", topics=step.input_topics)
            Loop(worker, step, config, stop=self._stop, watchdog=Watchdog()).run()
            worker.close()

    def _step(self, name: str, log: Log) -> Step:
        if name == "embedder":
            return EmbedderStep(self.settings, BytesEncoder())
        return ClustererStep(self.settings, log, None, FIXED_PARAMETERS)

    def write(self, messages: Sequence[Message]) -> None:
        with closing(open_log_url(self.settings.log)) as log, closing(log.writer("test")) as writer:
            before = writer.progress()
            writer.write(messages, Progress((before.position if before else 0) + 1))

    def process(self, *events: Event) -> None:
        """Write vectors and wait until the clusterer has processed them."""
        self.write([Message("news.article-vectors", event.edition.encode(), encode(event)) for event in events])
        with closing(open_log_url(self.settings.log)) as log:
            admin, pause = log.admin(), threading.Event()
            for _ in range(300):
                if not admin.backlog("news.clusterer", ["news.article-vectors"]):
                    return
                pause.wait(0.1)
        raise AssertionError("the clusterer does not process its input")

    def run(self, *arguments: str) -> Result:
        environment = {
            "NEWSLOOM_LOG": self.settings.log,
            "NEWSLOOM_TOPIC_PREFIX": None,
            "LOGNAME": "jane",
        }
        return CliRunner(env=environment).invoke(cli, arguments)

    def stories(self) -> dict[str, Story]:
        with closing(open_log_url(self.settings.log)) as log:
            return Newsloom(log).stories()

    def updates(self) -> list[StoryUpdate]:
        with closing(open_log_url(self.settings.log)) as log:
            return list(Newsloom(log).updates(start="earliest", idle_s=0))

    def story_id_of(self, number: int) -> str:
        with closing(open_log_url(self.settings.log)) as log:
            return Newsloom(log).memberships()["main", f"a{number}"].story_id

    def count_commands(self) -> int:
        with closing(open_log_url(self.settings.log)) as log:
            return sum(1 for _ in read_topic(log, "news.story-commands"))

    def process_examples(self) -> None:
        """Write three articles on one subject, two on another and one on a third."""
        self.process(
            *(article(number, subject=1, hour=number / 10) for number in range(3)),
            *(article(number, subject=2, hour=number / 10) for number in range(3, 5)),
            article(5, subject=3, hour=0.5),
        )
