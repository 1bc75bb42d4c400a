"""B11: kafka-python's TLS handshake has no timeout. A host that accepts connections and never answers blocks a client for ever.

`tests/kafka/test_connection_errors.py` opens a log at such a port; here the host stops answering later.
"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from kafka import KafkaProducer

from newsloom.streaming.errors import LogUnavailable
from newsloom.streaming.kafka.clients import ClientFactory
from tests.conformance.clients import Member, numbered, put
from tests.kafka.broker import Broker
from tests.kafka.fault_proxy import FaultProxy
from tests.kafka.harness import NewLog, log_opener
from tests.kafka.tls_proxy import TlsProxy, make_certificate
from tests.kafka.topic_copy import assert_copied_once, copies, copy_all
from tests.kafka.traps import plain


@pytest.mark.slow
def test_plain_client_waits_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        making = plain.Call(
            lambda: KafkaProducer(bootstrap_servers=address, security_protocol="SSL", bootstrap_timeout_ms=500)
        )
        assert not making.ends_within(plain.HANGS_S)


def test_adapters_clients_give_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        clients = ClientFactory([server.getsockname()], {"security_protocol": "SSL", "bootstrap_timeout_ms": 500})
        making = plain.Call(lambda: clients.producer("transactional-id"))
        assert making.ends_within(30)
        assert isinstance(making.error, LogUnavailable)
        assert "no answer" in str(making.error)


@pytest.mark.kafka
def test_worker_continues_after_a_host_has_died_in_a_tls_handshake(
    kafka_broker: Broker, new_log: NewLog, topics: tuple[str, str], tmp_path: Path
) -> None:
    source, out = topics
    put(new_log(), numbered(source, 6))
    certificate = make_certificate(tmp_path)
    with (
        TlsProxy(certificate) as tls_proxy,
        FaultProxy(int(kafka_broker.url.rpartition(":")[2]), tls_proxy.port) as proxy,
    ):
        tls_proxy.target_port = proxy.port
        tls = {"security_protocol": "SSL", "ssl_cafile": str(certificate), "reconnect_backoff_max_ms": "200"}
        with log_opener(f"kafka://127.0.0.1:{tls_proxy.port}", **tls) as open_log:
            log = open_log()
            member = Member(log, source, [source])
            batch = member.batch(max_records=3)
            member.worker.commit(batch, copies(batch, out))

            tls_proxy.stop_answering()
            tls_proxy.wait_for_unanswered_connection()
            tls_proxy.resume_answering()

            copy_all(member.worker, source, log, topics)
    assert_copied_once(new_log(), out, 6)
