"""One newsroom's life: replicas join it, are lost and leave, while articles come in."""

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
from tests.acceptance.installation import INPUTS
from tests.chaos.embedder import VECTORS
from tests.chaos.newsroom import Newsroom
from tests.chaos.traffic import RULES
from tests.kafka.broker import wait_until

PARTITIONS, STATE_PARTITIONS = 4, 3
WAIT_S_MAX: Final = 180.0

Restores = list[tuple[str, int]]
"""Which replica has restored which partition, in order."""


@dataclass
class Life:
    """What was seen of it."""

    settings: Settings
    newsroom: Newsroom
    lines: list[bytes]
    fed: int = 0
    restores: dict[str, Restores] = field(default_factory=dict)
    """Of each phase."""
    shares: dict[str, Counter[str]] = field(default_factory=dict)
    """How many partitions of each topic each embedder has, once there are two."""
    taken_over_s: float = 0.0

    def restored(self) -> Restores:
        """Every restore so far."""
        found = []
        for output in self.newsroom.folder.glob("clusterer-*.log"):
            for line in output.read_text().splitlines():
                event: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
                if event.get("event") == "partition.restored":
                    found.append((event["timestamp"], output.stem, event["partition"]))
        return [(name, partition) for _, name, partition in sorted(found)]

    def feed(self, part: float) -> None:
        """Write the traffic to `articles`, up to this part of all of it."""
        until = int(len(self.lines) * part)
        name = topic_name(self.settings, ARTICLES)
        messages = [
            article_message(parse_line(line, RULES), topic=name, record_bytes_max=1_000_000, now=datetime.now(UTC))
            for line in self.lines[self.fed : until]
        ]
        with (
            closing(open_log_url(self.settings.log)) as log,
            closing(log.writer(f"{self.settings.topic_prefix}feed")) as writer,
        ):
            writer.write(messages, Progress(until))
        self.fed = until

    def phase(self, name: str, happens: Callable[[], None], *, restores: int) -> None:
        """Let something happen, and wait for the restores that follow from it."""
        before = len(self.restored())
        happens()
        self.wait(lambda: len(self.restored()) >= before + restores, f"{restores} restores ({name})")
        self.wait(self.is_done, f"all to be done ({name})")
        self.restores[name] = self.restored()[before:]

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait, and tend the newsroom all the while."""

        def tended() -> bool:
            self.newsroom.tend()
            return condition()

        wait_until(tended, WAIT_S_MAX, what)

    def is_done(self) -> bool:
        """Whether nothing waits for anybody."""
        with closing(open_log_url(self.settings.log)) as log:
            return not any(
                log.admin().backlog(
                    group_name(self.settings, service), [topic_name(self.settings, topic) for topic in topics]
                )
                for service, topics in INPUTS.items()
            )

    def join(self, instance: str) -> None:
        """A replica more of each service."""
        for service in INPUTS:
            self.newsroom.add(service, instance)

    def lose(self, instance: str, number: signal.Signals) -> None:
        """These replicas end, and nobody starts them again."""
        for replica in [one for one in self.newsroom.replicas if one.instance == instance]:
            self.newsroom.lose(replica, number)

    def embedder_shares(self) -> dict[str, Counter[str]]:
        """Partitions of each topic by embedder, as the broker has it."""
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


def live(url: str, prefix: str, folder: Path, lines: list[bytes], vectors: Path) -> Life:
    """All of it: one replica of each service, a second that joins, is lost, a third, and the first one leaves."""
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
    life = Life(settings, Newsroom({**environ, **ours}, folder), lines)
    try:
        _live(life)
    finally:
        life.newsroom.kill()
    return life


def _live(life: Life) -> None:
    def first() -> None:
        life.join("0")
        life.feed(0.2)

    def second_joins() -> None:
        life.feed(0.5)
        life.join("1")

    def second_is_lost() -> None:
        life.feed(0.7)
        life.lose("1", signal.SIGKILL)

    def third_joins() -> None:
        life.feed(0.9)
        life.join("2")

    def first_leaves() -> None:
        life.feed(1.0)
        life.lose("0", signal.SIGTERM)

    life.phase("first", first, restores=STATE_PARTITIONS)
    life.phase("second joins", second_joins, restores=1)
    life.wait(
        lambda: len(life.embedder_shares()) == 2 and all(life.embedder_shares().values()), "shares of the embedders"
    )
    life.shares = life.embedder_shares()
    begun = time.monotonic()
    life.phase("second is lost", second_is_lost, restores=1)
    life.taken_over_s = time.monotonic() - begun
    life.phase("third joins", third_joins, restores=1)
    life.phase("first leaves", first_leaves, restores=2)
    life.newsroom.end()
