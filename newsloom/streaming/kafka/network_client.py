"""kafka-python's connections, mended. With `clients.py` the only place that uses what is not public in the library."""

from __future__ import annotations

from typing import Any, Final

from kafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError
from kafka.future import Future
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

TLS_S_MAX: Final = 4.0
"""For connecting and the TLS handshake."""


class _ConnectionManager(KafkaConnectionManager):  # type: ignore[misc]  # kafka-python ships no types
    """Gives up a TLS handshake that is not answered, and hands over what was received before a connection ended.

    The library waits for a handshake without end. Of a host that has died in it, nothing more is heard; once it is back, the
    library still waits on the old connection, and whatever is asked of that broker is not even sent. And it throws away what
    comes together with the end of a connection: the reason for which a broker refuses a user.
    """

    async def _build_transport(self, node: Any, timeout_at: float | None = None) -> Any:
        transport = await self._built_in_time(node, timeout_at)
        receive = transport._sock_recv

        def receive_before_the_end() -> tuple[bytes, KafkaError | None]:
            data, error = receive()
            # The next call comes upon the same end.
            return data, None if data else error

        transport._sock_recv = receive_before_the_end
        return transport

    async def _built_in_time(self, node: Any, timeout_at: float | None) -> Any:
        if not self.ssl_enabled:
            return await super()._build_transport(node, timeout_at=timeout_at)
        built = Future()
        building = self._net.call_soon(lambda: self._build_into(built, node, timeout_at))
        try:
            return await self.wait_for(built, TLS_S_MAX * 1000)
        except KafkaTimeoutError:
            self._net.cancel(building)
            raise KafkaConnectionError(f"silent for {TLS_S_MAX:g} s (does it speak TLS?)") from None

    async def _build_into(self, built: Any, node: Any, timeout_at: float | None) -> None:
        try:
            built.success(await super()._build_transport(node, timeout_at=timeout_at))
        except Exception as error:  # noqa: BLE001 - passed on to whoever waits
            built.failure(error)


class _NetworkSelector(NetworkSelector):  # type: ignore[misc]  # kafka-python ships no types
    def run_forever(self) -> None:
        """Run the event loop of a client's thread. Overridden so that `client_log` finds this module on the stack."""
        super().run_forever()


class NetworkClient(KafkaNetClient):  # type: ignore[misc]  # kafka-python ships no types
    """Says "not ready" instead of raising: the raise makes the sender drop a transactional request, whose call never returns."""

    def __init__(self, **configs: Any) -> None:
        net = _NetworkSelector(**configs)
        super().__init__(net, _ConnectionManager(net, **configs))

    def await_ready(self, node_id: object, timeout_ms: int = 30_000) -> bool:
        try:
            return bool(super().await_ready(node_id, timeout_ms=timeout_ms))
        except KafkaError:
            return False
