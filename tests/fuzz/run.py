"""One run: send records from a seed through both services, and check the result of each."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from structlog.testing import capture_logs

from newsloom.contracts.codec import decode_story
from newsloom.contracts.pipeline import RecordId
from newsloom.contracts.story import Story, StoryState
from newsloom.contracts.topics import (
    ARTICLE_STORIES,
    ARTICLE_VECTORS,
    ARTICLES,
    DEAD_LETTERS,
    STORIES,
    STORY_COMMANDS,
    STORY_UPDATES,
)
from newsloom.streaming.records import Record
from tests.conformance.harness import ManualClock
from tests.fuzz.articles import Articles
from tests.fuzz.commands import Commands
from tests.fuzz.record import Expected, FuzzRecord
from tests.fuzz.record_checks import (
    ClusteringEffects,
    FuzzFailure,
    RecordCounts,
    check_article,
    memberships_by_source,
    read_event,
    reasons_by_origin,
    record_id,
    vectors_by_source,
)
from tests.fuzz.service_loops import ServiceLoops, Slowest
from tests.fuzz.vectors import Vectors

CHUNK: Final = 1_000
"""Records between two checks."""
STEP_MS: Final = 120_000
"""Event time between two records: two weeks for 10,000 records, so that stories close and are forgotten."""
STORIES_NAMED_MAX: Final = 50
VERIFIED_EVERY: Final = 5
"""Installations of which one is verified: verification takes a fifth of the time of the rest."""
UNCHANGED_KINDS: Final = frozenset({"article: valid", "article: duplicate"})
FROM_EMBEDDER: Final = "from the embedder"
"""Kind of the records of `article-vectors` that the embedder wrote."""


@dataclass
class RunResult:
    """The result of a run: `slowest` by service; `resident_mib` is the memory of the process before and after each chunk."""

    process_id: int = field(default_factory=os.getpid)
    counts: RecordCounts = field(default_factory=RecordCounts)
    slowest: dict[str, Slowest] = field(default_factory=lambda: {"embedder": Slowest(), "clusterer": Slowest()})
    resident_mib: list[int] = field(default_factory=list)
    log_lines: int = 0


def run(records: int, seed: int, number: int = 0) -> RunResult:
    """Send this many records to the installation with this number.

    Raises:
        FuzzFailure: a record has the wrong result; an error of a service is raised as it is.

    """
    result = RunResult(resident_mib=[resident_mib()])
    fuzz_run = _FuzzRun(random.Random(f"{seed}/{number}"), result, restart_at=records // 2)  # noqa: S311 - must be repeatable
    for begin in range(0, records, CHUNK):
        fuzz_run.chunk(min(CHUNK, records - begin))
        result.resident_mib.append(resident_mib())
    fuzz_run.end(verify=number % VERIFIED_EVERY == 0)
    return result


def resident_mib() -> int:
    """Return the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


