"""Services under blows: ended again and again in the middle of their work, and started again each time."""

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
from tests.acceptance.installation import DRAIN_S_MAX, INPUTS, START_S_MAX, Installation, Service
from tests.kafka.broker import wait_until

ORDER: Final = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Blow:
    """A signal, `after_s` seconds after a service that was started has taken in `records` of its input."""

    records: int
    after_s: float
    number: signal.Signals


def blows(count: int, *, records: int, after_s_max: float, seed: int) -> list[Blow]:
    """`count` blows over the first half of so many records, each at a moment of its own within the work on a batch.

    The first one hits the start: before the first record is taken in. None comes late: a fast service would be done by then.
    """
    moments = random.Random(seed)  # noqa: S311 - nothing secret
    return [
        Blow(
            records=records * place // (2 * count),
            after_s=moments.uniform(0, after_s_max),
            number=ORDER[place % len(ORDER)],
        )
        for place in range(count)
    ]


def run_under(installation: Installation, plans: dict[str, Sequence[Blow]]) -> None:
    """Run services until they have nothing left to do, each under its own blows.

    `plans` are in the order of the flow. Every blow must come while there is work left: too late, it proves nothing.
    """
    with ThreadPoolExecutor(len(plans)) as threads:
        running = list(threads.map(lambda plan: _strike(installation, *plan), plans.items()))
    installation.drain(*plans)
    for service in running:
        assert service.end().status == 0


def _strike(installation: Installation, name: str, plan: Sequence[Blow]) -> Service:
    with closing(installation.open()) as log:
        for blow in plan:
            _strike_once(installation, log, name, blow)
    return installation.start(name)


def _strike_once(installation: Installation, log: Log, name: str, blow: Blow) -> None:
    service = installation.start(name)
    if blow.number is signal.SIGTERM:
        # Python sets no handler before it has loaded the program: until then SIGTERM ends it as it ends any process.
        wait_until(lambda: service.has_started, START_S_MAX, f"{name} to start")
    wait_until(lambda: taken_in(installation, log, name) >= blow.records, DRAIN_S_MAX, f"{name}: {blow}")
    # A crash waits for no condition.
    threading.Event().wait(blow.after_s)
    assert service.is_running, service.wait(0).stderr
    ended = service.end(blow.number)
    assert ended.status == (0 if blow.number is signal.SIGTERM else -blow.number), ended.stderr
    # In the middle of the flow: a clusterer may have nothing to do for the moment.
    assert any(installation.backlog(log, service) for service in INPUTS), f"all was done before {blow} hit the {name}"


def taken_in(installation: Installation, log: Log, service: str) -> int:
    """How far a service has come in its input, in offsets; a lower bound."""
    topics = [topic_name(installation.settings, topic) for topic in INPUTS[service]]
    backlog = installation.backlog(log, service)
    return sum(log.admin().end_offsets(topics).values()) - backlog
