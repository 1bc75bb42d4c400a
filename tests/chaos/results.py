"""Render the result of a run: command, machine, date, faults by kind, counts, problems."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version

from tests.chaos.run import PARTITIONS, REPLICAS, STATE_PARTITIONS, ChaosResult
from tests.chaos.service_faults import POLL_INTERVAL_MS

SHOWN_EVENTS = ("commit.failed", "log.unavailable", "partition.restored", "service.started", "record.rejected")


def render(result: ChaosResult, command: str) -> str:
    """Return the result as Markdown."""
    return "\n".join(_lines(result, command)) + "\n"


def _lines(result: ChaosResult, command: str) -> Iterator[str]:
    config = result.config
    yield "# Chaos on Apache Kafka"
    yield ""
    yield f"    {command}"
    yield ""
    yield (
        f"{datetime.now(tz=UTC):%Y-%m-%d}; {platform.machine()}, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}, kafka-python {version('kafka-python')}; load average at the end "
        f"{os.getloadavg()[1]:.1f}. Seed {config.seed} sets the order of the faults; their targets depend on timing."
    )
    yield ""
    replicas = ", ".join(f"{count} {service}s" for service, count in REPLICAS.items())
    yield (
        f"Three brokers on loopback, replication 3, `min.insync.replicas` 2; {replicas}; {PARTITIONS} partitions of "
        f"`articles` at first, {STATE_PARTITIONS} of the state topics. Default timeouts, except "
        f"`max.poll.interval.ms` = {POLL_INTERVAL_MS}. The embedders read cached vectors, at the speed of the model."
    )
    yield ""
    yield f"**Result: {_result(result)}**"
    yield ""
    yield (
        f"{result.chaos_s:.0f} s with faults, {result.drain_s:.0f} s until every record was processed and every process stopped, "
        f"{result.verify_s:.0f} s of checks."
    )
    yield ""
    yield from _table("action", result.counts)
    yield from _table("exit status of a process", result.statuses)
    shown = {name: count for name, count in result.events.items() if name.endswith(SHOWN_EVENTS)}
    yield from _table("log event", Counter(shown))
    yield from _table("committed records", Counter(result.records))
    yield "| check | problems |"
    yield "|---|---:|"
    for what, problems in result.checks:
        yield f"| {what} | {problems} |"
    if result.problems:
        yield ""
        yield from (f"- {problem}" for problem in result.problems[:50])


def _result(result: ChaosResult) -> str:
    kills = sum(count for kind, count in result.counts.items() if kind.endswith("er: kill"))
    done = f"{kills} kills of services, {result.counts['brokers down']} kills or restarts of brokers"
    if result.problems:
        return f"{len(result.problems)} problems after {done}"
    return f"nothing lost, nothing duplicated, the state of a reference run, after {done}"


def _table(title: str, counts: Counter[str]) -> Iterator[str]:
    yield f"| {title} | |"
    yield "|---|---:|"
    for name, count in sorted(counts.items()):
        yield f"| {name} | {count:,} |"
    yield ""
