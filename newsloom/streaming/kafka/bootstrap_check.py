"""Can a broker be reached at all? Asked with sockets of our own before kafka-python is let near it.

kafka-python does its TLS handshake without a timeout (a port that accepts and stays silent blocks it for ever), and it
reports every cause alike: "Unable to bootstrap". Of a mechanism that the broker refuses it often sees the connection end only.
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
"""Servers tried before giving up: four that stay silent cost 16 s."""
PROTOCOL: Final = "NEWSLOOM_KAFKA_SECURITY_PROTOCOL"
MECHANISM: Final = "NEWSLOOM_KAFKA_SASL_MECHANISM"


def check_bootstrap_servers(addresses: Sequence[tuple[str, int]], config: dict[str, Any]) -> None:
    """Return once one of the servers has accepted a connection, TLS where that is configured, and the SASL mechanism.

    Raises:
        ConfigurationError: a certificate that is refused, on either side; a certificate or key file that cannot be read; a
            broker with another security protocol or other SASL mechanisms than those configured.
        LogUnavailable: no server answers; the message lists each server's cause.

    """
    if config.get("proxy_url"):
        return  # Only kafka-python knows how to speak to the proxy.
    context = _tls_context(config)
    causes = []
    for host, port in addresses[:SERVERS_MAX]:
        try:
            _ask(host, port, context, config)
        except ssl.SSLCertVerificationError as error:
            raise ConfigurationError(
                f"TLS to {host}:{port}: {error.verify_message}; check NEWSLOOM_KAFKA_SSL_CAFILE and the broker's name"
            ) from error
        except OSError as error:
            causes.append(f"{host}:{port}: {_cause(error, tls=context is not None)}")
        else:
            return
    raise LogUnavailable(f"no broker answers: {'; '.join(causes)}; start the broker, or correct the address")


def _ask(host: str, port: int, context: ssl.SSLContext | None, config: dict[str, Any]) -> None:
    with socket.create_connection((host, port), timeout=TIMEOUT_S) as plain:
        if context is None:
            _check_listener(plain, config)
            return
        with context.wrap_socket(plain, server_hostname=host) as encrypted:
            try:
                _check_listener(encrypted, config)
            except ssl.SSLError as error:
                # TLS 1.3: a client's certificate is looked at when the handshake is over for the client.
                _check_ours_is_taken(error)
                raise


def _check_listener(connection: socket.socket, config: dict[str, Any]) -> None:
    mechanism = config.get("sasl_mechanism")
    try:
        answer = request_sasl_handshake(connection, mechanism or "")
    except UnexpectedTls as error:
        raise ConfigurationError(f"the broker speaks TLS there: set {PROTOCOL} to SSL or SASL_SSL") from error
    if answer is None:
        return  # What answers so is for kafka-python to judge.
    if mechanism is None and answer.has_users:
        raise ConfigurationError(
            f"the broker wants a user there: set {PROTOCOL} to SASL_SSL (or SASL_PLAINTEXT, without TLS), "
            f"and {MECHANISM} to one of {', '.join(answer.mechanisms)}"
        )
    if mechanism is not None and not answer.has_users:
        raise ConfigurationError(f"the broker knows no users there: set {PROTOCOL} to SSL (or PLAINTEXT, without TLS)")
    if mechanism is not None and not answer.takes:
        raise ConfigurationError(
            f"the broker does not take {mechanism}: set {MECHANISM} to one of {', '.join(answer.mechanisms)}"
        )


def _check_ours_is_taken(error: ssl.SSLError) -> None:
    reason = error.reason or ""
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
        raise ConfigurationError(
            f"the broker refuses our certificate, or wants one ({reason}); check NEWSLOOM_KAFKA_SSL_CERTFILE and _SSL_KEYFILE"
        ) from error


def _cause(error: OSError, *, tls: bool) -> str:
    if isinstance(error, TimeoutError):
        return f"silent for {TIMEOUT_S:g} s{' (does it speak TLS?)' if tls else ''}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS there ({error.reason or error}); check {PROTOCOL}"
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
            # An empty password, not none: OpenSSL would ask for one on the terminal.
            password = config.get("ssl_password") or ""
            context.load_cert_chain(config["ssl_certfile"], config.get("ssl_keyfile"), password)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"NEWSLOOM_KAFKA_SSL_CERTFILE, _SSL_KEYFILE or _SSL_PASSWORD: {error}") from error
    if not config.get("ssl_check_hostname", True):
        context.check_hostname = False
    return context
