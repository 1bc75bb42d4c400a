"""An installation on SQLite does not import kafka-python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

# A module that is None in sys.modules cannot be imported: whatever tries to raises ImportError.
BLOCK_KAFKA = "import sys; sys.modules['kafka'] = None; "
LOG = """
from newsloom.streaming.log import CleanupPolicy, Progress, TopicSpec
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message, TopicPartition

log = open_log_url("sqlite://")
log.admin().create([TopicSpec("in", 3, CleanupPolicy.DELETE)])
log.writer("writer").write([Message("in", b"key", b"value")], Progress(1))
worker = log.worker(group="group", instance="0", topics=["in"])
batch = worker.poll(max_records=10, timeout_ms=5_000)
worker.commit(batch, [Message("in", b"key", b"another")])
reader = log.reader([TopicPartition("in", number) for number in range(3)], start="earliest")
assert len(batch.records) == 1 and len(reader.poll(max_records=10, timeout_ms=5_000)) == 2
log.close()
"""
COMMAND = "from services.cli.__main__ import main; sys.argv[0] = 'newsloom'; main()"
SERVICES = "import services.clusterer.__main__, services.embedder.__main__"


def run_without_kafka(code: str, *arguments: str, log: str = "sqlite://") -> None:
    subprocess.run(
        [sys.executable, "-c", BLOCK_KAFKA + code, *arguments],
        cwd=ROOT,
        env={**os.environ, "NEWSLOOM_LOG": log},
        check=True,
    )


def test_worker_reader_and_writer_run_without_kafka() -> None:
    run_without_kafka(LOG)


def test_the_services_start_without_kafka() -> None:
    run_without_kafka(SERVICES)


def test_commands_run_without_kafka(tmp_path: Path) -> None:
    articles, log = tmp_path / "articles.jsonl", f"sqlite:///{tmp_path / 'log.db'}"
    articles.write_text(
        json.dumps({"id": "a-1", "title": "A title", "text": "A text", "published_at": "2025-08-03"}) + "\n"
    )
    for arguments in (["topics", "create"], ["ingest", str(articles)], ["stories"]):
        run_without_kafka(COMMAND, *arguments, log=log)
