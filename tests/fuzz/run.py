"""The run: records from a seed, through both services, and every one of them accounted for."""

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
from tests.fuzz.accounts import (
    Accounts,
    Clustering,
    Place,
    Wrong,
    check_article,
    letters_by_origin,
    memberships_by_cause,
    place,
    read_event,
    vectors_by_source,
)
from tests.fuzz.articles import Articles
from tests.fuzz.commands import Commands
from tests.fuzz.newsroom import Newsroom, Slowest
from tests.fuzz.record import Fate, Sent
from tests.fuzz.vectors import Vectors

CHUNK: Final = 1_000
"""Records between two looks at the books."""
STEP_MS: Final = 120_000
"""Event time from one record to the next: 10,000 of them are two weeks, so that stories close and are forgotten."""
STORIES_NAMED: Final = 50
VERIFIED_EVERY: Final = 5
"""Newsrooms of which the bookkeeper sees one: it takes as long as a fifth of all the rest."""
AS_SENT: Final = frozenset({"article: valid", "article: again"})


@dataclass
class Run:
    """What was seen. `slowest` by service; `resident` is the memory of the process before and after each chunk, in MiB."""

    process_id: int = field(default_factory=os.getpid)

    accounts: Accounts = field(default_factory=Accounts)
    slowest: dict[str, Slowest] = field(default_factory=lambda: {"embedder": Slowest(), "clusterer": Slowest()})
    resident: list[int] = field(default_factory=list)
    log_lines: int = 0


