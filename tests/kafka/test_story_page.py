"""The story page on Apache Kafka has the rows that it has on SQLite, after a kill and after the deletion of its file."""

from __future__ import annotations

import signal
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from newsloom.log_names import topic_specs
from newsloom.settings import Settings
from newsloom.streaming.log import Progress
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message
from services.storypage.read_model.file import ModelFile
from tests.unit.storypage.conftest import consistent_log, model_file, partitions, settings
from tests.unit.storypage.dump import dump
from tests.unit.storypage.page_process import PageProcess
from tests.unit.storypage.records import Partitions

__all__ = ["consistent_log", "model_file", "partitions", "settings"]

pytestmark = pytest.mark.kafka


def rows(sql: sqlite3.Connection) -> dict[str, list[Any]]:
    """Return all rows without offsets and times of arrival, which the other log has given anew."""
    sql.executescript("""
        DROP INDEX stories_by_offset;
        DROP INDEX updates_by_offset;
        UPDATE stories SET offset = 0;
        UPDATE updates SET offset = 0, arrived_ms = 0;
        UPDATE articles SET arrived_ms = 0;
    """)
    return dump(sql)


def copy_of(file: ModelFile, path: Path) -> sqlite3.Connection:
    copy = sqlite3.connect(path)
    with closing(file.reader()) as source:
        source.backup(copy)
    return copy


def write_to_kafka(url: str, prefix: str, partitions: Partitions, settings: Settings) -> None:
    chosen = msgspec.structs.replace(settings, topic_prefix=prefix)
    with closing(open_log_url(url)) as log:
        log.admin().create(topic_specs(chosen))
        with closing(log.writer(f"{prefix}copy")) as writer:
            for number, (source, records) in enumerate(partitions.items()):
                topic = prefix + source.topic.removeprefix(settings.topic_prefix)
                writer.write(
                    [Message(topic, one.key, one.value, one.headers, source.partition) for one in records],
                    Progress(number),
                )


def test_the_rows_on_kafka_are_those_on_sqlite(
    kafka_url: str, partitions: Partitions, settings: Settings, model_file: ModelFile, tmp_path: Path
) -> None:
    prefix = f"p{uuid.uuid4().hex[:8]}."
    write_to_kafka(kafka_url, prefix, partitions, settings)
    with closing(copy_of(model_file, tmp_path / "expected.db")) as sql:
        expected = rows(sql)

    for deletes in (False, True):
        file = ModelFile(tmp_path / "page.db")
        if deletes:
            file.delete()
        page = PageProcess(kafka_url, file.path, NEWSLOOM_TOPIC_PREFIX=prefix)
        page.wait_until_ready()
        page.end(signal.SIGKILL)
        with closing(copy_of(file, tmp_path / f"found-{deletes}.db")) as sql:
            assert rows(sql) == expected
