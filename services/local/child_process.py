"""Runs a service that ends with its supervisor, however that one ends: `python -m services.local.child_process MODULE ARGUMENTS`.

The supervisor holds the other end of standard input and writes nothing. When it is gone, by kill -9 too, the pipe ends. (Linux
could signal the child, but does so when the supervisor's *thread* ends, and other systems cannot.)
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from typing import Final

GRACE_S: Final = 30.0
EXIT_ABANDONED: Final = 70


def _end_with_supervisor() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    # The service did not end by itself; what it has not committed comes again.
    os._exit(EXIT_ABANDONED)


def main() -> None:
    """Run the module named in the first argument with the others, as `python -m` would."""
    threading.Thread(target=_end_with_supervisor, name="tether", daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
