"""Suspend Python's garbage collector while a service builds objects that stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_suspended() -> Iterator[None]:
    """Disable collections while entered, and leave all objects that exist at the end out of later ones.

    Collections would scan a growing heap of objects that stay, such as imported modules or restored state, again and again.
    """
    was_enabled = gc.isenabled()
    # Unfreeze and collect first, so that objects kept by an earlier call and no longer used are freed.
    gc.unfreeze()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
