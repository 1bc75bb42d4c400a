"""A way to a broker on which single messages are lost, late, or the last that get through.

Knows as much of Kafka's protocol as it needs (https://kafka.apache.org/protocol): messages are framed by their length, a
request begins with its API's number, version and correlation id, an answer with the correlation id.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from typing import Final, Self

from tests.kafka.faults import Api, Direction, Fault, FaultRule

ANSWER_S_MAX: Final = 60.0
HOST: Final = "127.0.0.1"


_TELL_ADDRESSES: Final = {Api.METADATA, Api.FIND_COORDINATOR, Api.DESCRIBE_CLUSTER}


class FaultProxy:
    """Forwards to the broker at `port` of this host; `url` is for the clients that shall meet the faults.

    Addresses in the broker's answers are replaced by the proxy's own, so that its clients stay on it, or by that of what
    stands before it, at port `front`.
    """

    def __init__(self, port: int, front: int | None = None) -> None:
        self._broker = port
        self._server = socket.create_server((HOST, 0))
        self.port: int = self._server.getsockname()[1]
        self._told = front or self.port
        self._changed = threading.Condition()
        self._faults: dict[tuple[Api, Direction], FaultRule] = {}
        self._struck: Counter[tuple[Api, Direction]] = Counter()
        self._answered: Counter[Api] = Counter()
        self._turned_away = 0
        self._is_away = False
        self._closed = False
        self._sockets: set[socket.socket] = set()
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where clients connect, without security."""
        return f"kafka://{self.address}"

    @property
    def address(self) -> str:
        """The same, for kafka-python."""
        return f"{HOST}:{self.port}"

    def strike(self, api: Api, part: Direction, fault: Fault, *, skip: int = 0, times: int = 1_000_000) -> None:
        """Let so many messages of this kind pass, and the fault happen to so many after them."""
        with self._changed:
            self._faults[api, part] = FaultRule(fault, skip, times)
            self._struck[api, part] = 0

    def lift(self) -> None:
        """No more faults; what was stalled goes on; the broker is back."""
        with self._changed:
            self._faults.clear()
            self._is_away = False
            self._turned_away = 0
            self._changed.notify_all()

    def go_away(self) -> None:
        """End all connections, and new ones as soon as they are made, as if nobody stood behind the address."""
        with self._changed:
            self._is_away = True
            self._hang_up()

    def answered(self, api: Api) -> int:
        """How many requests of this kind the broker has answered, whether or not the answer got through."""
        return self._answered[api]

    def wait_struck(self, api: Api, part: Direction, times: int = 1) -> None:
        """Return once the latest fault of this kind has happened so often."""
        self._wait(lambda: self._struck[api, part] >= times, f"{api.name} to be struck")

    def wait_turned_away(self, times: int = 1) -> None:
        """Return once so many connections were turned away since the broker was last there."""
        self._wait(lambda: self._turned_away >= times, "clients to be turned away")

    def close(self) -> None:
        """End all connections."""
        with self._changed:
            self._closed = True
            self._hang_up()
            self._changed.notify_all()
        self._server.close()

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(condition, ANSWER_S_MAX):
                raise TimeoutError(f"waited {ANSWER_S_MAX:g} s for {what}")

    def _hang_up(self) -> None:
        for one in self._sockets:
            _end(one)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        with self._changed:
            if self._is_away or self._closed:
                self._turned_away += 1
                self._changed.notify_all()
                client.close()
                return
            try:
                broker = socket.create_connection((HOST, self._broker))
            except OSError:
                client.close()
                return
            self._sockets |= {client, broker}
        threading.Thread(target=self._serve, args=(client, broker), name="proxy", daemon=True).start()

    def _serve(self, client: socket.socket, broker: socket.socket) -> None:
        asked: dict[int, Api | None] = {}
        answers = threading.Thread(
            target=self._carry, args=(broker, client, Direction.ANSWER, asked), name="proxy", daemon=True
        )
        answers.start()
        self._carry(client, broker, Direction.REQUEST, asked)
        answers.join()
        with self._changed:
            self._sockets -= {client, broker}
        client.close()
        broker.close()

    def _carry(
        self, source: socket.socket, target: socket.socket, part: Direction, asked: dict[int, Api | None]
    ) -> None:
        """Carry messages one way; `asked` tells the other way which answer belongs to which API."""
        try:
            while message := _read(source):
                if part is Direction.REQUEST:
                    number, _, correlation = struct.unpack_from(">hhi", message)
                    api = asked[correlation] = _api(number)
                else:
                    api = asked.pop(struct.unpack_from(">i", message)[0])
                    message = self._at_home(api, message)
                if not self._pass(api, part, target, message):
                    return
        except OSError:
            return
        finally:
            _end(source)
            _end(target)

    def _pass(self, api: Api | None, part: Direction, target: socket.socket, message: bytes) -> bool:
        """Send the message, or let its fault happen; whether the connection goes on."""
        fault = None if api is None else self._next_fault(api, part)
        if fault is Fault.CUT:
            return False
        if fault is Fault.STALL:
            with self._changed:
                self._changed.wait_for(lambda: (api, part) not in self._faults or self._closed)
        target.sendall(len(message).to_bytes(4) + message)
        if fault is Fault.AWAY:
            self.go_away()
        return True

    def _next_fault(self, api: Api, part: Direction) -> Fault | None:
        with self._changed:
            if part is Direction.ANSWER:
                self._answered[api] += 1
            strike = self._faults.get((api, part))
            if strike is None or not strike.hits():
                return None
            self._struck[api, part] += 1
            self._changed.notify_all()
            return strike.fault

    def _at_home(self, api: Api | None, answer: bytes) -> bytes:
        if api not in _TELL_ADDRESSES:
            return answer
        # An address is a host, then a port of four bytes, in every version of these answers.
        return answer.replace(HOST.encode() + self._broker.to_bytes(4), HOST.encode() + self._told.to_bytes(4))


def _api(number: int) -> Api | None:
    try:
        return Api(number)
    except ValueError:
        return None


def _read(source: socket.socket) -> bytes:
    """One message without its length; empty at the end of the connection."""
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


def _end(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # It has ended already.
