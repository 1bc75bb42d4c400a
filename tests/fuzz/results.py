"""Render the result of a long fuzz run: command, machine, date, records sent and their results."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from tests.fuzz.record_checks import RecordCounts, Tally
from tests.fuzz.run import FROM_EMBEDDER, RunResult
from tests.fuzz.service_loops import Slowest

_METHOD: Final = (
    "Seeded records for `articles`, `article-vectors` and `story-commands` go through the embedder's and the "
    "clusterer's own steps and loop, on the SQLite log in memory. Only the encoder is replaced by a fast one, and all "
    "records may be dead letters (`NEWSLOOM_DEAD_LETTER_SHARE_MAX=1`). Every 10,000 records, which are two weeks of "
    "event time, a new installation begins; its services are restarted half-way."
)
_TERMS: Final = (
    "*Processed* by the embedder: one record of `article-vectors` names the record as its source. Processed by the "
    "clusterer: a membership names it as its source, or (pin, unpin) an update names the command, or it changes "
    "nothing: a duplicate, or the retraction of an unknown article. *Dead letter*: one dead letter has its value, key, "
    "headers, timestamp and position, and a reason. Each record is one of the two, once. The versions of stories have "
    "no gaps, the verifier finds no violation in every fifth installation, and every log line is one line of ASCII."
)


@dataclass
class FuzzResult:
    """The results of all installations; `resident_mib` by worker process and installation."""

    records: int
    seed: int
    processes: int
    seconds: float = 0.0
    log_lines: int = 0
    counts: RecordCounts = field(default_factory=RecordCounts)
    slowest: dict[str, Slowest] = field(default_factory=lambda: {"embedder": Slowest(), "clusterer": Slowest()})
    resident_mib: dict[int, list[list[int]]] = field(default_factory=dict)

    def add(self, run: RunResult) -> None:
        """Add the result of an installation."""
        self.counts.add(run.counts)
        self.log_lines += run.log_lines
        self.resident_mib.setdefault(run.process_id, []).append(run.resident_mib)
        for service, slowest in run.slowest.items():
            mine = self.slowest[service]
            mine.batch_s = max(mine.batch_s, slowest.batch_s)
            mine.record_s = max(mine.record_s, slowest.record_s)


def render(result: FuzzResult) -> Iterator[str]:
    """Yield the result as lines of Markdown."""
    counts = result.counts
    yield "# Fuzz test with invalid input"
    yield ""
    yield f"    python -m tests.fuzz --records {result.records} --seed {result.seed} --processes {result.processes}"
    yield ""
    yield (
        f"{datetime.now(tz=UTC):%Y-%m-%d}; {platform.machine()}, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}; load average at the end {os.getloadavg()[1]:.1f}. "
        f"{result.seconds:,.0f} s."
    )
    yield ""
    yield _METHOD
    yield ""
    yield f"**Result: {_result(result)}**"
    yield ""
    yield "| service | records | = processed | + dead letters |"
    yield "|---|---:|---:|---:|"
    for service in ("embedder", "clusterer"):
        yield _row(service, counts.inputs[service])
    yield ""
    yield _TERMS
    yield ""
    yield "| effect in the clusterer | records |"
    yield "|---|---:|"
    yield from (f"| {name} | {count:,} |" for name, count in sorted(counts.effects.items()))
    yield ""
    yield "| messages written to | count | largest, bytes (limit 65,536) |"
    yield "|---|---:|---:|"
    yield from (f"| {name} | {count:,} | {counts.largest[name]:,} |" for name, count in sorted(counts.messages.items()))
    yield ""
    yield "| resident memory, MiB | at the start | maximum of the first installation | of the last | of all |"
    yield "|---|---:|---:|---:|---:|"
    for number, installations in enumerate(result.resident_mib.values(), start=1):
        most = max(max(one) for one in installations)
        first, last = max(installations[0]), max(installations[-1])
        yield f"| process {number}, {len(installations)} installations | {installations[0][0]} | {first} | {last} | {most} |"
    yield ""
    embedder, clusterer = result.slowest["embedder"], result.slowest["clusterer"]
    yield (
        f"Maximum CPU time: embedder {embedder.record_s:.2f} s for a record, {embedder.batch_s:.2f} s for a batch (64 records); "
        f"clusterer {clusterer.batch_s:.2f} s for a batch (200 records). {result.log_lines:,} log lines."
    )
    yield ""
    yield "| kind | records | = processed | + dead letters |"
    yield "|---|---:|---:|---:|"
    for kind, tally in sorted(counts.kinds.items()):
        yield _row(kind, tally)


def _result(result: FuzzResult) -> str:
    sent = sum(tally.sent for kind, tally in result.counts.kinds.items() if kind != FROM_EMBEDDER)
    of = f" (of {result.records:,}; then it was interrupted)" if sent < result.records else ""
    return f"{sent:,} records sent{of}, each processed or a dead letter, once; nothing crashed or hung"


def _row(name: str, tally: Tally) -> str:
    return f"| {name} | {tally.sent:,} | {tally.processed:,} | {tally.rejected:,} |"
