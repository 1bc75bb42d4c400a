"""The SaslHandshake request and its response. Needs no broker."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from newsloom.streaming.kafka.sasl_handshake import SaslHandshakeResponse, UnexpectedTls, request_sasl_handshake

NO_ERROR, UNSUPPORTED_MECHANISM, ILLEGAL_STATE = 0, 33, 34

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The client's and the broker's end of a connection."""
    client, broker = socket.socketpair()
    client.settimeout(5)
    with client, broker:
        yield client, broker


def encode(error: int, *mechanisms: str) -> bytes:
    """Encode a SaslHandshake response: length, correlation id, error code, array of strings."""
    body = struct.pack(">ihi", 0, error, len(mechanisms))
    body += b"".join(struct.pack(">h", len(name)) + name.encode() for name in mechanisms)
    return struct.pack(">i", len(body)) + body


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (encode(NO_ERROR, "PLAIN"), SaslHandshakeResponse(accepted=True, sasl_enabled=True, mechanisms=("PLAIN",))),
        (
            encode(UNSUPPORTED_MECHANISM, "A", "BC"),
            SaslHandshakeResponse(accepted=False, sasl_enabled=True, mechanisms=("A", "BC")),
        ),
        (encode(ILLEGAL_STATE), SaslHandshakeResponse(accepted=False, sasl_enabled=False, mechanisms=())),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", None),
        (encode(NO_ERROR, "PLAIN")[:-3], None),
        (encode(NO_ERROR)[:-4] + b"\x7f\xff\xff\xff", None),
        (b"\x00\x00", None),
        (b"", None),
    ],
)
def test_responses(pair: Pair, received: bytes, expected: SaslHandshakeResponse | None) -> None:
    client, broker = pair
    broker.sendall(received)
    broker.shutdown(socket.SHUT_WR)
    assert request_sasl_handshake(client, "PLAIN") == expected


def test_a_tls_alert(pair: Pair) -> None:
    client, broker = pair
    broker.sendall(b"\x15\x03\x03\x00\x02\x02\x50")
    with pytest.raises(UnexpectedTls):
        request_sasl_handshake(client, "")


def test_the_request(pair: Pair) -> None:
    client, broker = pair
    broker.shutdown(socket.SHUT_WR)
    request_sasl_handshake(client, "PLAIN")
    assert broker.recv(100) == b"\x00\x00\x00\x11\x00\x11\x00\x01\x00\x00\x00\x00\xff\xff\x00\x05PLAIN"
