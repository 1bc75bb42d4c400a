"""Run a module on untrusted data in a child process with limits on memory and time. Beyond a limit only the child ends."""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from services.feeds.child_process import EXIT_CRASHED, EXIT_REFUSED, MEMORY_BYTES_MAX

CPU_S_MAX: Final = 30
"""feedparser reads about 250 KB a second on a slow core; most feeds are smaller than that."""
WALL_S_MAX: Final = 60.0


class DataRefused(Exception):
    """Raised for data that cannot be read. The message gives the reason and the fix."""


class LimitExceeded(Exception):
    """Raised when the process exceeds a limit. The message names the limit."""


async def run_limited(module: str, *arguments: str, data: bytes, cpu_s: int = CPU_S_MAX) -> bytes:
    """Call the module's `main` with these arguments and the data on standard input; return what it writes to standard output.

    Raises:
        DataRefused: the process refused the data, or has a defect that the data shows.
        LimitExceeded: the process was ended at a limit.

    """
    process = await asyncio.create_subprocess_exec(
        # -P: a folder called `services` in the current directory must not be imported instead of ours.
        *(sys.executable, "-P", "-m", "services.feeds.child_process", str(cpu_s), module, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(WALL_S_MAX):
            output, errors = await process.communicate(data)
    except TimeoutError as error:
        raise _limit_exceeded(data, cpu_s) from error
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
        raise _limit_exceeded(data, cpu_s)
    return output


def _limit_exceeded(data: bytes, cpu_s: int) -> LimitExceeded:
    return LimitExceeded(
        f"reading {len(data):,} bytes takes more than {cpu_s} s or {MEMORY_BYTES_MAX // 1024**2:,} MiB"
    )
