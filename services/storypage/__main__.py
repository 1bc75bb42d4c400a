"""Run the story page until SIGTERM: `python -m services.storypage`."""

import sys

from services.startup import end_at_signals

if __name__ == "__main__":
    # Before the import, which takes a while.
    end_at_signals()
    from services.storypage.service import run

    sys.exit(run())
