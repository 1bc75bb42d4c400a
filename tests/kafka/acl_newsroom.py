"""A newsroom on a secured broker: each of its processes is a user with the rights of its role."""

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
from newsloom.subscribe import subscribe
from services.cli.__main__ import newsloom
from tests.kafka.broker import wait_until
from tests.kafka.secured_broker import ADMIN, SecuredBroker
from tests.unit.evaluation.invented_stream import WordEncoder, rows_of_three_stories

ROLES_BY_NAME: Final[dict[str, Role]] = {role.name: role for role in ROLES}
MODULES: Final = {"embedder": "tests.kafka.word_embedder", "clusterer": "services.clusterer"}
REPOSITORY: Final = Path(__file__).resolve().parent.parent.parent
START_S_MAX: Final = 60.0
END_S_MAX: Final = 60.0
WORK_S_MAX: Final = 60.0


class ServiceProcess:
    """A service that runs as a process."""

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
                start_new_session=True,  # Ctrl-C must reach the tests only; they stop the service.
            )

    def wait_started(self) -> None:
        """Wait until the service logs that it has started; fail if it exits instead."""

        def has_started() -> bool:
            assert self._process.poll() is None, self.output_text()
            return '"service.started"' in self.output_text()

        wait_until(has_started, START_S_MAX, "the service to start")

    def output_text(self) -> str:
        """Return everything the service has printed."""
        return self.output.read_text()

    def wait(self, seconds: float = END_S_MAX) -> int:
        """Wait for the service to exit and return its status."""
        return self._process.wait(seconds)

    def stop(self) -> int:
        """Stop the service (SIGTERM) and return its status."""
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@dataclass
class AclNewsroom:
    """The topics of one prefix on a secured broker, and the processes of its users."""

    broker: SecuredBroker
    folder: Path
    prefix: str = "news."
    running: list[ServiceProcess] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    """What the commands have printed, and their exceptions."""

    def with_prefix(self, prefix: str) -> AclNewsroom:
        """Return a newsroom on the same broker with another prefix."""
        return AclNewsroom(self.broker, self.folder, prefix)

    @property
    def settings(self) -> Settings:
        return Settings(log=self.broker.url, topic_prefix=self.prefix, model=WordEncoder.model)

    def name(self, topic: TopicDefinition) -> str:
        return topic_name(self.settings, topic)

    def rights(self, role: str) -> list[Right]:
        """Return the rights of a role, as `newsloom topics acls` prints them."""
        return ROLES_BY_NAME[role].rights(self.prefix)

    def environment_of(self, user: str, **changed: str) -> dict[str, str]:
        """Return the NEWSLOOM_ variables of this user's processes."""
        kafka = {f"NEWSLOOM_KAFKA_{name.upper()}": value for name, value in self.broker.options(user).items()}
        return {
            "NEWSLOOM_LOG": self.broker.url,
            "NEWSLOOM_TOPIC_PREFIX": self.prefix,
            "NEWSLOOM_MODEL": WordEncoder.model,
            **kafka,
            **changed,
        }

    def invoke(self, user: str, *arguments: str) -> Result:
        """Run a command as this user in the test's process and return its result."""
        environment = {name: None for name in os.environ if name.startswith("NEWSLOOM_")} | self.environment_of(user)
        result = CliRunner(env=environment).invoke(newsloom, arguments)
        self.outputs += [result.output, str(result.exception)]
        return result

    def run(self, user: str, *arguments: str) -> None:
        """Run a command and raise its exception if it fails."""
        result = self.invoke(user, *arguments)
        if result.exit_code:
            assert result.exception is not None
            raise result.exception

    def migrate(self, new: AclNewsroom, *, without: Right | None = None) -> None:
        """Migrate with the rights it needs on both prefixes, except `without`."""
        rights = [right for right in new.rights("migrator") if right != without]
        self.broker.allow("migrator", [*self.rights("verifier"), *rights])
        self.run("migrator", "migrate", "--to-prefix", new.prefix, "--state-partitions", "2")

    def output_of(self, user: str, *arguments: str) -> str:
        """Run a command that must succeed and return its output."""
        result = self.invoke(user, *arguments)
        assert result.exit_code == 0, (arguments, result.output, result.exception)
        return result.output

    def start(self, service: str, user: str, **changed: str) -> ServiceProcess:
        """Start a service as this user; `changed` replaces environment variables."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLOOM_")}
        output = self.folder / f"{service}-{time.monotonic_ns()}.log"
        self.running.append(ServiceProcess(service, {**inherited, **self.environment_of(user, **changed)}, output))
        return self.running[-1]

    def open(self, user: str = ADMIN, **options: str) -> Log:
        """Open the log as this user."""
        return open_log_url(self.broker.url, kafka_options={**self.broker.options(user), **options})

    def create_topics(self) -> None:
        with closing(self.open()) as log:
            log.admin().create(topic_specs(self.settings))

    def articles_file(self) -> Path:
        """Write a new file of articles for `newsloom ingest`."""
        rows = [{name: value for name, value in row.items() if name != "story"} for row in rows_of_three_stories()]
        file = self.folder / f"articles-{uuid.uuid4().hex}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return file

    def run_all_roles(self) -> None:
        """Run a process of each role once, with the rights of its role only, and stop the services."""
        for role in ROLES:
            self.broker.allow(role.name, self.rights(role.name))
        self.output_of("admin", "topics", "create")
        self.output_of("admin", "topics", "check")
        services = [self.start(name, name) for name in MODULES]
        self.output_of("ingest", "ingest", str(self.articles_file()))
        self.write([Message(self.name(ARTICLES), b"bad", b"{")])
        wait_until(lambda: sum(one["article_count"] for one in self.stories().values()) == 9, WORK_S_MAX, "9 articles")
        self.output_of("operator", "stories", "pin", next(iter(self.stories())), "--why", "a test")
        wait_until(lambda: bool(self.dead_letters()), WORK_S_MAX, "a dead letter")
        self.output_of("dead-letters", "dead-letters", "replay")
        wait_until(lambda: bool(self.dead_letters()), WORK_S_MAX, "the replayed letter to be rejected again")
        for service in services:
            service.wait_started()
            assert service.stop() == 0, service.output_text()

    def stories(self) -> dict[str, Any]:
        """Return the stories that a reader sees, by id."""
        lines = self.output_of("reader", "stories", "--all", "--format", "json").splitlines()
        return {story["id"]: story for story in map(json.loads, lines)}

    def dead_letters(self) -> list[str]:
        """Return the dead letters that are not replayed yet."""
        lines = self.output_of("dead-letters", "dead-letters", "list", "--format", "json").splitlines()
        return [line for line in lines if line.startswith("{")]

    def read_updates(self) -> list[str]:
        """Return the titles of all updates after the subscriber's committed offsets."""
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
        """Return the consumer group of the subscriber."""
        return f"{self.prefix}subscriber-test"

    def write(self, messages: Sequence[Message]) -> None:
        """Write messages as the administrator."""
        with closing(self.open()) as log, closing(log.writer("test")) as writer:
            before = writer.progress()
            writer.write(messages, Progress((before.position if before else 0) + 1))

    def close(self) -> None:
        """Kill the services that still run."""
        for service in self.running:
            service.kill()
