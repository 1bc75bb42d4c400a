"""What every test may ask for."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.kafka.broker import Broker, find_kafka_home

# A law holds or it does not; how long a case takes says something about the machine's load only.
settings.register_profile("newsloom", deadline=None)
settings.load_profile("newsloom")

# What a shell runs in the background is deaf to SIGINT, and so are its children: the programs whose Ctrl-C is tested, too.
signal.signal(signal.SIGINT, signal.default_int_handler)

HOW_TO_RUN = "needs Apache Kafka: set KAFKA_HOME (and have Java), or NEWSLOOM_TEST_KAFKA=host:port"


@pytest.fixture(scope="session")
def kafka_home() -> Path:
    """Where an Apache Kafka is that brokers of our own can be started from."""
    home = find_kafka_home(Path(__file__).resolve().parent.parent)
    if home is None:
        pytest.skip(HOW_TO_RUN)
    return home


@pytest.fixture(scope="session")
def kafka_broker(kafka_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker of our own, which a test may kill as long as it starts it again. Started at the first use."""
    broker = Broker(kafka_home, tmp_path_factory.mktemp("kafka") / "broker")
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def kafka_url(request: pytest.FixtureRequest) -> str:
    """The URL of a Kafka that is not to be stopped: NEWSLOOM_TEST_KAFKA if it is set, else a broker of our own."""
    external = os.environ.get("NEWSLOOM_TEST_KAFKA")
    if external:
        return f"kafka://{external}"
    broker: Broker = request.getfixturevalue("kafka_broker")
    return broker.url
