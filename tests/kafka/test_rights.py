"""With the rights that `newsloom topics acls` prints every process works; without one of them it ends and names it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from newsloom.access import ROLES, Operation, Resource, Right
from newsloom.contracts.topics import ARTICLE_VECTORS, ARTICLES, DEAD_LETTERS, STORY_UPDATES
from newsloom.service import EXIT_CONFIGURATION
from newsloom.streaming.dead_letters import dead_letter
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Reader, Worker
from newsloom.streaming.records import Message, Record, TopicPartition
from newsloom.streaming.step import Rejection
from newsloom.subscribe import subscribe
from services.cli.ingest import EXIT_REJECTED
from tests.kafka.broker import wait_until
from tests.kafka.guarded import BY_NAME, GuardedNewsroom
from tests.kafka.secured import SecuredBroker
from tests.unit.evaluation.newsroom import rows_of_three_stories

pytestmark = pytest.mark.kafka

FAIL_S_MAX: Final = 30.0
WORK_S_MAX: Final = 60.0
GROUP: Final = "news.subscriber-test"


@pytest.fixture(scope="module")
def newsroom(secured_broker: SecuredBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedNewsroom]:
    """A newsroom at rest, which has worked through a few articles; each process with the rights of its role alone."""
    made = GuardedNewsroom(secured_broker, tmp_path_factory.mktemp("guarded"))
    for role in ROLES:
        secured_broker.allow(role.name, made.rights(role.name))
    try:
        _work(made)
        yield made
    finally:
        made.close()


def _work(newsroom: GuardedNewsroom) -> None:
    newsroom.succeeds("admin", "topics", "create")
    newsroom.succeeds("admin", "topics", "check")
    services = [newsroom.start(name, name) for name in ("embedder", "clusterer")]
    newsroom.succeeds("ingest", "ingest", str(articles_file(newsroom.folder)))
    newsroom.write([Message(newsroom.name(ARTICLES), b"bad", b"{")])
    wait_until(lambda: len(stories(newsroom)) == 3, WORK_S_MAX, "three stories")
    newsroom.succeeds("operator", "stories", "pin", next(iter(stories(newsroom))), "--why", "a test")
    wait_until(lambda: bool(letters(newsroom)), WORK_S_MAX, "a dead letter")
    newsroom.succeeds("dead-letters", "dead-letters", "replay")
    wait_until(lambda: bool(letters(newsroom)), WORK_S_MAX, "the letter to come back")
    for service in services:
        service.wait_started()
        assert service.stop() == 0, service.said()


def articles_file(folder: Path) -> Path:
    """A file to ingest, which no other ingest has seen."""
    rows = [{name: value for name, value in row.items() if name != "story"} for row in rows_of_three_stories()]
    file = folder / f"articles-{uuid.uuid4().hex}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def stories(newsroom: GuardedNewsroom) -> dict[str, Any]:
    lines = newsroom.succeeds("reader", "stories", "--all", "--format", "json").splitlines()
    return {story["id"]: story for story in map(json.loads, lines)}


def letters(newsroom: GuardedNewsroom) -> list[str]:
    lines = newsroom.succeeds("dead-letters", "dead-letters", "list", "--format", "json").splitlines()
    return [line for line in lines if line.startswith("{")]


# --- with the rights


def test_services_ingest_and_operator_have_worked(newsroom: GuardedNewsroom) -> None:
    found = stories(newsroom)
    assert sorted(story["article_count"] for story in found.values()) == [3, 3, 3]
    assert sum("pinned" in story for story in found.values()) == 1


def test_a_reader_reads(newsroom: GuardedNewsroom) -> None:
    assert "created" in newsroom.succeeds("reader", "watch", "--from-start", "--until-idle", "0")
    assert "founded" in newsroom.succeeds("reader", "explain", "a0")
    newsroom.succeeds("reader", "audit")


def test_a_subscriber_reads_and_keeps_its_place(newsroom: GuardedNewsroom) -> None:
    assert _subscribed(newsroom)
    with closing(newsroom.open()) as log:
        assert log.admin().backlog(GROUP, [newsroom.name(STORY_UPDATES)]) == 0


def _subscribed(newsroom: GuardedNewsroom) -> list[str]:
    """The titles of all updates that a subscriber has not seen yet."""
    options, titles = newsroom.broker.options("subscriber"), list[str]()
    with (
        closing(newsroom.open()) as log,
        subscribe(newsroom.broker.url, kafka_options=options) as news,
        news.subscription(group=GROUP) as own,
    ):
        news.stories()
        news.memberships()
        for batch in own:
            titles += [update.title for update in batch]
            batch.commit()
            if not log.admin().backlog(GROUP, [newsroom.name(STORY_UPDATES)]):
                break
    return titles


def test_the_books_are_verified(newsroom: GuardedNewsroom) -> None:
    assert "every invariant holds" in newsroom.succeeds("verifier", "state", "verify")


@pytest.mark.slow
def test_the_topics_are_migrated(newsroom: GuardedNewsroom) -> None:
    _migrate(newsroom, newsroom.beside("new."), None)


def test_a_file_of_nothing_but_rejected_lines_takes_no_other_right(newsroom: GuardedNewsroom) -> None:
    # On Kafka a place is kept beside a message: without one it would have to stand at a topic of the broker's own.
    file = newsroom.folder / "rejected.jsonl"
    file.write_text("no JSON\n")
    result = newsroom.command("ingest", "ingest", str(file))
    assert result.exit_code == EXIT_REJECTED, result.output
    assert "1 rejected" in result.output


def test_nobody_has_told_a_password(newsroom: GuardedNewsroom) -> None:
    outputs = [*newsroom.told, *(service.said() for service in newsroom.running)]
    assert any('"service.stopped"' in output for output in outputs)
    for password in newsroom.broker.passwords.values():
        assert not [output for output in outputs if password in output]


@pytest.mark.slow
def test_kafkas_own_tool_takes_the_commands(newsroom: GuardedNewsroom, kafka_home: Path) -> None:
    (newsroom.folder / "admin.properties").write_text(newsroom.broker.tool_config)
    commands = newsroom.succeeds("ingest", "topics", "acls", "ingest", "--principal", "User:CN=ingest")
    environ = {
        **os.environ,
        "PATH": f"{kafka_home / 'bin'}:{os.environ['PATH']}",
        "BOOTSTRAP": newsroom.broker.url.removeprefix("kafka://"),
        "CONFIG": str(newsroom.folder / "admin.properties"),
    }
    done = subprocess.run(
        ["sh", "-e"], input=commands, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert newsroom.broker.allowed("CN=ingest") == set(map(str, newsroom.rights("ingest")))


# --- without one of them

Deed = Callable[[GuardedNewsroom], object]
"""What a user of a role does, so that each of its rights is needed. Raises what the command line makes a line and a status of."""


def _run(newsroom: GuardedNewsroom, user: str, *arguments: str) -> None:
    result = newsroom.command(user, *arguments)
    if result.exit_code:
        assert result.exception is not None
        raise result.exception


def _serve(newsroom: GuardedNewsroom, service: str) -> None:
    started = newsroom.start(service, service)
    assert started.wait(FAIL_S_MAX) == EXIT_CONFIGURATION, started.said()
    (line,) = [line for line in started.said().splitlines() if not line.startswith("{")]
    raise ConfigurationError(line)


def _create(newsroom: GuardedNewsroom) -> None:
    _run(newsroom, "admin", "topics", "create")
    _run(newsroom, "admin", "topics", "check")


def _read(newsroom: GuardedNewsroom) -> None:
    _run(newsroom, "reader", "watch", "--from-start", "--until-idle", "0")
    _run(newsroom, "reader", "explain", "a0")


def _pin(newsroom: GuardedNewsroom) -> None:
    unpinned = next(story["id"] for story in stories(newsroom).values() if "pinned" not in story)
    _run(newsroom, "operator", "stories", "pin", unpinned, "--why", "a test", "--no-wait")


def _replay(newsroom: GuardedNewsroom) -> None:
    """One letter from each topic that a dead letter can come from."""
    origins = [newsroom.name(topic) for topic in BY_NAME["dead-letters"].writes if topic is not DEAD_LETTERS]
    records = [Record(origin, 0, 7, time.time_ns() // 1_000_000, b"k", b"{", ()) for origin in origins]
    newsroom.write(
        [dead_letter(Rejection(one, "no JSON"), topic=newsroom.name(DEAD_LETTERS), service="test") for one in records]
    )
    _run(newsroom, "dead-letters", "dead-letters", "replay")


DEEDS: Final[dict[str, Deed]] = {
    "admin": _create,
    "ingest": lambda newsroom: _run(newsroom, "ingest", "ingest", str(articles_file(newsroom.folder))),
    "embedder": lambda newsroom: _serve(newsroom, "embedder"),
    "clusterer": lambda newsroom: _serve(newsroom, "clusterer"),
    "reader": _read,
    "subscriber": _subscribed,
    "operator": _pin,
    "dead-letters": _replay,
    "verifier": lambda newsroom: _run(newsroom, "verifier", "state", "verify"),
}
"""Of every role but the migrator, who is at home under two prefixes."""

LEAVE_TRACES: Final = ("admin", "dead-letters")
"""Roles whose deeds are done in a newsroom of their own."""


def each_right(*roles: str) -> list[Any]:
    """Every right of these roles, without a prefix. All but a few are slow: each takes a start of a process, or several."""
    cases = []
    for role in roles:
        for right in BY_NAME[role].rights(""):
            quick = role == "ingest" or (role == "clusterer" and right.resource is Resource.GROUP)
            marks = () if quick else (pytest.mark.slow,)
            cases.append(pytest.param(role, right, marks=marks, id=f"{role}: {right}"))
    return cases


@pytest.mark.parametrize(("role", "right"), each_right(*DEEDS))
def test_who_lacks_a_right_ends_and_names_it(newsroom: GuardedNewsroom, role: str, right: Right) -> None:
    where = newsroom
    if role in LEAVE_TRACES:
        where = newsroom.beside(f"t{uuid.uuid4().hex[:8]}.")
        if role != "admin":
            where.create_topics()
    lacking = replace(right, name=where.prefix + right.name)
    rights = where.rights(role)
    assert lacking in rights
    newsroom.broker.allow(role, [one for one in rights if one != lacking])
    try:
        _check_named(lacking, lambda: DEEDS[role](where))
    finally:
        newsroom.broker.allow(role, newsroom.rights(role))


@pytest.mark.slow
@pytest.mark.parametrize(("role", "right"), each_right("migrator"))
def test_who_migrates_without_a_right_ends_and_names_it(newsroom: GuardedNewsroom, role: str, right: Right) -> None:
    new = newsroom.beside(f"t{uuid.uuid4().hex[:8]}.")
    lacking = replace(right, name=new.prefix + right.name)
    assert lacking in new.rights(role)
    _check_named(lacking, lambda: _migrate(newsroom, new, lacking))


def _check_named(right: Right, deed: Callable[[], object]) -> None:
    began = time.monotonic()
    with pytest.raises(ConfigurationError) as caught:
        deed()
    assert time.monotonic() - began < FAIL_S_MAX
    # Without the asterisk: of a prefixed right the full name is told.
    wanted = str(right).rstrip("*")
    assert re.search(rf"lacks the right (.*, )?{re.escape(wanted)}", str(caught.value)), str(caught.value)
    assert "`newsloom topics acls`" in str(caught.value)


def _migrate(old: GuardedNewsroom, new: GuardedNewsroom, without: Right | None) -> None:
    rights = [right for right in new.rights("migrator") if right != without]
    old.broker.allow("migrator", [*old.rights("verifier"), *rights])
    _run(old, "migrator", "migrate", "--to-prefix", new.prefix, "--state-partitions", "2")


# --- without one of them from some moment on


@dataclass
class _Member:
    """A worker that takes articles and makes vectors of them, as a user, in a group of the user's name."""

    newsroom: GuardedNewsroom
    user: str
    loses: Right
    error: ConfigurationError | None = None

    def join(self) -> None:
        self.rights = [
            Right(Operation.READ, Resource.TOPIC, self.newsroom.name(ARTICLES)),
            Right(Operation.DESCRIBE_CONFIGS, Resource.TOPIC, self.newsroom.name(ARTICLE_VECTORS)),
            Right(Operation.WRITE, Resource.TOPIC, self.newsroom.name(ARTICLE_VECTORS)),
            Right(Operation.READ, Resource.GROUP, self.newsroom.prefix + self.user),
            Right(Operation.WRITE, Resource.TRANSACTIONAL_ID, f"{self.newsroom.prefix}{self.user}-0"),
        ]
        self.newsroom.broker.allow(self.user, self.rights)
        self.log = self.newsroom.open(self.user)
        self.worker = self.log.worker(
            group=self.newsroom.prefix + self.user, instance="0", topics=[self.newsroom.name(ARTICLES)]
        )

    def lose(self) -> None:
        self.newsroom.broker.allow(self.user, [right for right in self.rights if right != self.loses])

    def take(self) -> int:
        """Poll once and commit what came; how much it was."""
        try:
            batch = self.worker.poll(max_records=10, timeout_ms=50)
            made = [Message(self.newsroom.name(ARTICLE_VECTORS), b"k", b"v") for _ in batch.records]
            self.worker.commit(batch, made)
        except ConfigurationError as error:
            self.error = error
            return 0
        return len(batch.records)


