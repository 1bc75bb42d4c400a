"""Open the log on Kafka."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from weakref import WeakSet

from newsloom.streaming.kafka.admin import KafkaAdmin
from newsloom.streaming.kafka.client_log import install_filter
from newsloom.streaming.kafka.clients import ClientFactory
from newsloom.streaming.kafka.options import parse_addresses, parse_options
from newsloom.streaming.kafka.reader import KafkaReader
from newsloom.streaming.kafka.worker import KafkaWorker
from newsloom.streaming.kafka.writer import KafkaWriter
from newsloom.streaming.log import Admin, Log, Reader, Start, Worker, Writer
from newsloom.streaming.records import TopicPartition


def open_kafka(url: str, options: Mapping[str, str]) -> Log:
    """Open the log on the brokers of `url` (`kafka://host:9092,host2:9092`).

    `options` are kafka-python's client settings (security, timeouts) as text, by their lower-case names.

    Raises:
        ConfigurationError: a setting is unknown or invalid, or the broker rejects a certificate or password.
        LogUnavailable: no broker answers. Both are raised within 30 s and give the address and the cause.

    """
    install_filter()
    log = KafkaLog(ClientFactory(parse_addresses(url), parse_options(options)))
    log.connect()
    return log


class KafkaLog:
    """`Log` on Kafka."""

    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients
        self._admin = KafkaAdmin(clients)
        # Weak references: a service opens a reader for every restore.
        self._opened = WeakSet[Worker | Reader | Writer]()

    def connect(self) -> None:
        """Connect to a broker, so that connection problems are found at the start."""
        self._clients.check()
        self._admin.connect()

    def admin(self) -> Admin:
        """See `Log.admin`."""
        return self._admin

    def worker(self, *, group: str, instance: str, topics: Sequence[str]) -> Worker:
        """See `Log.worker`."""
        self._admin.check_rights(read=topics)
        # The consumer of a missing topic polls nothing, without an error.
        self._admin.check_exist(TopicPartition(topic, 0) for topic in topics)
        worker = KafkaWorker(self._clients, self._admin, group=group, instance=instance, topics=topics)
        self._opened.add(worker)
        return worker

    def reader(self, partitions: Sequence[TopicPartition], *, start: Start) -> Reader:
        """See `Log.reader`."""
        self._admin.check_rights(read=(topic for topic, _ in partitions))
        self._admin.check_exist(partitions)
        reader = KafkaReader(self._clients, self._admin, partitions, start=start)
        self._opened.add(reader)
        return reader

    def writer(self, name: str, *, progress_topic: str = "") -> Writer:
        """See `Log.writer`."""
        writer = KafkaWriter(self._clients, self._admin, name, progress_topic)
        self._opened.add(writer)
        return writer

    def close(self) -> None:
        """See `Log.close`."""
        for opened in list(self._opened):
            opened.close()
        self._opened.clear()
        self._admin.close()
