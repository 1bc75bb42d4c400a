"""The report of a soak, to be kept: the command, the machine, the date, what was sent, and what became of it."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from tests.fuzz.accounts import Accounts, Tally
from tests.fuzz.newsroom import Slowest
from tests.fuzz.run import Run

_METHOD: Final = (
    "Seeded records for `articles`, `article-vectors` and `story-commands` through the embedder's and the clusterer's "
    "own step and loop, on the SQLite log in memory. Only the encoder is a cheap one, and all records may be dead "
    "letters (`NEWSLOOM_DEAD_LETTER_SHARE_MAX=1`). A new newsroom every 10,000 records, which are two weeks of event "
    "time; half-way its services are started again."
)
_TERMS: Final = (
    "*Processed*, by the embedder: one record of `article-vectors` names it as its source. By the clusterer: a "
    "membership names it as its cause, or (pin, unpin) an update names the command; or there was rightly nothing to "
    "do: a repeat, or the retraction of what is not known. *Dead letter*: one letter with its bytes, key, headers, "
    "timestamp and place, and a reason. Each record is one of the two, once. Versions of stories have no gap, the "
    "bookkeeper, shown every fifth newsroom, has no objections, every line of log is one line of ASCII."
)


@dataclass
class Soak:
    """All newsrooms of a soak together; `resident` by worker process and newsroom, in MiB."""

    records: int
    seed: int
    processes: int
    seconds: float = 0.0
    log_lines: int = 0
    accounts: Accounts = field(default_factory=Accounts)
    slowest: dict[str, Slowest] = field(default_factory=lambda: {"embedder": Slowest(), "clusterer": Slowest()})
    resident: dict[int, list[list[int]]] = field(default_factory=dict)

    def add(self, seen: Run) -> None:
        """Add what was seen of a newsroom."""
        self.accounts.add(seen.accounts)
        self.log_lines += seen.log_lines
        self.resident.setdefault(seen.process_id, []).append(seen.resident)
        for service, slowest in seen.slowest.items():
            mine = self.slowest[service]
            mine.batch_s = max(mine.batch_s, slowest.batch_s)
            mine.record_s = max(mine.record_s, slowest.record_s)


def report(soak: Soak) -> Iterator[str]:
    """The report as lines of Markdown."""
    accounts = soak.accounts
    yield "# Bad input under fuzz"
    yield ""
    yield f"    python -m tests.fuzz --records {soak.records} --seed {soak.seed} --processes {soak.processes}"
    yield ""
    yield (
        f"{datetime.now(tz=UTC):%Y-%m-%d}; {platform.machine()}, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}; load of the machine at the end {os.getloadavg()[1]:.1f}. "
        f"{soak.seconds:,.0f} s."
    )
    yield ""
    yield _METHOD
    yield ""
    yield f"**Result: {_result(soak)}**"
    yield ""
    yield "| service | in | = processed | + dead letters |"
    yield "|---|---:|---:|---:|"
    for service in ("embedder", "clusterer"):
        yield _row(service, accounts.inputs[service])
    yield ""
    yield _TERMS
    yield ""
    yield "| what the clusterer's came to | records |"
    yield "|---|---:|"
    yield from (f"| {name} | {count:,} |" for name, count in sorted(accounts.processed_as.items()))
    yield ""
    yield "| messages written to | number | largest, bytes (limit 65,536) |"
    yield "|---|---:|---:|"
    yield from (
        f"| {name} | {count:,} | {accounts.largest[name]:,} |" for name, count in sorted(accounts.messages.items())
    )
    yield ""
    yield "| resident memory, MiB | at the start | first newsroom, most | last newsroom, most | most |"
    yield "|---|---:|---:|---:|---:|"
    for number, newsrooms in enumerate(soak.resident.values(), start=1):
        most = max(max(one) for one in newsrooms)
        first, last = max(newsrooms[0]), max(newsrooms[-1])
        yield f"| process {number}, {len(newsrooms)} newsrooms | {newsrooms[0][0]} | {first} | {last} | {most} |"
    yield ""
    embedder, clusterer = soak.slowest["embedder"], soak.slowest["clusterer"]
    yield (
        f"Slowest record of the embedder {embedder.record_s:.2f} s; slowest batch {embedder.batch_s:.2f} s (64 records), "
        f"of the clusterer {clusterer.batch_s:.2f} s (200 records), in CPU time. {soak.log_lines:,} log lines."
    )
    yield ""
    yield "| kind | in | = processed | + dead letters |"
    yield "|---|---:|---:|---:|"
    for kind, tally in sorted(accounts.kinds.items()):
        yield _row(kind, tally)


def _result(soak: Soak) -> str:
    sent = sum(tally.sent for kind, tally in soak.accounts.kinds.items() if kind != "embedder's")
    of = f" (of {soak.records:,}; then the soak was interrupted)" if sent < soak.records else ""
    return f"{sent:,} records sent{of}, each processed or a dead letter, once; nothing crashed or hung"


def _row(name: str, tally: Tally) -> str:
    return f"| {name} | {tally.sent:,} | {tally.processed:,} | {tally.rejected:,} |"
