"""TLS before a broker that speaks none, and a silence that a dead host leaves: connections are made and nothing is ever said."""

from __future__ import annotations

import select
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Final, Self

from tests.kafka.broker import wait_until

HOST: Final = "127.0.0.1"
CHUNK_BYTES: Final = 65_536


class TlsProxy:
    """Listens with TLS at `port` and passes everything on to `behind`, which is set before the first client comes."""

    def __init__(self, certificate: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._server = socket.create_server((HOST, 0))
        self.port: int = self._server.getsockname()[1]
        self.behind = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._unanswered: list[socket.socket] = []
        self._is_silent = False
        threading.Thread(target=self._accept, name="tls front", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._end_all()
        self._server.close()
        for one in self._unanswered:
            one.close()

    def fall_silent(self) -> None:
        """End all connections; leave those made from now on without a word, for ever."""
        with self._lock:
            self._is_silent = True
            self._end_all()

    def speak(self) -> None:
        """Answer those that are made from now on."""
        with self._lock:
            self._is_silent = False

    def wait_unanswered(self) -> None:
        """Return once a connection has been made in silence."""
        wait_until(lambda: bool(self._unanswered), 30, "a connection in silence")

    def _end_all(self) -> None:
        for one in self._open:
            one.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            with self._lock:
                if self._is_silent:
                    self._unanswered.append(client)
                    continue
            threading.Thread(target=self._serve, args=(client,), name="tls front", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with (
                self._context.wrap_socket(client, server_side=True) as near,
                socket.create_connection((HOST, self.behind)) as far,
            ):
                # A second handle: TLS is spoken by this thread alone, and another may end the connection.
                with self._lock:
                    self._open.add(far)
                try:
                    _pump(near, far)
                finally:
                    with self._lock:
                        self._open.discard(far)
        except OSError:
            client.close()


def _pump(near: ssl.SSLSocket, far: socket.socket) -> None:
    """Carry bytes both ways until one side ends."""
    while True:
        readable = [near] if near.pending() else select.select([near, far], [], [])[0]
        for source, target in ((near, far), (far, near)):
            if source in readable:
                data = source.recv(CHUNK_BYTES)
                if not data:
                    return
                target.sendall(data)


def make_certificate(directory: Path) -> Path:
    """A key and a certificate for this host, signed by itself, in one PEM file."""
    path = directory / "front.pem"
    new: list[str | Path] = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-noenc",
        "-keyout",
        path,
        "-out",
        path,
    ]
    subprocess.run(
        ["openssl", "req", "-x509", *new, "-subj", "/CN=front", "-addext", f"subjectAltName=IP:{HOST}"],
        check=True,
        capture_output=True,
    )
    return path
