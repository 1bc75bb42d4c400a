"""Temporary replacement of attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Mutant = Callable[[], AbstractContextManager[None]]
"""A context manager that introduces a bug while it is active."""


@contextmanager
def patch_attributes(*changes: tuple[object, str, object]) -> Iterator[None]:
    """Set the attributes (owner, name, value); restore the old values on exit."""
    before = [(owner, name, vars(owner)[name]) for owner, name, _ in changes]
    for owner, name, value in changes:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