class _FuzzRun:
    """The run of one installation."""

    def __init__(self, rng: random.Random, result: RunResult, *, restart_at: int) -> None:
        self._rng = rng
        self._result = result
        self._clock = ManualClock()
        self._loops = ServiceLoops(self._clock, result.slowest)
        self._clustering = ClusteringEffects()
        self._commands = Commands(rng)
        self._sources = (Articles(rng), Vectors(rng), self._commands)
        self._open: dict[str, Story] = {}
        self._restart_at = restart_at
        self._sent = 0

    def chunk(self, count: int) -> None:
        """Send records, run the services, and check the results. Half-way the services are replaced by new ones."""
        if self._sent <= self._restart_at < self._sent + count:
            self._loops.start()
        sent = [self._next() for _ in range(count)]
        loops = self._loops
        ends = {topic.name: loops.end_offset(topic) for topic in (ARTICLES, STORY_COMMANDS, ARTICLE_VECTORS)}
        loops.write(sent)
        with capture_logs() as logged:
            loops.drain("embedder")
            loops.drain("clusterer")
        self._read_log(logged)
        self._check(sent, ends)

    def end(self, *, verify: bool) -> None:
        """Verify the topics if `verify` is set, and close."""
        violations = self._loops.find_violations() if verify else []
        if violations:
            raise FuzzFailure(f"{len(violations)} violations: {violations[:5]}")
        self._loops.close()

    def _next(self) -> FuzzRecord:
        self._sent += 1
        self._clock.advance(STEP_MS)
        (source,) = self._rng.choices(self._sources, (60, 30, 10))
        return source.next(self._clock.now_ms)

    def _read_log(self, logged: Sequence[object]) -> None:
        for entry in logged:
            line = json.dumps(entry, default=str)
            if not line.isprintable() or not line.isascii():
                raise FuzzFailure(f"a log line is not printable ASCII: {line!r}")
        self._result.log_lines += len(logged)

    def _check(self, sent: Sequence[FuzzRecord], ends: dict[str, int]) -> None:
        loops, counts = self._loops, self._result.counts
        inputs = [*loops.read(ARTICLES), *loops.read(STORY_COMMANDS)]
        vectors = loops.read(ARTICLE_VECTORS)
        letters = loops.read(DEAD_LETTERS)
        sent_by_id = _by_id(sent, [*inputs, *vectors], ends)
        from_embedder = [record for record in vectors if record_id(record) not in sent_by_id]
        counts.add_messages(ARTICLE_VECTORS, from_embedder)

        reasons = reasons_by_origin(letters, {record_id(record): record for record in inputs}, "embedder")
        outputs = vectors_by_source(from_embedder)
        for record in inputs:
            one, at = sent_by_id[record_id(record)], record_id(record)
            counts.add_record(
                "embedder",
                one.kind,
                record,
                expected=one.expected,
                reasons=reasons.get(at, ()),
                processed=len(outputs.get(at, ())),
            )
            if one.kind in UNCHANGED_KINDS:
                check_article(record.value, outputs[at][0])

        reasons = reasons_by_origin(letters, {record_id(record): record for record in vectors}, "clusterer")
        self._check_clusterer(vectors, sent_by_id, reasons)

    def _check_clusterer(
        self, vectors: Sequence[Record], sent_by_id: dict[RecordId, FuzzRecord], reasons: dict[RecordId, list[str]]
    ) -> None:
        loops, counts = self._loops, self._result.counts
        updates, stories, states = (loops.read(topic) for topic in (STORY_UPDATES, STORIES, ARTICLE_STORIES))
        for topic, records in ((STORY_UPDATES, updates), (STORIES, stories), (ARTICLE_STORIES, states)):
            counts.add_messages(topic, records)
        pins = self._clustering.add_updates(updates)
        memberships = memberships_by_source(states)
        for record in vectors:
            at = record_id(record)
            one = sent_by_id.get(at)
            kind = FROM_EMBEDDER if one is None else one.kind
            expected = _expected_of_embedder(record) if one is None else one.expected
            effect = ""
            if at not in reasons:
                effect = self._clustering.effect(read_event(record), memberships.get(at, ()), pins)
                counts.effects[effect] += 1
            counts.add_record(
                "clusterer", kind, record, expected=expected, reasons=reasons.get(at, ()), processed=bool(effect)
            )
        if +pins:
            raise FuzzFailure(f"updates name commands that were not accepted: {+pins}")
        self._remember_stories(stories)

    def _remember_stories(self, stories: Sequence[Record]) -> None:
        for record in stories:
            story = None if record.value is None else decode_story(record.value)
            story_id = (record.key or b"").decode()
            self._open.pop(story_id, None)
            if story is not None and story.state is StoryState.OPEN:
                self._open[story_id] = story
        self._commands.stories = list(self._open.values())[-STORIES_NAMED_MAX:]


def _by_id(sent: Sequence[FuzzRecord], records: Sequence[Record], ends: dict[str, int]) -> dict[RecordId, FuzzRecord]:
    """Return the sent records by record id: in each topic they are in the order of writing, from its former end on."""
    by_topic: dict[str, list[FuzzRecord]] = {name: [] for name in ends}
    for one in sent:
        by_topic[one.topic.name].append(one)
    found = {}
    for record in records:
        name = record.topic.rpartition(".")[2]
        nth = record.offset - ends[name]
        if nth < len(by_topic[name]):
            found[record_id(record)] = by_topic[name][nth]
    if len(found) != len(sent):
        raise FuzzFailure(f"{len(sent)} records were sent, {len(found)} are in the log")
    return found


def _expected_of_embedder(record: Record) -> Expected:
    """Return the expected result of an embedder's record: vectors and retractions must be processed, commands may be rejected."""
    is_command = (record.header("ce_type") or "").startswith("newsloom.story-command")
    return Expected.EITHER if is_command else Expected.PROCESSED
