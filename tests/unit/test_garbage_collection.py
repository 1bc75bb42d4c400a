"""Objects that a service builds at its start cost no collection then and none later."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from services.garbage_collection import gc_suspended


@pytest.fixture(autouse=True)
def _unfreeze() -> Iterator[None]:
    yield
    gc.unfreeze()


class Node:
    """In a cycle, so that only a collection frees it."""

    def __init__(self) -> None:
        self.itself = self


def collections() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())


def test_no_collection_runs_while_it_is_suspended() -> None:
    with gc_suspended():
        before = collections()
        kept = [[number] for number in range(100_000)]
        assert collections() == before
    assert gc.isenabled()
    assert gc.get_freeze_count() > len(kept)


def test_collections_go_on_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), gc_suspended():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_a_collector_that_was_disabled_stays_so() -> None:
    gc.disable()
    try:
        with gc_suspended():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_objects_of_an_earlier_call_that_are_no_longer_used_are_freed() -> None:
    with gc_suspended():
        node = Node()
        reference = weakref.ref(node)
    del node
    with gc_suspended():
        assert reference() is None
