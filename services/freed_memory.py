"""Return freed memory to the operating system."""

from __future__ import annotations

import ctypes
from contextlib import suppress


def return_freed_memory() -> None:
    """Give the free pages of the heap back; do nothing if the C library is not glibc.

    glibc keeps pages that were freed below one that is in use. A process that restores its state, or whose editions have become
    smaller, would keep its largest size for ever.
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
