"""No client keeps the HTTP server from answering the others."""

from __future__ import annotations

import http.client
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus

import pytest
from structlog.testing import capture_logs

from newsloom.streaming import http_server
from newsloom.streaming.http_server import CONNECTIONS_MAX, HEAD_BYTES_MAX, Answer, HttpServer


@pytest.fixture
def server() -> Iterator[HttpServer]:
    server = HttpServer("127.0.0.1", 0, lambda path: Answer(HTTPStatus.OK, f"{path}\n".encode()))
    server.start()
    yield server
    server.close()


def request(server: HttpServer, path: str, method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def exchange(server: HttpServer, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(sent)
        received = b""
        while part := connection.recv(4_096):
            received += part
        return received


def test_the_path_is_answered_without_its_query(server: HttpServer) -> None:
    assert request(server, "/readyz?verbose=1") == (200, b"/readyz\n")
    assert request(server, "/readyz", "HEAD") == (200, b"")
    assert request(server, "/readyz", "POST") == (405, b"use GET\n")


@pytest.mark.parametrize(
    "sent", [b"\r\n\r\n", b"GET\r\n\r\n", b"GET \xff\xfe HTTP/9\r\n\r\n", b"\0" * 100 + b"\r\n\r\n"]
)
def test_nonsense_gets_an_answer(server: HttpServer, sent: bytes) -> None:
    assert exchange(server, sent).startswith(b"HTTP/1.1 ")


def test_it_can_be_closed_while_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", failures.append)
    for _ in range(50):
        server = HttpServer("127.0.0.1", 0, lambda _path: Answer(HTTPStatus.OK, b""))
        server.start()
        server.close()
    assert failures == []


def is_ended(connection: socket.socket) -> bool:
    """Return whether the server ends the connection without an answer."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_head_that_is_too_long_ends_the_connection(server: HttpServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nx: " + b"x" * 2 * HEAD_BYTES_MAX)
        assert is_ended(connection)


def test_clients_that_drip_bytes_neither_stop_it_nor_use_up_its_files(server: HttpServer) -> None:
    # Both ends of a connection are files of this process.
    files_max, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        for _ in range(min(3 * CONNECTIONS_MAX, files_max - CONNECTIONS_MAX - 100)):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
            connection.sendall(b"GET /")
        assert request(server, "/healthz") == (200, b"/healthz\n")
        # The latest ones may still finish their requests.
        connection.sendall(b"late HTTP/1.1\r\n\r\n")
        assert connection.recv(15) == b"HTTP/1.1 200 OK"


def test_a_slow_client_is_cut_off_and_logged_once(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "REQUEST_S_MAX", 0.05)
    with capture_logs() as logged:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
                connection.sendall(b"GET /")
                assert is_ended(connection)
    assert [line["event"] for line in logged] == ["http.refused"]
    assert request(server, "/healthz") == (200, b"/healthz\n")
