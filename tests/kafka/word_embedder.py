"""Run the embedder with a model that hashes words: `python -m tests.kafka.word_embedder`."""

from __future__ import annotations

import sys
from typing import Final

from newsloom.service import main
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.restore import RestoreProgress
from newsloom.streaming.step import Step
from services.embedder.step import EmbedderStep
from tests.unit.evaluation.invented_stream import WordEncoder

RECORDS_MAX: Final = 64


def _build(settings: Settings, _log: Log, _progress: RestoreProgress) -> Step:
    return EmbedderStep(settings, WordEncoder())


if __name__ == "__main__":
    sys.exit(main("embedder", _build, records_max=RECORDS_MAX))
