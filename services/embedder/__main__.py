"""`python -m services.embedder`: the embedder, until SIGTERM."""

from __future__ import annotations

import sys
from typing import Final

from newsloom.service import main
from services.embedder.service import build

RECORDS_MAX: Final = 64
"""A batch, and so a transaction, of about two seconds' work on two cores."""

if __name__ == "__main__":
    sys.exit(main("embedder", build, records_max=RECORDS_MAX))
