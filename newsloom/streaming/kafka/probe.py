"""Can a broker be reached at all? Asked with sockets of our own before kafka-python is let near it.

kafka-python does its TLS handshake without a timeout (a port that accepts and stays silent blocks it for ever), and it
reports every cause alike: "Unable to bootstrap".
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from typing import Any, Final

from newsloom.streaming.errors import ConfigurationError, LogUnavailable

TIMEOUT_S: Final = 4.0
SERVERS_MAX: Final = 4
"""Servers tried before giving up: four that stay silent cost 16 s."""


def probe(addresses: Sequence[tuple[str, int]], config: dict[str, Any]) -> None:
    """Return once one of the servers has accepted a connection (and TLS, where that is configured).

    Raises:
        ConfigurationError: a certificate that does not verify, a certificate or key file that cannot be read.
        LogUnavailable: no server answers; the message lists each server's cause.

    """
    if config.get("proxy_url"):
        return  # Only kafka-python knows how to speak to the proxy.
    context = _tls_context(config)
    causes = []
    for host, port in addresses[:SERVERS_MAX]:
        try:
            _connect(host, port, context)
        except ssl.SSLCertVerificationError as error:
            raise ConfigurationError(
                f"TLS to {host}:{port}: {error.verify_message}; check NEWSLOOM_KAFKA_SSL_CAFILE and the broker's name"
            ) from error
        except OSError as error:
            causes.append(f"{host}:{port}: {_cause(error, tls=context is not None)}")
        else:
            return
    raise LogUnavailable(f"no broker answers: {'; '.join(causes)}; start the broker, or correct the address")


def _connect(host: str, port: int, context: ssl.SSLContext | None) -> None:
    with socket.create_connection((host, port), timeout=TIMEOUT_S) as connection:
        if context is not None:
            context.wrap_socket(connection, server_hostname=host).close()


def _cause(error: OSError, *, tls: bool) -> str:
    if isinstance(error, TimeoutError):
        return f"silent for {TIMEOUT_S:g} s{' (does it speak TLS?)' if tls else ''}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS there ({error.reason or error}); check NEWSLOOM_KAFKA_SECURITY_PROTOCOL"
    return error.strerror or str(error)


def _tls_context(config: dict[str, Any]) -> ssl.SSLContext | None:
    if config.get("security_protocol") not in {"SSL", "SASL_SSL"}:
        return None
    try:
        context = ssl.create_default_context(cafile=config.get("ssl_cafile"))
        if config.get("ssl_certfile"):
            context.load_cert_chain(config["ssl_certfile"], config.get("ssl_keyfile"), config.get("ssl_password"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"NEWSLOOM_KAFKA_SSL_CAFILE, _SSL_CERTFILE, _SSL_KEYFILE or _SSL_PASSWORD: {error}"
        ) from error
    if not config.get("ssl_check_hostname", True):
        context.check_hostname = False
    return context
