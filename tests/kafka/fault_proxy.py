"""A proxy to a broker that injects faults into single messages.

It reads as much of Kafka's protocol as it needs (https://kafka.apache.org/protocol): messages are framed by their length, a
request begins with its API key, API version and correlation id, a response with the correlation id.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from typing import Final, Self

from tests.kafka.faults import Api, Direction, Fault, FaultRule

WAIT_S_MAX: Final = 60.0
HOST: Final = "127.0.0.1"

_WITH_ADDRESSES: Final = {Api.METADATA, Api.FIND_COORDINATOR, Api.DESCRIBE_CLUSTER}


class FaultProxy:
    """Forwards to the broker at `port` of this host; clients of `url` meet the faults.

    Replaces broker addresses in responses by the proxy's own, so that clients stay on it, or by port `advertised_port` if
    another proxy is in front of this one.
    """

    def __init__(self, port: int, advertised_port: int | None = None) -> None:
        self._broker_port = port
        self._server = socket.create_server((HOST, 0))
        self.port: int = self._server.getsockname()[1]
        self._advertised_port = advertised_port or self.port
        self._changed = threading.Condition()
        self._faults: dict[tuple[Api, Direction], FaultRule] = {}
        self._injected: Counter[tuple[Api, Direction]] = Counter()
        self._responses: Counter[Api] = Counter()
        self._refused = 0
        self._is_disconnected = False
        self._closed = False
        self._sockets: set[socket.socket] = set()
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The URL for clients without security."""
        return f"kafka://{self.address}"

    @property
    def address(self) -> str:
        """The address for clients of kafka-python."""
        return f"{HOST}:{self.port}"

    def inject(self, api: Api, direction: Direction, fault: Fault, *, skip: int = 0, times: int = 1_000_000) -> None:
        """Inject the fault into messages of this kind: skip the first `skip`, affect the next `times`."""
        with self._changed:
            self._faults[api, direction] = FaultRule(fault, skip, times)
            self._injected[api, direction] = 0

    def clear_faults(self) -> None:
        """Remove all faults, forward stalled messages and accept connections again."""
        with self._changed:
            self._faults.clear()
            self._is_disconnected = False
            self._refused = 0
            self._changed.notify_all()

    def disconnect(self) -> None:
        """End all connections and close new ones at once, as if the broker were down."""
        with self._changed:
            self._is_disconnected = True
            self._end_all()

    def response_count(self, api: Api) -> int:
        """Return how many responses of this kind the broker has sent, whether or not they were forwarded."""
        return self._responses[api]

    def wait_injected(self, api: Api, direction: Direction, times: int = 1) -> None:
        """Wait until the latest fault of this kind has happened so often."""
        self._wait(lambda: self._injected[api, direction] >= times, f"a fault of {api.name}")

    def wait_refused(self, times: int = 1) -> None:
        """Wait until so many connections were refused since the last `clear_faults`."""
        self._wait(lambda: self._refused >= times, "refused connections")

    def close(self) -> None:
        """End all connections and stop listening."""
        with self._changed:
            self._closed = True
            self._end_all()
            self._changed.notify_all()
        self._server.close()

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(condition, WAIT_S_MAX):
                raise TimeoutError(f"waited {WAIT_S_MAX:g} s for {what}")

    def _end_all(self) -> None:
        for connection in self._sockets:
            _end(connection)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        with self._changed:
            if self._is_disconnected or self._closed:
                self._refused += 1
                self._changed.notify_all()
                client.close()
                return
            try:
                broker = socket.create_connection((HOST, self._broker_port))
            except OSError:
                client.close()
                return
            self._sockets |= {client, broker}
        threading.Thread(target=self._serve, args=(client, broker), name="proxy", daemon=True).start()

    def _serve(self, client: socket.socket, broker: socket.socket) -> None:
        requested: dict[int, Api | None] = {}
        responses = threading.Thread(
            target=self._forward, args=(broker, client, Direction.RESPONSE, requested), name="proxy", daemon=True
        )
        responses.start()
        self._forward(client, broker, Direction.REQUEST, requested)
        responses.join()
        with self._changed:
            self._sockets -= {client, broker}
        client.close()
        broker.close()

    def _forward(
        self, source: socket.socket, target: socket.socket, direction: Direction, requested: dict[int, Api | None]
    ) -> None:
        """Forward messages in one direction; `requested` gives the API of each correlation id to the other direction."""
        try:
            while message := _read(source):
                if direction is Direction.REQUEST:
                    key, _, correlation = struct.unpack_from(">hhi", message)
                    api = requested[correlation] = _api(key)
                else:
                    api = requested.pop(struct.unpack_from(">i", message)[0])
                    message = self._with_proxy_address(api, message)
                if not self._pass(api, direction, target, message):
                    return
        except OSError:
            return
        finally:
            _end(source)
            _end(target)

    def _pass(self, api: Api | None, direction: Direction, target: socket.socket, message: bytes) -> bool:
        """Forward the message or let its fault happen; return whether the connection stays open."""
        fault = None if api is None else self._next_fault(api, direction)
        if fault is Fault.CUT:
            return False
        if fault is Fault.STALL:
            with self._changed:
                self._changed.wait_for(lambda: (api, direction) not in self._faults or self._closed)
        target.sendall(len(message).to_bytes(4) + message)
        if fault is Fault.DISCONNECT:
            self.disconnect()
        return True

    def _next_fault(self, api: Api, direction: Direction) -> Fault | None:
        with self._changed:
            if direction is Direction.RESPONSE:
                self._responses[api] += 1
            rule = self._faults.get((api, direction))
            if rule is None or not rule.matches_next():
                return None
            self._injected[api, direction] += 1
            self._changed.notify_all()
            return rule.fault

    def _with_proxy_address(self, api: Api | None, response: bytes) -> bytes:
        if api not in _WITH_ADDRESSES:
            return response
        # In every version of these responses, an address is a host followed by a port of four bytes.
        return response.replace(
            HOST.encode() + self._broker_port.to_bytes(4), HOST.encode() + self._advertised_port.to_bytes(4)
        )


def _api(key: int) -> Api | None:
    try:
        return Api(key)
    except ValueError:
        return None


def _read(source: socket.socket) -> bytes:
    """Return one message without its length; empty at the end of the connection."""
    head = _read_exactly(source, 4)
    return _read_exactly(source, int.from_bytes(head)) if head else b""


def _read_exactly(source: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        part = source.recv(count - len(data))
        if not part:
            return b""
        data += part
    return bytes(data)


def _end(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # The connection has ended already.
