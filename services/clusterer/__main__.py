"""Run the clusterer until SIGTERM: `python -m services.clusterer`."""

import sys

from services.startup import end_at_signals

if __name__ == "__main__":
    # Before the import, which takes a while.
    end_at_signals()
    from services.clusterer.service import run

    sys.exit(run())
