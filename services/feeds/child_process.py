"""A process with limits: `python -m services.feeds.child_process CPU_S MODULE ARGUMENT...` sets them and calls `MODULE.main`."""

from __future__ import annotations

import importlib
import resource
import sys
from typing import Final

MEMORY_BYTES_MAX: Final = 1024**3
EXIT_REFUSED: Final = 3
"""Status of a process that has written to standard output why it refuses the data."""
EXIT_CRASHED: Final = 1
"""Python's status after an exception."""


def main(cpu_s: str, module: str, *arguments: str) -> int:
    """Return the exit status of the module's `main`. It is imported under the limits."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_s), int(cpu_s)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    status: int = importlib.import_module(module).main(*arguments)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
