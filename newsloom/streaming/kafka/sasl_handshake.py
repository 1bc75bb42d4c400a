"""Kafka's SaslHandshake request (version 1). A listener answers it before any other request, with or without TLS or SASL, so
its response shows which of them are enabled. https://kafka.apache.org/protocol#The_Messages_SaslHandshake
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Final

API_KEY: Final = 17
VERSION: Final = 1
SIZE_BYTES: Final = 4
RESPONSE_BYTES_MAX: Final = 4_096
TLS_RECORDS: Final = (b"\x15\x03", b"\x16\x03")
"""First bytes of a TLS alert or handshake. Read as the length of a Kafka response, both exceed `RESPONSE_BYTES_MAX`."""


class UnexpectedTls(Exception):
    """The listener has answered a plaintext request with TLS."""


@dataclass(frozen=True, slots=True)
class SaslHandshakeResponse:
    """`accepted`: the listener supports the requested mechanism. `sasl_enabled`: it authenticates users with SASL."""

    accepted: bool
    sasl_enabled: bool
    mechanisms: tuple[str, ...]


_NO_ERROR: Final = 0
_UNSUPPORTED_MECHANISM: Final = 33


def request_sasl_handshake(connection: socket.socket, mechanism: str) -> SaslHandshakeResponse | None:
    """Request this mechanism and return the response; None if it is not in Kafka's protocol.

    Raises:
        UnexpectedTls: the connection does not use TLS, but the response does.
        OSError: from the connection; `TimeoutError` if nothing is received.

    """
    name = mechanism.encode()
    # Request header version 1, without a client id; then the mechanism.
    body = struct.pack(">hhihh", API_KEY, VERSION, 0, -1, len(name)) + name
    connection.sendall(struct.pack(">i", len(body)) + body)
    head = _receive(connection, SIZE_BYTES)
    if head.startswith(TLS_RECORDS):
        raise UnexpectedTls
    size = int.from_bytes(head, "big")
    if size > RESPONSE_BYTES_MAX:
        return None
    try:
        return _parse(_receive(connection, size))
    except (struct.error, UnicodeDecodeError):
        return None


def _receive(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size and (part := connection.recv(size - len(received))):
        received += part
    return received


def _parse(response: bytes) -> SaslHandshakeResponse:
    _, error, count = struct.unpack_from(">ihi", response)
    mechanisms, index = [], struct.calcsize(">ihi")
    for _ in range(count):
        (length,) = struct.unpack_from(">h", response, index)
        (name,) = struct.unpack_from(f"{length}s", response, index + 2)
        mechanisms.append(name.decode())
        index += 2 + length
    return SaslHandshakeResponse(error == _NO_ERROR, error in {_NO_ERROR, _UNSUPPORTED_MECHANISM}, tuple(mechanisms))
