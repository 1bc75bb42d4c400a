"""Live updates: each once and in order from any position, also while more are published; and a stated end to what is kept."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

import pytest
from starlette.testclient import TestClient

from newsloom.settings import Settings
from services.storypage.live import BUFFER_MAX, LiveUpdates, Reset
from services.storypage.positions import InvalidPositions, Positions, format_positions, parse_positions
from services.storypage.read_model.file import ModelFile
from services.storypage.read_model.model import PublishedUpdate
from services.storypage.read_model.queries import Queries
from tests.unit.storypage.application import client_of
from tests.unit.storypage.test_feeds import update

T = TypeVar("T")
LONG_S = 30.0


class Committed:
    """Updates in two partitions, as the read model has them."""

    def __init__(self) -> None:
        self.updates: list[PublishedUpdate] = []
        self._lock = threading.Lock()

    def add(self, number: int) -> list[PublishedUpdate]:
        with self._lock:
            new = []
            for _ in range(number):
                partition, offset = len(self.updates) % 2, len(self.updates) // 2
                new.append(PublishedUpdate(partition, offset, update(offset + 1, offset + 1)))
                self.updates.append(new[-1])
            return new

    def after(self, positions: Positions, limit: int) -> list[PublishedUpdate]:
        with self._lock:
            found = [one for one in self.updates if one.offset >= positions.get(one.partition, 0)]
        return sorted(found, key=lambda one: (one.partition, one.offset))[:limit]


def run(test: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(test)


def keys(updates: Iterable[PublishedUpdate]) -> list[tuple[int, int]]:
    return [(one.partition, one.offset) for one in updates]


def test_a_reader_gets_each_update_once_while_a_thread_publishes() -> None:
    total = 600

    async def test() -> None:
        live, committed = LiveUpdates(), Committed()
        live.attach(asyncio.get_running_loop())
        committed.add(40)

        def publish() -> None:
            for _ in range((total - 40) // 10):
                live.publish(committed.add(10))

        thread = threading.Thread(target=publish)
        thread.start()
        got, reached = [], dict[int, int]()
        async for one, after in live.follow({}, committed.after, seconds=LONG_S):
            got.append(one)
            reached = after
            if len(got) == total:
                break
        await asyncio.to_thread(thread.join)
        for partition in (0, 1):
            assert [one.offset for one in got if one.partition == partition] == list(range(total // 2))
        assert reached == {0: total // 2, 1: total // 2}

    run(test())


def test_another_replica_goes_on_from_any_event_without_gap_or_repeat() -> None:
    async def test() -> None:
        first, second, committed = LiveUpdates(), LiveUpdates(), Committed()
        committed.add(30)
        for stop in range(1, 30):
            got, reached = [], dict[int, int]()
            async for one, after in first.follow({}, committed.after, seconds=LONG_S):
                got.append(one)
                reached = after
                if len(got) == stop:
                    break
            second.end()
            position = parse_positions(format_positions(reached))
            got += [one async for one, _ in second.follow(position, committed.after, seconds=LONG_S)]
            assert sorted(keys(got)) == sorted(keys(committed.updates))

    run(test())


def test_a_replica_that_is_behind_does_not_repeat() -> None:
    async def test() -> None:
        live, committed = LiveUpdates(), Committed()
        live.attach(asyncio.get_running_loop())
        stream = live.follow({0: 3, 1: 3}, committed.after, seconds=LONG_S)
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        live.publish(committed.add(10))
        one, reached = await first
        assert (one.offset, sorted(reached.values())) == (3, [3, 4])

    run(test())


def test_a_reader_that_missed_too_much_is_told_to_load_anew() -> None:
    async def test() -> None:
        live, committed = LiveUpdates(), Committed()
        committed.add(BUFFER_MAX + 1)
        with pytest.raises(Reset):
            await anext(live.follow({}, committed.after, seconds=LONG_S))
        # One that stops reading while more is published than is kept.
        stream = live.follow({0: 499, 1: 499}, committed.after, seconds=LONG_S)
        await anext(stream)
        live.publish(committed.add(BUFFER_MAX + 1))
        with pytest.raises(Reset):
            async for _ in stream:
                pass

    run(test())


def test_a_stream_ends_after_its_time() -> None:
    async def test() -> list[object]:
        return [one async for one in LiveUpdates().follow({}, Committed().after, seconds=0.05)]

    assert run(test()) == []


@pytest.mark.parametrize("text", ["x", "1-", "1-2.", "1-2..3-4", "-1-2", "1-" + "9" * 30, "0-1\n", "\u0663-1"])
def test_a_wrong_position_is_refused(text: str) -> None:
    with pytest.raises(InvalidPositions):
        parse_positions(text)


def test_a_stream_of_the_page_resumes_behind_the_last_event(settings: Settings, model_file: ModelFile) -> None:
    live = LiveUpdates()
    live.end()
    client = client_of(settings, model_file.reader, live)
    everything = _events(client, "")
    assert len(everything) > 10
    position, _ = everything[4]
    assert _events(client, position) == everything[5:]
    assert client.get("/api/live", headers={"Last-Event-ID": "x"}).status_code == 400


def _events(client: TestClient, last_event_id: str) -> list[tuple[str, dict[str, Any]]]:
    """Return id and data of the events of a stream that has ended."""
    text = client.get("/api/live", params={"after": last_event_id} if last_event_id else {"after": "0-0"}).text
    blocks = [
        dict(line.split(": ", 1) for line in block.splitlines())
        for block in text.replace("\r", "").split("\n\n")
        if block
    ]
    return [(block["id"], json.loads(block["data"])) for block in blocks if block.get("event") == "story"]


def test_the_updates_of_the_model_are_those_after_a_position(settings: Settings, model_file: ModelFile) -> None:
    queries = Queries(model_file.reader(), settings.topic_prefix)
    everything = queries.updates_after({}, 10_000)
    positions = queries.positions("story-updates")
    assert everything
    assert queries.updates_after(positions, 10) == []
    assert len(queries.updates_after({}, 7)) == 7
