"""Kafka's SaslHandshake (version 1), the one request that every listener answers before anything else: with or without TLS,
with or without users. Its answer tells them apart. https://kafka.apache.org/protocol#The_Messages_SaslHandshake
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Final

API_KEY: Final = 17
VERSION: Final = 1
SIZE_BYTES: Final = 4
ANSWER_BYTES_MAX: Final = 4_096
TLS_RECORDS: Final = (b"\x15\x03", b"\x16\x03")
"""How an alert or a handshake of TLS begins; as a length, which a Kafka answer begins with, both are beyond any answer's."""


class UnexpectedTls(Exception):
    """The other side has answered in TLS, which was not spoken to it."""


@dataclass(frozen=True, slots=True)
class SaslHandshakeResponse:
    """`takes`: whether the listener takes the mechanism; `has_users`: whether it wants one at all; `mechanisms` it takes."""

    takes: bool
    has_users: bool
    mechanisms: tuple[str, ...]


_NO_ERROR: Final = 0
_UNSUPPORTED_MECHANISM: Final = 33


def request_sasl_handshake(connection: socket.socket, mechanism: str) -> SaslHandshakeResponse | None:
    """Ask for this mechanism; None if what comes back is no answer of Kafka's.

    Raises:
        SpeaksTls: the connection is without TLS, the answer is not.
        OSError: as the connection raises it; `TimeoutError` for silence.

    """
    name = mechanism.encode()
    # Request header version 1, without a client's name; then the mechanism.
    body = struct.pack(">hhihh", API_KEY, VERSION, 0, -1, len(name)) + name
    connection.sendall(struct.pack(">i", len(body)) + body)
    head = _receive(connection, SIZE_BYTES)
    if head.startswith(TLS_RECORDS):
        raise UnexpectedTls
    size = int.from_bytes(head, "big")
    if size > ANSWER_BYTES_MAX:
        return None
    try:
        return _read(_receive(connection, size))
    except (struct.error, UnicodeDecodeError):
        return None


def _receive(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size and (part := connection.recv(size - len(received))):
        received += part
    return received


def _read(answer: bytes) -> SaslHandshakeResponse:
    _, error, count = struct.unpack_from(">ihi", answer)
    mechanisms, place = [], struct.calcsize(">ihi")
    for _ in range(count):
        (length,) = struct.unpack_from(">h", answer, place)
        (name,) = struct.unpack_from(f"{length}s", answer, place + 2)
        mechanisms.append(name.decode())
        place += 2 + length
    return SaslHandshakeResponse(error == _NO_ERROR, error in {_NO_ERROR, _UNSUPPORTED_MECHANISM}, tuple(mechanisms))
