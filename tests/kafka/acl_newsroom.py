"""A newsroom on a secured broker: each of its processes is a user of its own, who may do what its role says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner, Result

from newsloom.access import ROLES, Right, Role
from newsloom.contracts.topics import ARTICLES, STORY_UPDATES, TopicDefinition
from newsloom.log_names import topic_name, topic_specs
from newsloom.settings import Settings
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message
from newsloom.subscriber import subscribe
from services.cli.__main__ import newsloom
from tests.kafka.broker import wait_until
from tests.kafka.secured_broker import ADMIN, SecuredBroker
from tests.unit.evaluation.newsroom import WordEncoder, rows_of_three_stories

ROLES_BY_NAME: Final[dict[str, Role]] = {role.name: role for role in ROLES}
MODULES: Final = {"embedder": "tests.kafka.word_embedder", "clusterer": "services.clusterer"}
REPOSITORY: Final = Path(__file__).resolve().parent.parent.parent
START_S_MAX: Final = 60.0
END_S_MAX: Final = 60.0
WORK_S_MAX: Final = 60.0


class ServiceProcess:
    """A service as a process."""

    def __init__(self, service: str, environ: dict[str, str], output: Path) -> None:
        self.output = output
        with output.open("wb") as lines:
            self._process = subprocess.Popen(
                [sys.executable, "-m", MODULES[service]],
                env=environ,
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=lines,
                start_new_session=True,  # Ctrl-C is for the tests, which then end it.
            )

    def wait_started(self) -> None:
        """Return once it says that it works; fail if it ends instead."""

        def has_started() -> bool:
            assert self._process.poll() is None, self.said()
            return '"service.started"' in self.said()

        wait_until(has_started, START_S_MAX, "the service to start")

    def said(self) -> str:
        """All it has written."""
        return self.output.read_text()

    def wait(self, seconds: float = END_S_MAX) -> int:
        """Its status, once it has ended."""
        return self._process.wait(seconds)

    def stop(self) -> int:
        """End it in good order; its status."""
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@dataclass
class AclNewsroom:
    """Topics under a prefix of a secured broker, and processes that work on them, by the name of their user."""

    broker: SecuredBroker
    folder: Path
    prefix: str = "news."
    running: list[ServiceProcess] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """What commands have printed."""

    def beside(self, prefix: str) -> AclNewsroom:
        """Another one on the same broker, under another prefix."""
        return AclNewsroom(self.broker, self.folder, prefix)

    @property
    def settings(self) -> Settings:
        return Settings(log=self.broker.url, topic_prefix=self.prefix, model=WordEncoder.model)

    def name(self, topic: TopicDefinition) -> str:
        return topic_name(self.settings, topic)

    def rights(self, role: str) -> list[Right]:
        """Those of a role, as `newsloom topics acls` prints them."""
        return ROLES_BY_NAME[role].rights(self.prefix)

    def settings_of(self, user: str, **changed: str) -> dict[str, str]:
        """Every variable of newsloom's in the environment of this user's processes."""
        kafka = {f"NEWSLOOM_KAFKA_{name.upper()}": value for name, value in self.broker.options(user).items()}
        return {
            "NEWSLOOM_LOG": self.broker.url,
            "NEWSLOOM_TOPIC_PREFIX": self.prefix,
            "NEWSLOOM_MODEL": WordEncoder.model,
            **kafka,
            **changed,
        }

    def command(self, user: str, *arguments: str) -> Result:
        """Run a command, in this process, as this user."""
        with_ours = {name: None for name in os.environ if name.startswith("NEWSLOOM_")} | self.settings_of(user)
        result = CliRunner(env=with_ours).invoke(newsloom, arguments)
        self.told += [result.output, str(result.exception)]
        return result

    def run(self, user: str, *arguments: str) -> None:
        """Run a command; raises what the command line makes a line and a status of."""
        result = self.command(user, *arguments)
        if result.exit_code:
            assert result.exception is not None
            raise result.exception

    def migrate(self, new: AclNewsroom, *, without: Right | None = None) -> None:
        """Migrate, with all rights that it takes under either prefix, without one."""
        rights = [right for right in new.rights("migrator") if right != without]
        self.broker.allow("migrator", [*self.rights("verifier"), *rights])
        self.run("migrator", "migrate", "--to-prefix", new.prefix, "--state-partitions", "2")

    def succeeds(self, user: str, *arguments: str) -> str:
        """What a command that must succeed prints."""
        result = self.command(user, *arguments)
        assert result.exit_code == 0, (arguments, result.output, result.exception)
        return result.output

    def start(self, service: str, user: str, **changed: str) -> ServiceProcess:
        """Start a service as this user."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLOOM_")}
        output = self.folder / f"{service}-{time.monotonic_ns()}.log"
        self.running.append(ServiceProcess(service, {**inherited, **self.settings_of(user, **changed)}, output))
        return self.running[-1]

    def open(self, user: str = ADMIN, **options: str) -> Log:
        """The log, for this process."""
        return open_log_url(self.broker.url, kafka_options={**self.broker.options(user), **options})

    def create_topics(self) -> None:
        with closing(self.open()) as log:
            log.admin().create(topic_specs(self.settings))

    def articles_file(self) -> Path:
        """A file to ingest, which no other ingest has seen."""
        rows = [{name: value for name, value in row.items() if name != "story"} for row in rows_of_three_stories()]
        file = self.folder / f"articles-{uuid.uuid4().hex}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return file

    def work(self) -> None:
        """Each role's process does what it is there for, with the rights of its role alone; then all rest."""
        for role in ROLES:
            self.broker.allow(role.name, self.rights(role.name))
        self.succeeds("admin", "topics", "create")
        self.succeeds("admin", "topics", "check")
        services = [self.start(name, name) for name in MODULES]
        self.succeeds("ingest", "ingest", str(self.articles_file()))
        self.write([Message(self.name(ARTICLES), b"bad", b"{")])
        wait_until(lambda: sum(one["article_count"] for one in self.stories().values()) == 9, WORK_S_MAX, "9 articles")
        self.succeeds("operator", "stories", "pin", next(iter(self.stories())), "--why", "a test")
        wait_until(lambda: bool(self.letters()), WORK_S_MAX, "a dead letter")
        self.succeeds("dead-letters", "dead-letters", "replay")
        wait_until(lambda: bool(self.letters()), WORK_S_MAX, "the letter to come back")
        for service in services:
            service.wait_started()
            assert service.stop() == 0, service.said()

    def stories(self) -> dict[str, Any]:
        """By id, as a reader sees them."""
        lines = self.succeeds("reader", "stories", "--all", "--format", "json").splitlines()
        return {story["id"]: story for story in map(json.loads, lines)}

    def letters(self) -> list[str]:
        """Dead letters that wait."""
        lines = self.succeeds("dead-letters", "dead-letters", "list", "--format", "json").splitlines()
        return [line for line in lines if line.startswith("{")]

    def subscribed(self) -> list[str]:
        """The titles of all updates that the subscriber has not seen yet."""
        options, titles = self.broker.options("subscriber"), list[str]()
        with (
            closing(self.open()) as log,
            subscribe(self.broker.url, topic_prefix=self.prefix, kafka_options=options) as news,
            news.subscription(group=self.subscriber) as own,
        ):
            news.stories()
            news.memberships()
            for batch in own:
                titles += [update.title for update in batch]
                batch.commit()
                if not log.admin().backlog(self.subscriber, [self.name(STORY_UPDATES)]):
                    break
        return titles

    @property
    def subscriber(self) -> str:
        """The group of the subscriber."""
        return f"{self.prefix}subscriber-test"

    def write(self, messages: Sequence[Message]) -> None:
        """Write as one who may write everything."""
        with closing(self.open()) as log, closing(log.writer("test")) as writer:
            before = writer.progress()
            writer.write(messages, Progress((before.position if before else 0) + 1))

    def close(self) -> None:
        """End what still runs."""
        for service in self.running:
            service.kill()