def test_a_right_that_is_taken_away_is_missed_within_half_a_minute(newsroom: GuardedNewsroom) -> None:
    where = newsroom.beside("flight.")
    where.create_topics()
    members = [
        _Member(where, "clusterer", Right(Operation.READ, Resource.TOPIC, where.name(ARTICLES))),
        _Member(where, "embedder", Right(Operation.READ, Resource.GROUP, "flight.embedder")),
        _Member(where, "ingest", Right(Operation.WRITE, Resource.TOPIC, where.name(ARTICLE_VECTORS))),
        _Member(where, "operator", Right(Operation.WRITE, Resource.TRANSACTIONAL_ID, "flight.operator-0")),
    ]
    try:
        for member in members:
            member.join()
        where.write([Message(where.name(ARTICLES), b"k", b"v")])
        for member in members:
            wait_until(lambda member=member: member.take() > 0, WORK_S_MAX, f"{member.user} to work")  # type: ignore[misc]
        for member in members:
            member.lose()
        where.write([Message(where.name(ARTICLES), b"k", b"v")])

        def all_know() -> bool:
            return not [member.take() for member in members if member.error is None]

        wait_until(all_know, FAIL_S_MAX, "each to miss its right")
        for member in members:
            assert f"lacks the right {member.loses}" in str(member.error)
    finally:
        for member in members:
            member.log.close()
            newsroom.broker.allow(member.user, newsroom.rights(member.user))


