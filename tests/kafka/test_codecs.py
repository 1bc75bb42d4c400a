"""Records in each of Kafka's codecs, written by Kafka's own Java producer, are read."""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path

import pytest

from newsloom.contracts.topics import ARTICLE_VECTORS, ARTICLES
from newsloom.log_names import topic_name, topic_names, topic_specs
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.records import Record
from services.embedder.step import EmbedderStep
from tests.conformance.clients import Member, read_all
from tests.kafka.broker import Broker
from tests.kafka.harness import NewLog
from tests.kafka.log_segment import data_batches
from tests.unit.evaluation.invented_stream import WordEncoder

pytestmark = pytest.mark.kafka

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
"""In the order of their numbers in a batch."""


def article(codec: str) -> dict[str, str]:
    return {"id": codec, "title": f"An article in {codec}", "text": "The envoy told reporters of the talks. " * 40}


def produce(kafka_home: Path, broker: Broker, topic: str, codec: str) -> None:
    """Write one article by Kafka's console producer."""
    command: list[str | Path] = [kafka_home / "bin/kafka-console-producer.sh", "--topic", topic]
    command += ["--bootstrap-server", broker.url.removeprefix("kafka://"), "--compression-codec", codec]
    command += ["--reader-property", "parse.key=true", "--reader-property", "key.separator=|"]
    line = f"{codec}|{json.dumps(article(codec))}\n"
    subprocess.run(command, input=line, text=True, check=True, timeout=60)


@pytest.fixture
def settings(kafka_broker: Broker) -> Settings:
    return Settings(log=kafka_broker.url, topic_prefix=f"codecs-{uuid.uuid4().hex[:8]}.", model=WordEncoder.model)


@pytest.fixture
def log(new_log: NewLog, kafka_home: Path, kafka_broker: Broker, settings: Settings) -> Log:
    """A log with one article in each codec."""
    log: Log = new_log()
    log.admin().create(topic_specs(settings))
    for codec in CODECS:
        produce(kafka_home, kafka_broker, topic_name(settings, ARTICLES), codec)
    return log


def codecs_of(records: list[Record]) -> list[str]:
    return [json.loads(record.value or b"")["id"] for record in records]


def test_the_embedder_reads_every_codec_of_the_java_producer(
    log: Log, kafka_broker: Broker, settings: Settings
) -> None:
    topic = topic_name(settings, ARTICLES)
    assert [batch.codec for batch in data_batches(kafka_broker.segment(topic))] == list(range(len(CODECS)))
    assert codecs_of(read_all(log, topic)) == CODECS

    step = EmbedderStep(settings, WordEncoder())
    member = Member(log, f"{settings.topic_prefix}embedder", topic_names(settings, [ARTICLES]))
    committed = member.take(len(CODECS), lambda record: step.process((record,)).messages)
    assert codecs_of(committed) == CODECS
    vectors = read_all(log, topic_name(settings, ARTICLE_VECTORS))
    assert [json.loads(record.value or b"")["article_id"] for record in vectors] == CODECS
