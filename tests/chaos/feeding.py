"""The feed: a file that grows, and `newsloom ingest` again and again, sometimes killed; and records that are no articles."""

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
from tests.chaos.newsroom import REPOSITORY
from tests.chaos.pace import Pace
from tests.chaos.traffic import NAMES

LEAD: Final = 0.04
"""How far the feed runs ahead of the blows, as a part of all: a blow should find work that is under way."""
CHUNKS_MAX: Final = 80
CHUNK_LINES: Final = 20
KILLED_EVERY: Final = 8
INGEST_S_MAX: Final = 600.0
POISON: Final = b"{ this is no article"


@dataclass
class Feed:
    """Takes `lines` in, chunk by chunk, as the run goes on."""

    lines: list[bytes]
    url: str
    prefix: str
    environ: Mapping[str, str]
    file: Path
    pace: Pace
    seed: int

    def run(self) -> None:
        """Until every line is in."""
        choice = random.Random(self.seed)  # noqa: S311 - nothing secret
        self.file.write_bytes(b"")
        chunks = min(CHUNKS_MAX, -(-len(self.lines) // CHUNK_LINES))
        for place in range(chunks):
            if not self.pace.wait_for(place / chunks - LEAD):
                return
            chunk = self.lines[len(self.lines) * place // chunks : len(self.lines) * (place + 1) // chunks]
            with self.file.open("ab") as growing:
                growing.writelines(chunk)
            if place % KILLED_EVERY == KILLED_EVERY - 1:
                self._ingest(kill_after_s=choice.uniform(0.3, 2.5))
            self._ingest_all()
            self._poison(place)
            self.pace.count("lines fed", len(chunk))
            self.pace.fed = (place + 1) / chunks

    def _ingest_all(self) -> None:
        """The same command until it succeeds, as an operator would give it again."""
        deadline = time.monotonic() + INGEST_S_MAX
        while (status := self._ingest()) != 0:
            if status != EXIT_LOG or time.monotonic() > deadline:
                raise RuntimeError(f"newsloom ingest ended with status {status}; its output is beside {self.file}")
            self.pace.count("ingest: log away, started again")

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
            self.pace.count("ingest: kill -9")
            return process.wait()

    def _poison(self, place: int) -> None:
        """One record that is no article, exactly once; the verifier counts what stands on the topic."""
        message = Message(self.prefix + ARTICLES.name, b"poison-%d" % place, POISON)
        while not self.pace.stopped:
            with (
                suppress(CommitFailed, LogUnavailable),
                closing(open_log_url(self.url)) as log,
                closing(log.writer(f"{self.prefix}poison")) as writer,
            ):
                done = writer.progress()
                if done is None or done.position <= place:
                    writer.write([message], Progress(place + 1))
                self.pace.count("poison records")
                return