@pytest.mark.slow
def test_a_topic_that_may_no_longer_be_read_and_is_forgotten_is_missed_too(newsroom: GuardedNewsroom) -> None:
    where = newsroom.beside("silent.")
    where.create_topics()
    topic = where.name(ARTICLES)
    rights = [
        Right(Operation.READ, Resource.TOPIC, topic),
        Right(Operation.READ, Resource.GROUP, "silent.reader"),
        Right(Operation.WRITE, Resource.TRANSACTIONAL_ID, "silent.reader-0"),
    ]
    newsroom.broker.allow("reader", rights)
    try:
        with closing(where.open("reader", metadata_max_age_ms="500")) as log:
            worker = log.worker(group="silent.reader", instance="0", topics=[topic])
            reader = log.reader([TopicPartition(topic, 0)], start="latest")
            wait_until(lambda: bool(worker.poll(max_records=1, timeout_ms=100).gained), WORK_S_MAX, "a partition")
            newsroom.broker.allow("reader", rights[1:])
            for one in (worker, reader):
                _wait_for_oblivion(one, topic)
                with pytest.raises(ConfigurationError, match=f"lacks the right {rights[0]}"):
                    wait_until(partial(_polls_nothing, one), FAIL_S_MAX, "a complaint")
    finally:
        newsroom.broker.allow("reader", newsroom.rights("reader"))


def _polls_nothing(one: Worker | Reader) -> bool:
    one.poll(max_records=1, timeout_ms=100)
    return False


def _wait_for_oblivion(one: Worker | Reader, topic: str) -> None:
    """Return once the client knows of no such topic: nobody polls meanwhile, so that no fetch is refused."""
    cluster = one._consumer._client.cluster  # type: ignore[union-attr]  # nothing public tells
    wait_until(lambda: not cluster.partitions_for_topic(topic), WORK_S_MAX, "the topic to be forgotten")
