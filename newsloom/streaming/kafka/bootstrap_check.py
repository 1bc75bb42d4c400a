"""Check the way to a broker with plain sockets before kafka-python uses it.

kafka-python's TLS handshake has no timeout: a port that accepts connections and never answers blocks it for ever. It reports
every failure as "Unable to bootstrap", and of a rejected SASL mechanism it often sees only the end of the connection.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from typing import Any, Final

from newsloom.streaming.errors import ConfigurationError, LogUnavailable
from newsloom.streaming.kafka.sasl_handshake import UnexpectedTls, request_sasl_handshake

TIMEOUT_S: Final = 4.0
SERVERS_MAX: Final = 4
"""Servers tried before giving up: four that do not answer take 16 s."""
PROTOCOL: Final = "NEWSLOOM_KAFKA_SECURITY_PROTOCOL"
MECHANISM: Final = "NEWSLOOM_KAFKA_SASL_MECHANISM"


def check_bootstrap_servers(addresses: Sequence[tuple[str, int]], config: dict[str, Any]) -> None:
    """Return once one of the servers has accepted the configured security protocol and SASL mechanism.

    Raises:
        ConfigurationError: one side rejects the other's certificate; a certificate or key file cannot be read; the broker
            uses another security protocol or other SASL mechanisms.
        LogUnavailable: no server answers; the message gives each server's cause.

    """
    if config.get("proxy_url"):
        return  # Only kafka-python can connect through a proxy.
    context = _tls_context(config)
    causes = []
    for host, port in addresses[:SERVERS_MAX]:
        try:
            _check_server(host, port, context, config)
        except ssl.SSLCertVerificationError as error:
            raise ConfigurationError(
                f"TLS to {host}:{port}: {error.verify_message}; check NEWSLOOM_KAFKA_SSL_CAFILE and the broker's host name"
            ) from error
        except OSError as error:
            causes.append(f"{host}:{port}: {_cause(error, tls=context is not None)}")
        else:
            return
    raise LogUnavailable(f"no broker answers: {'; '.join(causes)}; start the broker or correct the address")


def _check_server(host: str, port: int, context: ssl.SSLContext | None, config: dict[str, Any]) -> None:
    with socket.create_connection((host, port), timeout=TIMEOUT_S) as plain:
        if context is None:
            _check_listener(plain, config)
            return
        with context.wrap_socket(plain, server_hostname=host) as encrypted:
            try:
                _check_listener(encrypted, config)
            except ssl.SSLError as error:
                # In TLS 1.3 the broker checks the client's certificate after the client's side of the handshake.
                _raise_if_certificate_rejected(error)
                raise


def _check_listener(connection: socket.socket, config: dict[str, Any]) -> None:
    mechanism = config.get("sasl_mechanism")
    try:
        response = request_sasl_handshake(connection, mechanism or "")
    except UnexpectedTls as error:
        raise ConfigurationError(f"the broker requires TLS on this port: set {PROTOCOL} to SSL or SASL_SSL") from error
    if response is None:
        return  # Not Kafka's protocol: kafka-python will report it.
    if mechanism is None and response.sasl_enabled:
        raise ConfigurationError(
            f"the broker requires a SASL user on this port: set {PROTOCOL} to SASL_SSL (or SASL_PLAINTEXT, without TLS) "
            f"and {MECHANISM} to one of {', '.join(response.mechanisms)}"
        )
    if mechanism is not None and not response.sasl_enabled:
        raise ConfigurationError(
            f"the broker does not use SASL on this port: set {PROTOCOL} to SSL (or PLAINTEXT, without TLS)"
        )
    if mechanism is not None and not response.accepted:
        raise ConfigurationError(
            f"the broker does not support {mechanism}: set {MECHANISM} to one of {', '.join(response.mechanisms)}"
        )


def _raise_if_certificate_rejected(error: ssl.SSLError) -> None:
    reason = error.reason or ""
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
        raise ConfigurationError(
            f"the broker rejects or requires a client certificate ({reason}); check NEWSLOOM_KAFKA_SSL_CERTFILE, _SSL_KEYFILE"
        ) from error


def _cause(error: OSError, *, tls: bool) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer for {TIMEOUT_S:g} s{' (does the port use TLS?)' if tls else ''}"
    if isinstance(error, ssl.SSLError):
        return f"the port does not use TLS ({error.reason or error}); check {PROTOCOL}"
    return error.strerror or str(error)


def _tls_context(config: dict[str, Any]) -> ssl.SSLContext | None:
    if config.get("security_protocol") not in {"SSL", "SASL_SSL"}:
        return None
    try:
        context = ssl.create_default_context(cafile=config.get("ssl_cafile"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"NEWSLOOM_KAFKA_SSL_CAFILE cannot be read: {error}") from error
    try:
        if config.get("ssl_certfile"):
            # Without a password, OpenSSL would ask for one on the terminal.
            password = config.get("ssl_password") or ""
            context.load_cert_chain(config["ssl_certfile"], config.get("ssl_keyfile"), password)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"NEWSLOOM_KAFKA_SSL_CERTFILE, _SSL_KEYFILE or _SSL_PASSWORD: {error}") from error
    if not config.get("ssl_check_hostname", True):
        context.check_hostname = False
    return context
