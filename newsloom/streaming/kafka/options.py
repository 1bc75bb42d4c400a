"""From an operator's text to kafka-python's settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log_url import redacted

Config = dict[str, Any]

DEFAULT_PORT: Final = 9092
SETTING: Final = "NEWSLOOM_KAFKA_"

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
_OURS: Final = {
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
"""What exactly-once rests on: not for an operator to change."""

_PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI", "AWS_MSK_IAM")
"""Those that need no Python object as a setting."""
_WITH_PASSWORD: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")

_TRUTH: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def parse_addresses(url: str) -> tuple[tuple[str, int], ...]:
    """The brokers of `kafka://host:port,host`, port 9092 where none is given.

    Raises:
        ConfigurationError: no host, a port that is none, or anything behind the hosts.

    """
    parts = urlsplit(url)
    usage = f"NEWSLOOM_LOG={redacted(url)!r}: use kafka://host:9092[,host:9092]"
    if "@" in parts.netloc:
        raise ConfigurationError(f"{usage}; user and password go into {SETTING}SASL_PLAIN_USERNAME and ..._PASSWORD")
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
    """kafka-python's settings from their text, each by the type of the client's default.

    Raises:
        ConfigurationError: a setting that kafka-python does not know, that is not text, or that newsloom sets itself.
            The message names the variable, never the value: it may be a password.

    """
    config = {name: _convert(name, text) for name, text in options.items()}
    _check_security(config)
    return config


def _check_security(config: Config) -> None:
    # kafka-python takes a protocol it does not know for PLAINTEXT: a typing error would send the password in the clear.
    protocol, mechanism = config.get("security_protocol", "PLAINTEXT"), config.get("sasl_mechanism")
    if protocol not in _PROTOCOLS:
        raise ConfigurationError(f"{SETTING}SECURITY_PROTOCOL must be one of {', '.join(_PROTOCOLS)}")
    if mechanism is not None and mechanism not in _MECHANISMS:
        raise ConfigurationError(f"{SETTING}SASL_MECHANISM must be one of {', '.join(_MECHANISMS)}")
    if protocol.startswith("SASL_") != (mechanism is not None):
        raise ConfigurationError(f"{SETTING}SASL_MECHANISM and a {SETTING}SECURITY_PROTOCOL of SASL_... go together")
    if mechanism in _WITH_PASSWORD:
        for name in ("sasl_plain_username", "sasl_plain_password"):
            if not config.get(name):
                raise ConfigurationError(f"{SETTING}{name.upper()} is missing: {mechanism} needs it")


def _convert(name: str, text: str) -> Any:
    variable = SETTING + name.upper()
    if name in _OURS:
        raise ConfigurationError(f"{variable} cannot be set: newsloom's guarantees rest on its own value")
    if name in _TEXT_WITHOUT_DEFAULT:
        return text
    default = _DEFAULTS.get(name)
    read = next((read for kind, read in _READERS if isinstance(default, kind)), None)
    if read is None:
        raise ConfigurationError(f"{variable} is not a setting of kafka-python that can be given as text")
    try:
        return read(text)
    except (KeyError, ValueError):
        raise ConfigurationError(f"{variable} must be {_WANTED[read]}") from None


def _truth(text: str) -> bool:
    return _TRUTH[text.strip().lower()]


# bool before int: a bool is an int.
_READERS: Final[tuple[tuple[type, Callable[[str], Any]], ...]] = (
    (bool, _truth),
    (int, int),
    (float, float),
    (str, str),
)
_WANTED: Final[dict[Callable[[str], Any], str]] = {
    _truth: "true or false",
    int: "a whole number",
    float: "a number",
}
