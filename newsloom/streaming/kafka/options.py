"""Parse broker addresses and kafka-python's settings from text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.kafka.secret_files import SECRET_FILES, check_secret_files
from newsloom.streaming.log_url import redacted

Config = dict[str, Any]

DEFAULT_PORT: Final = 9092
PREFIX: Final = "NEWSLOOM_KAFKA_"

_DEFAULTS: Final[Config] = {
    **KafkaAdminClient.DEFAULT_CONFIG,
    **KafkaProducer.DEFAULT_CONFIG,
    **KafkaConsumer.DEFAULT_CONFIG,
}
_TEXT_WITHOUT_DEFAULT: Final = {
    "compression_type",
    "proxy_url",
    "sasl_kerberos_domain_name",
    "sasl_kerberos_name",
    "sasl_mechanism",
    "sasl_plain_password",
    "sasl_plain_username",
    "ssl_cafile",
    "ssl_certfile",
    "ssl_ciphers",
    "ssl_crlfile",
    "ssl_keyfile",
    "ssl_password",
}
_RESERVED: Final = {
    "acks",
    "auto_commit_interval_ms",
    "auto_offset_reset",
    "bootstrap_servers",
    "consumer_timeout_ms",
    "enable_auto_commit",
    "enable_idempotence",
    "group_id",
    "group_instance_id",
    "isolation_level",
    "retries",
    "transactional_id",
}
"""Settings that exactly-once processing depends on: an operator cannot change them."""

_PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI", "AWS_MSK_IAM")
"""Mechanisms that need no Python object as a setting."""
_PASSWORD_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")

_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def parse_addresses(url: str) -> tuple[tuple[str, int], ...]:
    """Parse the brokers of `kafka://host:port,host`; the default port is 9092.

    Raises:
        ConfigurationError: a host is missing, a port is invalid, or something follows the hosts.

    """
    parts = urlsplit(url)
    usage = f"NEWSLOOM_LOG={redacted(url)!r}: use kafka://host:9092[,host:9092]"
    if "@" in parts.netloc:
        raise ConfigurationError(f"{usage}; set user and password by {PREFIX}SASL_PLAIN_USERNAME and ..._PASSWORD")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigurationError(usage)
    return tuple(_address(part, usage) for part in parts.netloc.split(","))


def _address(text: str, usage: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"{usage} ({error})") from error
    if not host:
        raise ConfigurationError(usage)
    return host, DEFAULT_PORT if port is None else port


def parse_options(options: Mapping[str, str]) -> Config:
    """Convert kafka-python's settings from text to the type of their defaults.

    Raises:
        ConfigurationError: kafka-python has no such setting, it cannot be given as text, or newsloom sets it itself. The
            message names the variable but never the value, which may be a password.

    """
    config = {name: _convert(name, text) for name, text in options.items()}
    check_secret_files(config)
    _check_security(config)
    return config


def _check_security(config: Config) -> None:
    # kafka-python treats an unknown protocol as PLAINTEXT: a typing error would send the password unencrypted.
    protocol, mechanism = config.get("security_protocol", "PLAINTEXT"), config.get("sasl_mechanism")
    if protocol not in _PROTOCOLS:
        raise ConfigurationError(f"{PREFIX}SECURITY_PROTOCOL must be one of {', '.join(_PROTOCOLS)}")
    if mechanism is not None and mechanism not in _MECHANISMS:
        raise ConfigurationError(f"{PREFIX}SASL_MECHANISM must be one of {', '.join(_MECHANISMS)}")
    if protocol.startswith("SASL_") != (mechanism is not None):
        raise ConfigurationError(
            f"{PREFIX}SASL_MECHANISM needs a {PREFIX}SECURITY_PROTOCOL of SASL_..., and vice versa"
        )
    if mechanism in _PASSWORD_MECHANISMS:
        for name in ("sasl_plain_username", "sasl_plain_password"):
            if not config.get(name) and not config.get(f"{name}_file"):
                raise ConfigurationError(f"{PREFIX}{name.upper()} is missing: {mechanism} needs it")


def _convert(name: str, text: str) -> Any:
    variable = PREFIX + name.upper()
    if name in _RESERVED:
        raise ConfigurationError(f"{variable} cannot be set: exactly-once processing depends on newsloom's own value")
    if name in _TEXT_WITHOUT_DEFAULT or name in SECRET_FILES:
        return text
    default = _DEFAULTS.get(name)
    for kind, parse, expected in _PARSERS:
        if isinstance(default, kind):
            try:
                return parse(text)
            except (KeyError, ValueError):
                raise ConfigurationError(f"{variable} must be {expected}") from None
    raise ConfigurationError(f"{variable} is not a kafka-python setting that can be given as text")


def _parse_boolean(text: str) -> bool:
    return _BOOLEANS[text.strip().lower()]


# bool comes before int: a bool is an int.
_PARSERS: Final[tuple[tuple[type, Callable[[str], Any], str], ...]] = (
    (bool, _parse_boolean, "true or false"),
    (int, int, "a whole number"),
    (float, float, "a number"),
    (str, str, "text"),
)
