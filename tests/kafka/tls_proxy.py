"""A TLS proxy to a broker without TLS. It can stop answering, like a host that has died."""

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
    """Listens with TLS at `port` and forwards everything to `target_port`. Set `target_port` before the first connection."""

    def __init__(self, certificate: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._server = socket.create_server((HOST, 0))
        self.port: int = self._server.getsockname()[1]
        self.target_port = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._unanswered: list[socket.socket] = []
        self._answers_nothing = False
        threading.Thread(target=self._accept, name="tls proxy", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._end_all()
        self._server.close()
        for one in self._unanswered:
            one.close()

    def stop_answering(self) -> None:
        """End all connections; accept new ones but never answer them."""
        with self._lock:
            self._answers_nothing = True
            self._end_all()

    def resume_answering(self) -> None:
        """Answer new connections again."""
        with self._lock:
            self._answers_nothing = False

    def wait_for_unanswered_connection(self) -> None:
        """Wait until a connection has been accepted and not answered."""
        wait_until(lambda: bool(self._unanswered), 30, "an unanswered connection")

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
                if self._answers_nothing:
                    self._unanswered.append(client)
                    continue
            threading.Thread(target=self._serve, args=(client,), name="tls proxy", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with (
                self._context.wrap_socket(client, server_side=True) as near,
                socket.create_connection((HOST, self.target_port)) as far,
            ):
                # Another thread may end the connection to the broker; only this thread may use the TLS socket.
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
    """Forward bytes in both directions until one side ends."""
    while True:
        readable = [near] if near.pending() else select.select([near, far], [], [])[0]
        for source, target in ((near, far), (far, near)):
            if source in readable:
                data = source.recv(CHUNK_BYTES)
                if not data:
                    return
                target.sendall(data)


def make_certificate(directory: Path) -> Path:
    """Write a key and its self-signed certificate for this host to a PEM file."""
    path = directory / "tls_proxy.pem"
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
        ["openssl", "req", "-x509", *new, "-subj", "/CN=tls proxy", "-addext", f"subjectAltName=IP:{HOST}"],
        check=True,
        capture_output=True,
    )
    return path
