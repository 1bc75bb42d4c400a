"""Run services that are ended by signals in the middle of their work, and restarted each time."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from newsloom.log_names import topic_name
from newsloom.streaming.log import Log
from tests.acceptance.installation import DRAIN_S_MAX, INPUT_TOPICS, START_S_MAX, Installation, Service
from tests.kafka.broker import wait_until

ORDER: Final = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedSignal:
    """A signal to send `after_s` seconds after a started service has processed `records` of its input."""

    records: int
    after_s: float
    number: signal.Signals


def plan_signals(count: int, *, records: int, after_s_max: float, seed: int) -> list[PlannedSignal]:
    """Plan `count` signals over the first half of this many records, each after a random delay within a batch.

    The first comes before any record is processed. None comes in the second half, as a fast service would be done by then.
    """
    delays = random.Random(seed)  # noqa: S311 - nothing secret
    return [
        PlannedSignal(
            records=records * index // (2 * count),
            after_s=delays.uniform(0, after_s_max),
            number=ORDER[index % len(ORDER)],
        )
        for index in range(count)
    ]


def run_with_signals(installation: Installation, plans: dict[str, Sequence[PlannedSignal]]) -> None:
    """Run services until they have no backlog, each with its planned signals.

    `plans` are in the order of the flow. Fail if a signal comes when no work is left, as it would test nothing.
    """
    with ThreadPoolExecutor(len(plans)) as threads:
        running = list(threads.map(lambda plan: _run_plan(installation, *plan), plans.items()))
    installation.drain(*plans)
    for service in running:
        assert service.end().status == 0


def _run_plan(installation: Installation, name: str, plan: Sequence[PlannedSignal]) -> Service:
    with closing(installation.open()) as log:
        for planned in plan:
            _send(installation, log, name, planned)
    return installation.start(name)


def _send(installation: Installation, log: Log, name: str, planned: PlannedSignal) -> None:
    service = installation.start(name)
    if planned.number is signal.SIGTERM:
        # Until the program is loaded it has no handler: SIGTERM would end it with another status.
        wait_until(lambda: service.has_started, START_S_MAX, f"{name} to start")
    wait_until(lambda: processed_offsets(installation, log, name) >= planned.records, DRAIN_S_MAX, f"{name}: {planned}")
    # The delay is random on purpose: a crash may come at any time.
    threading.Event().wait(planned.after_s)
    assert service.is_running, service.wait(0).stderr
    ended = service.end(planned.number)
    assert ended.status == (0 if planned.number is signal.SIGTERM else -planned.number), ended.stderr
    # Check all services: a clusterer may have no backlog for a moment.
    assert any(installation.backlog(log, service) for service in INPUT_TOPICS), (
        f"no work was left when the {name} got {planned}"
    )


def processed_offsets(installation: Installation, log: Log, service: str) -> int:
    """Return how many offsets of its input a service has processed; a lower bound."""
    topics = [topic_name(installation.settings, topic) for topic in INPUT_TOPICS[service]]
    backlog = installation.backlog(log, service)
    return sum(log.admin().end_offsets(topics).values()) - backlog
