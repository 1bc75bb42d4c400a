"""Run a service that ends when its supervisor does: `python -m services.local.child_process MODULE ARGUMENTS`.

Standard input is a pipe to which the supervisor writes nothing. It ends when the supervisor ends, even by kill -9. (Linux can
signal the child, but does so when the supervisor's *thread* ends, and other systems cannot.)
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
    # The service did not stop in time. Its uncommitted batch will be delivered again.
    os._exit(EXIT_ABANDONED)


def main() -> None:
    """Run the module named in the first argument with the remaining arguments, as `python -m` would."""
    threading.Thread(target=_end_with_supervisor, name="supervisor-watch", daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
