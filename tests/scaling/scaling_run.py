"""A run in which replicas of both services join, are killed and leave, while articles are ingested."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from newsloom.contracts.topics import ARTICLES
from newsloom.log_names import group_name, topic_name, topic_specs
from newsloom.settings import Settings, load_settings
from newsloom.streaming.kafka.clients import ClientFactory
from newsloom.streaming.kafka.options import parse_addresses
from newsloom.streaming.log import Progress
from newsloom.streaming.open import open_log_url
from services.ingest.article_parser import parse_line
from services.ingest.messages import article_message
from tests.acceptance.installation import INPUT_TOPICS
from tests.chaos.embedder import VECTORS
from tests.chaos.replica_supervisor import ReplicaSupervisor
from tests.chaos.traffic import RULES
from tests.kafka.broker import wait_until

PARTITIONS, STATE_PARTITIONS = 4, 3
WAIT_S_MAX: Final = 180.0

Restores = list[tuple[str, int]]
"""Replica and partition of each restore, in order."""


@dataclass
class ScalingRun:
    """The processes, and what was observed of them."""

    settings: Settings
    replicas: ReplicaSupervisor
    lines: list[bytes]
    lines_written: int = 0
    restores: dict[str, Restores] = field(default_factory=dict)
    """By phase."""
    shares: dict[str, Counter[str]] = field(default_factory=dict)
    """Partitions of each topic by embedder, while there are two."""
    takeover_s: float = 0.0

    def all_restores(self) -> Restores:
        """Return every restore so far."""
        found = []
        for output in self.replicas.folder.glob("clusterer-*.log"):
            for line in output.read_text().splitlines():
                event: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
                if event.get("event") == "partition.restored":
                    found.append((event["timestamp"], output.stem, event["partition"]))
        return [(name, partition) for _, name, partition in sorted(found)]

    def write_articles(self, fraction: float) -> None:
        """Write the lines to `articles` up to this fraction of all."""
        until = int(len(self.lines) * fraction)
        name = topic_name(self.settings, ARTICLES)
        messages = [
            article_message(
                parse_line(line, RULES).event, topic=name, record_bytes_max=1_000_000, now=datetime.now(UTC)
            )
            for line in self.lines[self.lines_written : until]
        ]
        with (
            closing(open_log_url(self.settings.log)) as log,
            closing(log.writer(f"{self.settings.topic_prefix}feed")) as writer,
        ):
            writer.write(messages, Progress(until))
        self.lines_written = until

    def phase(self, name: str, action: Callable[[], None], *, restores: int) -> None:
        """Run the action, and wait until there were so many restores and all records are processed."""
        before = len(self.all_restores())
        action()
        self.wait(lambda: len(self.all_restores()) >= before + restores, f"{restores} restores ({name})")
        self.wait(self.is_done, f"all records to be processed ({name})")
        self.restores[name] = self.all_restores()[before:]

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for the condition, and restart ended processes meanwhile."""

        def restart_and_check() -> bool:
            self.replicas.check()
            return condition()

        wait_until(restart_and_check, WAIT_S_MAX, what)

    def is_done(self) -> bool:
        """Return whether no service has a backlog."""
        with closing(open_log_url(self.settings.log)) as log:
            return not any(
                log.admin().backlog(
                    group_name(self.settings, service), [topic_name(self.settings, topic) for topic in topics]
                )
                for service, topics in INPUT_TOPICS.items()
            )

    def join(self, instance: str) -> None:
        """Start one more replica of each service."""
        for service in INPUT_TOPICS:
            self.replicas.add(service, instance)

    def end(self, instance: str, number: signal.Signals) -> None:
        """End the replicas of this instance name; they are not restarted."""
        for replica in [one for one in self.replicas.replicas if one.instance == instance]:
            self.replicas.remove(replica, number)

    def embedder_shares(self) -> dict[str, Counter[str]]:
        """Return the partitions of each topic by embedder, as the broker reports them."""
        group = group_name(self.settings, "embedder")
        admin = ClientFactory(parse_addresses(self.settings.log), {}).admin()
        try:
            members = admin.describe_groups([group])[group]["members"]
        finally:
            admin.close()
        return {
            member["group_instance_id"]: Counter(
                {one["topic"]: len(one["partitions"]) for one in member["member_assignment"]["assigned_partitions"]}
            )
            for member in members
        }


def run_scaling(url: str, prefix: str, folder: Path, lines: list[bytes], vectors: Path) -> ScalingRun:
    """Start one replica of each service; a second one joins and is killed, a third one joins, and the first one leaves."""
    settings = load_settings(
        {
            "NEWSLOOM_LOG": url,
            "NEWSLOOM_TOPIC_PREFIX": prefix,
            "NEWSLOOM_PARTITIONS": str(PARTITIONS),
            "NEWSLOOM_STATE_PARTITIONS": str(STATE_PARTITIONS),
        }
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLOOM_")}
    ours = {"NEWSLOOM_LOG": url, "NEWSLOOM_TOPIC_PREFIX": prefix, VECTORS: str(vectors)}
    with closing(open_log_url(url)) as log:
        log.admin().create(topic_specs(settings))
    run = ScalingRun(settings, ReplicaSupervisor({**environ, **ours}, folder), lines)
    try:
        _run_phases(run)
    finally:
        run.replicas.kill_all()
    return run


def _run_phases(run: ScalingRun) -> None:
    def first() -> None:
        run.join("0")
        run.write_articles(0.2)

    def second_joins() -> None:
        run.write_articles(0.5)
        run.join("1")

    def second_is_killed() -> None:
        run.write_articles(0.7)
        run.end("1", signal.SIGKILL)

    def third_joins() -> None:
        run.write_articles(0.9)
        run.join("2")

    def first_leaves() -> None:
        run.write_articles(1.0)
        run.end("0", signal.SIGTERM)

    run.phase("first", first, restores=STATE_PARTITIONS)
    run.phase("second joins", second_joins, restores=1)
    run.wait(lambda: len(run.embedder_shares()) == 2 and all(run.embedder_shares().values()), "shares of the embedders")
    run.shares = run.embedder_shares()
    begun = time.monotonic()
    run.phase("second is killed", second_is_killed, restores=1)
    run.takeover_s = time.monotonic() - begun
    run.phase("third joins", third_joins, restores=1)
    run.phase("first leaves", first_leaves, restores=2)
    run.replicas.stop_all()
