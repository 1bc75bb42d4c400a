"""The report of a run, to be kept: the command, the machine, the date, the blows by kind, the counts, the result."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version

from tests.chaos.run import PARTITIONS, REPLICAS, STATE_PARTITIONS, Outcome
from tests.chaos.striking import POLL_INTERVAL_MS

TOLD_EVENTS = ("commit.failed", "log.unavailable", "partition.restored", "service.started", "record.rejected")


def report(outcome: Outcome, command: str) -> str:
    """The report as Markdown."""
    return "\n".join(_lines(outcome, command)) + "\n"


def _lines(outcome: Outcome, command: str) -> Iterator[str]:
    request = outcome.request
    yield "# Chaos on Apache Kafka"
    yield ""
    yield f"    {command}"
    yield ""
    yield (
        f"{datetime.now(tz=UTC):%Y-%m-%d}; {platform.machine()}, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}, kafka-python {version('kafka-python')}; load of the machine at the end "
        f"{os.getloadavg()[1]:.1f}. Seed {request.seed}: the order of the blows; what they hit is up to the moment."
    )
    yield ""
    replicas = ", ".join(f"{count} {service}s" for service, count in REPLICAS.items())
    yield (
        f"Three brokers on loopback, replication 3, `min.insync.replicas` 2; {replicas}; {PARTITIONS} partitions of "
        f"`articles` at first, {STATE_PARTITIONS} of the state topics. Timeouts as delivered, but for "
        f"`max.poll.interval.ms` = {POLL_INTERVAL_MS}. The embedders look their vectors up, at the model's pace."
    )
    yield ""
    yield f"**Result: {_result(outcome)}**"
    yield ""
    yield (
        f"{outcome.chaos_s:.0f} s of chaos, {outcome.drain_s:.0f} s until all was done and everybody had ended in good order, "
        f"{outcome.verify_s:.0f} s of verifying."
    )
    yield ""
    yield from _table("what was done", outcome.counts)
    yield from _table("how processes ended", outcome.statuses)
    told = {name: count for name, count in outcome.events.items() if name.endswith(TOLD_EVENTS)}
    yield from _table("what the services said", Counter(told))
    yield from _table("committed records read back", Counter(outcome.records))
    yield "| proved | problems |"
    yield "|---|---:|"
    for what, problems in outcome.checks:
        yield f"| {what} | {problems} |"
    if outcome.problems:
        yield ""
        yield from (f"- {problem}" for problem in outcome.problems[:50])


def _result(outcome: Outcome) -> str:
    kills = sum(count for kind, count in outcome.counts.items() if kind.endswith("er: kill"))
    done = f"{kills} kills of services, {outcome.counts['brokers down']} kills or restarts of brokers"
    if outcome.problems:
        return f"{len(outcome.problems)} problems after {done}"
    return f"nothing lost, nothing twice, the state of an undisturbed run, after {done}"


def _table(title: str, counts: Counter[str]) -> Iterator[str]:
    yield f"| {title} | |"
    yield "|---|---:|"
    for name, count in sorted(counts.items()):
        yield f"| {name} | {count:,} |"
    yield ""
