from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import msgspec
import pytest

from newsloom.contracts.codec import encode
from newsloom.contracts.membership import (
    Checkpoint,
    Decision,
    Membership,
    StateRecord,
    Verdict,
    checkpoint_key,
    membership_key,
)
from newsloom.log_names import topic_specs
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError, LogError
from newsloom.streaming.log import Log
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message
from newsloom.subscribe import Newsloom, UnreadableRecord, subscribe
from tests.unit.cli.harness import story, story_message, update, update_message, write

A, B = "st-aaaaaaaaaaaaaaaa", "st-bbbbbbbbbbbbbbbb"
NOON = datetime(2025, 4, 18, 12, tzinfo=UTC)
WAIT_S = 20


@pytest.fixture
def log() -> Iterator[Log]:
    log = open_log_url("sqlite://")
    log.admin().create(topic_specs(Settings(partitions=2, state_partitions=2)))
    yield log
    log.close()


def membership(article_id: str, story_id: str) -> Membership:
    return Membership(
        article_id=article_id,
        edition="main",
        story_id=story_id,
        sequence=1,
        title="Talks",
        published_at=NOON,
        digest="d",
        words=9,
        shingles=b"",
        title_vector=b"",
        lead_vector=b"",
        terms=b"",
        term_weights=b"",
        decision=Decision(verdict=Verdict.FOUNDED, bar=0.4),
    )


def state_message(state: StateRecord) -> Message:
    article_key = membership_key(state.edition, state.article_id) if isinstance(state, Membership) else None
    return Message("news.article-stories", article_key or checkpoint_key(state.edition), encode(state), partition=0)


def test_updates_from_the_start_come_in_order_and_end_when_idle(log: Log) -> None:
    sent = [update(story_id, version) for version in range(1, 400) for story_id in (A, B)]
    write(log, [update_message(value) for value in sent])
    got = list(Newsloom(log).updates(start="earliest", idle_s=0))
    for story_id in (A, B):
        assert [value for value in got if value.story_id == story_id] == [
            value for value in sent if value.story_id == story_id
        ]


def test_latest_starts_at_the_call(log: Log) -> None:
    write(log, [update_message(update(A, 1))])
    updates = Newsloom(log).updates(idle_s=WAIT_S)
    write(log, [update_message(update(A, 2))])
    assert next(updates).version == 2


def test_waiting_for_updates_ends_at_stop(log: Log) -> None:
    stop = threading.Event()
    got: list[int] = []
    first = threading.Event()
    updates = Newsloom(log).updates(stop=stop)

    def consume() -> None:
        for value in updates:
            got.append(value.version)
            first.set()

    with ThreadPoolExecutor(1) as pool:
        consumed = pool.submit(consume)
        write(log, [update_message(update(A, 1))])
        assert first.wait(WAIT_S)
        stop.set()
        consumed.result(WAIT_S)
    assert got == [1]


def test_stop_takes_effect_between_two_updates(log: Log) -> None:
    write(log, [update_message(update(A, version)) for version in (1, 2, 3)])
    stop = threading.Event()
    updates = Newsloom(log).updates(start="earliest", stop=stop)
    assert next(updates).version == 1
    stop.set()
    assert list(updates) == []


def test_stories_returns_the_latest_state_of_each(log: Log) -> None:
    write(log, [story_message(story(A, 11)), story_message(story(B, 5), partition=1), story_message(story(A, 13))])
    assert Newsloom(log).stories() == {A: story(A, 13), B: story(B, 5)}
    write(log, [story_message(None, story_id=A)])
    assert Newsloom(log).stories() == {B: story(B, 5)}


def test_memberships_omits_checkpoints(log: Log) -> None:
    checkpoint = Checkpoint(edition="main", watermark=NOON, next_sequence=3, model="m", dimension=4)
    write(
        log,
        [state_message(state) for state in (membership("a", A), checkpoint, membership("b", A), membership("a", B))],
    )
    write(log, [Message("news.article-stories", membership_key("main", "b"), None, partition=0)])
    assert Newsloom(log).memberships() == {("main", "a"): membership("a", B)}


def test_a_snapshot_and_updates_leave_no_gap(log: Log) -> None:
    newsloom = Newsloom(log)
    write(log, [update_message(update(A, 1)), story_message(story(A, 1))])
    updates = newsloom.updates(idle_s=0)
    write(log, [update_message(update(A, 2)), story_message(story(A, 2))])
    stories = newsloom.stories()
    write(log, [update_message(update(A, 3))])
    assert [value.version for value in updates if value.version > stories[value.story_id].version] == [3]


def test_unknown_fields_are_ignored(log: Log) -> None:
    data = msgspec.json.encode(msgspec.to_builtins(update(A, 1)) | {"mood": "calm"})
    write(log, [Message("news.story-updates", A.encode(), data)])
    assert list(Newsloom(log).updates(start="earliest", idle_s=0)) == [update(A, 1)]


@pytest.mark.parametrize(("value", "why"), [(b"{}", "story_id"), (b"{", "not JSON"), (None, "no value")])
def test_an_unreadable_record_is_named(log: Log, value: bytes | None, why: str) -> None:
    write(log, [Message("news.story-updates", b"k", value, partition=1)])
    with pytest.raises(UnreadableRecord, match=f"news.story-updates partition 1 offset 0 cannot be read: .*{why}"):
        list(Newsloom(log).updates(start="earliest", idle_s=0))


def test_a_group_continues_after_its_last_commit(log: Log) -> None:
    write(log, [update_message(update(A, version)) for version in (1, 2, 3, 4)])
    newsloom = Newsloom(log)
    with newsloom.subscription(group="newsletter") as subscription:
        batches = subscription.batches(records_max=2, idle_s=WAIT_S)
        first = next(batches)
        assert [value.version for value in first] == [1, 2]
        first.commit()
        assert [value.version for value in next(batches)] == [3, 4]
    with newsloom.subscription(group="newsletter") as subscription:
        (again,) = subscription.batches(idle_s=0)
        assert [value.version for value in again] == [3, 4]
        again.commit()
        assert list(subscription.batches(idle_s=0)) == []
    with newsloom.subscription(group="another") as subscription:
        assert [value.version for batch in subscription.batches(idle_s=0) for value in batch] == [1, 2, 3, 4]


def test_a_missing_topic_is_named() -> None:
    with subscribe("sqlite://", topic_prefix="other.") as newsloom:
        with pytest.raises(ConfigurationError, match=r"topic other\.stories does not exist"):
            newsloom.stories()
        with pytest.raises(ConfigurationError, match=r"topic other\.story-updates does not exist"):
            newsloom.updates()


def test_an_unknown_log_is_refused() -> None:
    with pytest.raises(LogError, match="is not a log"):
        subscribe("amqp://host")


def test_subscribing_imports_no_library_of_the_services() -> None:
    code = "import newsloom.subscribe, sys; print({'click', 'rich', 'numpy', 'torch', 'faiss', 'services'} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert loaded.stdout == "set()\n"
