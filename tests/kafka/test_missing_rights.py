"""A process without one of the rights that `newsloom topics acls` prints ends within half a minute and names it."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from newsloom.access import Operation, Resource, Right
from newsloom.contracts.topics import DEAD_LETTERS
from newsloom.service import EXIT_CONFIGURATION
from newsloom.streaming.dead_letters import build_dead_letter
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.records import Record
from newsloom.streaming.step import Rejection
from tests.failure_lines import failure
from tests.kafka.acl_newsroom import ROLES_BY_NAME, AclNewsroom
from tests.kafka.harness import END_S_MAX

pytestmark = pytest.mark.kafka

Action = Callable[[AclNewsroom], object]
"""Uses every right of a role. Raises the error that the command line would print."""


def _serve(newsroom: AclNewsroom, service: str) -> None:
    started = newsroom.start(service, service)
    assert started.wait(END_S_MAX) == EXIT_CONFIGURATION, started.output_text()
    raise ConfigurationError(failure(started.output_text()))


def _create(newsroom: AclNewsroom) -> None:
    newsroom.run("admin", "topics", "create")
    newsroom.run("admin", "topics", "check")


def _read(newsroom: AclNewsroom) -> None:
    newsroom.run("reader", "watch", "--from-start", "--until-idle", "0")
    newsroom.run("reader", "explain", "a0")


def _pin(newsroom: AclNewsroom) -> None:
    unpinned = next(story["id"] for story in newsroom.stories().values() if "pinned" not in story)
    newsroom.run("operator", "stories", "pin", unpinned, "--why", "a test", "--no-wait")


def _replay(newsroom: AclNewsroom) -> None:
    """Replay one dead letter from each possible source topic."""
    origins = [newsroom.name(topic) for topic in ROLES_BY_NAME["dead-letters"].writes if topic is not DEAD_LETTERS]
    records = [Record(origin, 0, 7, time.time_ns() // 1_000_000, b"k", b"{", ()) for origin in origins]
    newsroom.write(
        [
            build_dead_letter(Rejection(one, "no JSON"), topic=newsroom.name(DEAD_LETTERS), service="test")
            for one in records
        ]
    )
    newsroom.run("dead-letters", "dead-letters", "replay")


ACTIONS: Final[dict[str, Action]] = {
    "admin": _create,
    "ingest": lambda newsroom: newsroom.run("ingest", "ingest", str(newsroom.articles_file())),
    "embedder": lambda newsroom: _serve(newsroom, "embedder"),
    "clusterer": lambda newsroom: _serve(newsroom, "clusterer"),
    "reader": _read,
    "subscriber": lambda newsroom: newsroom.read_updates(),
    "operator": _pin,
    "dead-letters": _replay,
    "verifier": lambda newsroom: newsroom.run("verifier", "state", "verify"),
}
"""By role. The migrator is tested separately: it needs two prefixes."""

WITH_OWN_NEWSROOM: Final = ("admin", "dead-letters")
"""Roles whose actions need a newsroom of their own, because they change it."""


def each_right(*roles: str) -> list[Any]:
    """Return every right of these roles, without a prefix. Most are marked slow: they need the start of a process.

    The right to delete a group is left out: without it, the group stays until its offsets expire.
    """
    cases = []
    for role in roles:
        for right in ROLES_BY_NAME[role].rights(""):
            if right.operation is Operation.DELETE:
                continue
            quick = role == "ingest" or (role == "clusterer" and right.resource is Resource.GROUP)
            marks = () if quick else (pytest.mark.slow,)
            cases.append(pytest.param(role, right, marks=marks, id=f"{role}: {right}"))
    return cases


@pytest.mark.parametrize(("role", "right"), each_right(*ACTIONS))
def test_a_process_without_a_right_ends_and_names_it(newsroom: AclNewsroom, role: str, right: Right) -> None:
    where = newsroom
    if role in WITH_OWN_NEWSROOM:
        where = newsroom.with_prefix(f"t{uuid.uuid4().hex[:8]}.")
        if role != "admin":
            where.create_topics()
    missing = replace(right, name=where.prefix + right.name)
    rights = where.rights(role)
    assert missing in rights
    newsroom.broker.allow(role, [one for one in rights if one != missing])
    try:
        _check_named(missing, lambda: ACTIONS[role](where))
    finally:
        newsroom.broker.allow(role, newsroom.rights(role))


@pytest.mark.slow
@pytest.mark.parametrize(("role", "right"), each_right("migrator"))
def test_a_migration_without_a_right_ends_and_names_it(newsroom: AclNewsroom, role: str, right: Right) -> None:
    new = newsroom.with_prefix(f"t{uuid.uuid4().hex[:8]}.")
    missing = replace(right, name=new.prefix + right.name)
    assert missing in new.rights(role)
    _check_named(missing, lambda: newsroom.migrate(new, without=missing))


def _check_named(right: Right, action: Callable[[], object]) -> None:
    began = time.monotonic()
    with pytest.raises(ConfigurationError) as caught:
        action()
    assert time.monotonic() - began < END_S_MAX
    # Without the asterisk: for a prefixed right, the message gives the full name.
    wanted = str(right).rstrip("*")
    assert re.search(rf"lacks the right (.*, )?{re.escape(wanted)}", str(caught.value)), str(caught.value)
    assert "`newsloom topics acls`" in str(caught.value)
