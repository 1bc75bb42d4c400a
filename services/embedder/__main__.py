"""Run the embedder until SIGTERM: `python -m services.embedder`."""

import sys

from services.startup import end_at_signals

if __name__ == "__main__":
    # Before the import, which takes a while.
    end_at_signals()
    from services.embedder.service import run

    sys.exit(run())
