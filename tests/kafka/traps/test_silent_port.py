"""B11: a TLS handshake has no timeout. A port that accepts connections and says nothing blocks whoever connects.

How the adapter ends instead: `tests/kafka/test_connecting.py`.
"""

from __future__ import annotations

import socket

from kafka import KafkaProducer

from tests.kafka.traps import plain


def test_plain_client_waits_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        making = plain.Call(
            lambda: KafkaProducer(bootstrap_servers=address, security_protocol="SSL", bootstrap_timeout_ms=500)
        )
        assert not making.ends_within(plain.HANGS_S)