def run(records: int, seed: int, number: int = 0) -> Run:
    """Send so many records to the newsroom with this number.

    Raises:
        Wrong: something is not as it must be; or whatever a service raised.

    """
    seen = Run(resident=[resident_mib()])
    life = _Life(random.Random(f"{seed}/{number}"), seen, restart_at=records // 2)  # noqa: S311 - to be repeated
    for begin in range(0, records, CHUNK):
        life.chunk(min(CHUNK, records - begin))
        seen.resident.append(resident_mib())
    life.end(verify=number % VERIFIED_EVERY == 0)
    return seen


def resident_mib() -> int:
    """This process' resident memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


class _Life:
    """One newsroom's."""

    def __init__(self, chance: random.Random, seen: Run, *, restart_at: int) -> None:
        self._chance = chance
        self._seen = seen
        self._clock = ManualClock()
        self._newsroom = Newsroom(self._clock, seen.slowest)
        self._clustering = Clustering()
        self._commands = Commands(chance)
        self._sources = (Articles(chance), Vectors(chance), self._commands)
        self._open: dict[str, Story] = {}
        self._restart_at = restart_at
        self._sent = 0

    def chunk(self, count: int) -> None:
        """Send records, let the services work, and balance the books. Half-way new services take over."""
        if self._sent <= self._restart_at < self._sent + count:
            self._newsroom.start()
        sent = [self._next() for _ in range(count)]
        newsroom = self._newsroom
        ends = {topic.name: newsroom.end(topic) for topic in (ARTICLES, STORY_COMMANDS, ARTICLE_VECTORS)}
        newsroom.write(sent)
        with capture_logs() as logged:
            newsroom.work("embedder")
            newsroom.work("clusterer")
        self._read_log(logged)
        self._balance(sent, ends)

    def end(self, *, verify: bool) -> None:
        """Ask the bookkeeper, if it is wanted, and close."""
        problems = self._newsroom.problems() if verify else []
        if problems:
            raise Wrong(f"the bookkeeper has {len(problems)} objections: {problems[:5]}")
        self._newsroom.close()

    def _next(self) -> Sent:
        self._sent += 1
        self._clock.advance(STEP_MS)
        (source,) = self._chance.choices(self._sources, (60, 30, 10))
        return source.next(self._clock.now_ms)

    def _read_log(self, logged: Sequence[object]) -> None:
        for entry in logged:
            line = json.dumps(entry, default=str)
            if not line.isprintable() or not line.isascii():
                raise Wrong(f"a log line that is none: {line!r}")
        self._seen.log_lines += len(logged)

    def _balance(self, sent: Sequence[Sent], ends: dict[str, int]) -> None:
        newsroom, accounts = self._newsroom, self._seen.accounts
        inputs = [*newsroom.read(ARTICLES), *newsroom.read(STORY_COMMANDS)]
        vectors = newsroom.read(ARTICLE_VECTORS)
        letters = newsroom.read(DEAD_LETTERS)
        of = _by_place(sent, [*inputs, *vectors], ends)
        ours = [record for record in vectors if place(record) not in of]
        accounts.weigh(ARTICLE_VECTORS, ours)

        reasons = letters_by_origin(letters, {place(record): record for record in inputs}, "embedder")
        made = vectors_by_source(ours)
        for record in inputs:
            one, at = of[place(record)], place(record)
            accounts.settle(
                "embedder",
                one.kind,
                record,
                fate=one.fate,
                reasons=reasons.get(at, ()),
                processed=len(made.get(at, ())),
            )
            if one.kind in AS_SENT:
                check_article(record.value, made[at][0])

        reasons = letters_by_origin(letters, {place(record): record for record in vectors}, "clusterer")
        self._balance_clusterer(vectors, of, reasons)

    def _balance_clusterer(
        self, vectors: Sequence[Record], of: dict[Place, Sent], reasons: dict[Place, list[str]]
    ) -> None:
        newsroom, accounts = self._newsroom, self._seen.accounts
        updates, stories, states = (newsroom.read(topic) for topic in (STORY_UPDATES, STORIES, ARTICLE_STORIES))
        for topic, records in ((STORY_UPDATES, updates), (STORIES, stories), (ARTICLE_STORIES, states)):
            accounts.weigh(topic, records)
        pins = self._clustering.follow_updates(updates)
        caused = memberships_by_cause(states)
        for record in vectors:
            at = place(record)
            one = of.get(at)
            kind = "embedder's" if one is None else one.kind
            fate = _fate_of_ours(record) if one is None else one.fate
            effect = ""
            if at not in reasons:
                effect = self._clustering.effect(read_event(record), caused.get(at, ()), pins)
                accounts.processed_as[effect] += 1
            accounts.settle("clusterer", kind, record, fate=fate, reasons=reasons.get(at, ()), processed=bool(effect))
        if +pins:
            raise Wrong(f"updates name commands that were not accepted: {+pins}")
        self._note_stories(stories)

    def _note_stories(self, stories: Sequence[Record]) -> None:
        for record in stories:
            story = None if record.value is None else decode_story(record.value)
            story_id = (record.key or b"").decode()
            self._open.pop(story_id, None)
            if story is not None and story.state is StoryState.OPEN:
                self._open[story_id] = story
        self._commands.stories = list(self._open.values())[-STORIES_NAMED:]


def _by_place(sent: Sequence[Sent], records: Sequence[Record], ends: dict[str, int]) -> dict[Place, Sent]:
    """What was sent by where it stands: of each topic in the order of writing, from the end that it had before."""
    by_topic: dict[str, list[Sent]] = {name: [] for name in ends}
    for one in sent:
        by_topic[one.topic.name].append(one)
    found = {}
    for record in records:
        name = record.topic.rpartition(".")[2]
        nth = record.offset - ends[name]
        if nth < len(by_topic[name]):
            found[place(record)] = by_topic[name][nth]
    if len(found) != len(sent):
        raise Wrong(f"{len(sent)} records were sent, {len(found)} stand in the log")
    return found


def _fate_of_ours(record: Record) -> Fate:
    """The embedder's vectors and retractions must do; commands may be refused."""
    is_command = (record.header("ce_type") or "").startswith("newsloom.story-command")
    return Fate.EITHER if is_command else Fate.PROCESSED
