"""Something else in the place of something, for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Mutant = Callable[[], AbstractContextManager[None]]
"""Makes a bug while it is entered."""


@contextmanager
def replaced(*changes: tuple[object, str, object]) -> Iterator[None]:
    """Set these attributes of these owners to these values, until left."""
    before = [(owner, name, vars(owner)[name]) for owner, name, _ in changes]
    for owner, name, value in changes:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
