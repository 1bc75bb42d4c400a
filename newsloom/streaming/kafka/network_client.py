"""kafka-python's network client, repaired. Uses private parts of the library."""

from __future__ import annotations

from typing import Any, Final

from kafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError
from kafka.future import Future
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.kafka.secret_files import read_secrets

TLS_S_MAX: Final = 4.0
"""Time limit for connecting and the TLS handshake together."""


class _ConnectionManager(KafkaConnectionManager):  # type: ignore[misc]  # kafka-python ships no types
    """Reads secrets for each connection, limits the time of a TLS handshake, and delivers data that arrives with its end.

    A client lives as long as its service, and a secret may be rotated in that time.

    The library waits for a handshake without a timeout. If a host dies during it, the library waits on the old connection
    even after the host is back, and sends no request to that broker. It also discards data received together with the end
    of the connection: the reason why a broker rejects a user.
    """

    def __init__(self, net: Any, *, secret_files: dict[str, str], **configs: Any) -> None:
        super().__init__(net, **configs)
        self._secret_files = secret_files

    async def _connect(self, node: Any, conn: Any, **options: Any) -> None:
        try:
            current = read_secrets(self._secret_files)
        except ConfigurationError as error:
            # As for a broker that cannot be reached: the file may be about to be replaced.
            conn.connection_lost(KafkaConnectionError(str(error)))
            self.update_backoff(node.node_id)
            return
        for config in (self.config, conn.config):
            config.update((name, secret) for name, secret in current.items() if name in config)
        await super()._connect(node, conn, **options)

    async def _build_transport(self, node: Any, timeout_at: float | None = None) -> Any:
        transport = await self._build_in_time(node, timeout_at)
        receive = transport._sock_recv

        def receive_before_end() -> tuple[bytes, KafkaError | None]:
            data, error = receive()
            # The next call meets the end of the connection again.
            return data, None if data else error

        transport._sock_recv = receive_before_end
        return transport

    async def _build_in_time(self, node: Any, timeout_at: float | None) -> Any:
        if not self.ssl_enabled:
            return await super()._build_transport(node, timeout_at=timeout_at)
        transport = Future()
        task = self._net.call_soon(lambda: self._build_into(transport, node, timeout_at))
        try:
            return await self.wait_for(transport, TLS_S_MAX * 1000)
        except KafkaTimeoutError:
            self._net.cancel(task)
            raise KafkaConnectionError(f"no answer for {TLS_S_MAX:g} s (does the port use TLS?)") from None

    async def _build_into(self, transport: Any, node: Any, timeout_at: float | None) -> None:
        try:
            transport.success(await super()._build_transport(node, timeout_at=timeout_at))
        except Exception as error:  # noqa: BLE001 - raised by the wait for the future
            transport.failure(error)


class _NetworkSelector(NetworkSelector):  # type: ignore[misc]  # kafka-python ships no types
    def run_forever(self) -> None:
        """Run the event loop of a client's thread; overridden so that `client_log` finds this module on the stack."""
        super().run_forever()


class NetworkClient(KafkaNetClient):  # type: ignore[misc]  # kafka-python ships no types
    """Returns False for a broker that is not ready: if it raised, as the library does, the producer would drop the request."""

    def __init__(self, *, secret_files: dict[str, str], **configs: Any) -> None:
        net = _NetworkSelector(**configs)
        super().__init__(net, _ConnectionManager(net, secret_files=secret_files, **configs))

    def await_ready(self, node_id: object, timeout_ms: int = 30_000) -> bool:
        try:
            return bool(super().await_ready(node_id, timeout_ms=timeout_ms))
        except KafkaError:
            return False
