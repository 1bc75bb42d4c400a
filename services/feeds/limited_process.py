"""Run a module of this folder on untrusted data, in a process with limits on memory and time: it can end only itself."""

from __future__ import annotations

import asyncio
import resource
import sys
from typing import Final

MEMORY_BYTES_MAX: Final = 1024**3
CPU_S_MAX: Final = 30
WALL_S_MAX: Final = 60.0
EXIT_REFUSED: Final = 3
"""Status of a process that has written to standard output why it refuses the data."""
EXIT_CRASHED: Final = 1
"""Python's status after an exception."""


class DataRefused(Exception):
    """The data cannot be read; the message says why and what to do."""


class LimitExceeded(Exception):
    """The process took too much memory or time; the message says how much it had."""


def set_limits() -> None:
    """Limit this process. Call it first in a module that `run_limited` runs, before what the data could keep busy."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S_MAX, CPU_S_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


async def run_limited(module: str, *arguments: str, data: bytes) -> bytes:
    """Run the module with these arguments and the data on standard input; return what it writes to standard output.

    Raises:
        DataRefused: the process refused the data, or has a defect that the data shows.
        LimitExceeded: the process was ended at a limit.

    """
    process = await asyncio.create_subprocess_exec(
        # -P: a folder called `services` in the current directory must not be imported instead of ours.
        *(sys.executable, "-P", "-m", module, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(WALL_S_MAX):
            output, errors = await process.communicate(data)
    except TimeoutError as error:
        raise _limit_exceeded(data) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == EXIT_REFUSED:
        raise DataRefused(output.decode())
    if process.returncode == EXIT_CRASHED and b"MemoryError" not in errors:
        last_line = errors.decode(errors="replace").strip().rpartition("\n")[2]
        raise DataRefused(f"cannot be read, because of a defect of the program that reads it: {last_line[:200]}")
    if process.returncode:
        raise _limit_exceeded(data)
    return output


def _limit_exceeded(data: bytes) -> LimitExceeded:
    return LimitExceeded(
        f"reading {len(data):,} bytes takes more than {CPU_S_MAX} s or {MEMORY_BYTES_MAX // 1024**2:,} MiB"
    )
