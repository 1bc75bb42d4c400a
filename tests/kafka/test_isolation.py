"""The adapter changes kafka-python for its own clients only; other clients in the same process work as usual."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
from kafka import KafkaConsumer
from kafka.errors import KafkaError

from newsloom.streaming.errors import LogUnavailable
from newsloom.streaming.kafka import open_kafka
from newsloom.streaming.kafka.clients import ClientFactory
from tests.kafka.broker import free_ports

COMPARE_LIBRARY = """
import logging, sys
import kafka

def state():
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] == "kafka":
            for owner in (module, *(value for value in vars(module).values() if isinstance(value, type))):
                yield from ((f"{name}: {owner}.{attribute}", id(value)) for attribute, value in vars(owner).items())
    for name, logger in logging.root.manager.loggerDict.items():
        if name.partition(".")[0] == "kafka" and isinstance(logger, logging.Logger):
            yield name, (logger.level, logger.propagate, list(logger.filters), list(logger.handlers))

before = dict(state())
import newsloom
import newsloom.streaming.kafka
assert len(before) > 1_000
after = dict(state())
changed = [name for name, value in before.items() if after[name] != value]
assert not changed, changed
"""


def test_importing_newsloom_leaves_kafka_python_unchanged() -> None:
    done = subprocess.run([sys.executable, "-c", COMPARE_LIBRARY], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_only_the_lines_of_the_adapters_clients_are_dropped() -> None:
    (port,) = free_ports(1)
    with pytest.raises(LogUnavailable):
        open_kafka(f"kafka://127.0.0.1:{port}", {})
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        with pytest.raises(LogUnavailable, match="ECONNREFUSED"):
            ClientFactory([("127.0.0.1", port)], {"bootstrap_timeout_ms": 300}).consumer(group_id=None)
        assert lines == []
        with pytest.raises(KafkaError):
            KafkaConsumer(bootstrap_servers=f"127.0.0.1:{port}", bootstrap_timeout_ms=300)
        assert [line for line in lines if "failed" in line] != []
    finally:
        logging.getLogger().removeHandler(handler)
