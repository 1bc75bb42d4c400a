"""Ingest a growing file with `newsloom ingest`, which is sometimes killed; also write records that are no articles."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from newsloom.contracts.topics import ARTICLES
from newsloom.service import EXIT_LOG
from newsloom.streaming.errors import CommitFailed, LogUnavailable
from newsloom.streaming.log import Progress
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message
from tests.chaos.replica_supervisor import REPOSITORY
from tests.chaos.run_progress import RunProgress
from tests.chaos.traffic import NAMES

LEAD: Final = 0.04
"""How far ingestion is ahead of the faults, as a fraction of the run, so that faults find work in progress."""
CHUNKS_MAX: Final = 80
CHUNK_LINES: Final = 20
KILLED_EVERY: Final = 8
INGEST_S_MAX: Final = 600.0
INVALID_ARTICLE: Final = b"{ this is no article"


@dataclass
class IngestLoop:
    """Ingests `lines` chunk by chunk during the run."""

    lines: list[bytes]
    url: str
    prefix: str
    environ: Mapping[str, str]
    file: Path
    progress: RunProgress
    seed: int

    def run(self) -> None:
        """Ingest every line."""
        rng = random.Random(self.seed)  # noqa: S311 - nothing secret
        self.file.write_bytes(b"")
        chunks = min(CHUNKS_MAX, -(-len(self.lines) // CHUNK_LINES))
        for index in range(chunks):
            if not self.progress.wait_for(index / chunks - LEAD):
                return
            chunk = self.lines[len(self.lines) * index // chunks : len(self.lines) * (index + 1) // chunks]
            with self.file.open("ab") as growing:
                growing.writelines(chunk)
            if index % KILLED_EVERY == KILLED_EVERY - 1:
                self._ingest(kill_after_s=rng.uniform(0.3, 2.5))
            self._ingest_all()
            self._write_invalid(index)
            self.progress.count("lines ingested", len(chunk))
            self.progress.ingested = (index + 1) / chunks

    def _ingest_all(self) -> None:
        """Repeat the command until it succeeds, as an operator would."""
        deadline = time.monotonic() + INGEST_S_MAX
        while (status := self._ingest()) != 0:
            if status != EXIT_LOG or time.monotonic() > deadline:
                raise RuntimeError(f"newsloom ingest ended with status {status}; its output is beside {self.file}")
            self.progress.count("ingest: log unavailable, repeated")

    def _ingest(self, kill_after_s: float | None = None) -> int:
        mapped = [argument for pair in NAMES.items() for argument in ("--map", "=".join(pair))]
        with self.file.with_suffix(".log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "services.cli", "ingest", str(self.file), *mapped],
                env=dict(self.environ),
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            return process.wait(INGEST_S_MAX if kill_after_s is None else kill_after_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            self.progress.count("ingest: kill -9")
            return process.wait()

    def _write_invalid(self, index: int) -> None:
        """Write one record that is not an article, exactly once, as the checks count it."""
        message = Message(self.prefix + ARTICLES.name, b"poison-%d" % index, INVALID_ARTICLE)
        while not self.progress.stopped:
            with (
                suppress(CommitFailed, LogUnavailable),
                closing(open_log_url(self.url)) as log,
                closing(log.writer(f"{self.prefix}poison")) as writer,
            ):
                done = writer.progress()
                if done is None or done.position <= index:
                    writer.write([message], Progress(index + 1))
                self.progress.count("invalid records")
                return
