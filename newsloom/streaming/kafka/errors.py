"""kafka-python's errors as the port's, and the cause it only writes to its log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from kafka import errors as kafka_errors
from kafka.errors import KafkaError

from newsloom.streaming.errors import ConfigurationError, Fenced, LogError, LogUnavailable

_FENCED: Final = (kafka_errors.ProducerFencedError, kafka_errors.FencedInstanceIdError)
_CONFIGURATION: Final = (
    kafka_errors.AuthorizationError,
    kafka_errors.IncompatibleBrokerVersion,
    kafka_errors.InvalidConfigurationError,
    kafka_errors.InvalidPartitionsError,
    kafka_errors.InvalidReplicationFactorError,
    kafka_errors.InvalidSessionTimeoutError,
    kafka_errors.InvalidTopicError,
    kafka_errors.InvalidTransactionTimeoutError,
    kafka_errors.KafkaConfigurationError,
    kafka_errors.MessageSizeTooLargeError,
    kafka_errors.OffsetMetadataTooLargeError,
    kafka_errors.PolicyViolationError,
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.UnsupportedSaslMechanismError,
)


def explain(error: BaseException) -> str:
    """The error in one line, with its name: many of kafka-python's have no text."""
    text = " ".join(str(error).split())
    name = type(error).__name__
    return text if text.startswith(name) or f"] {name}" in text else f"{name}: {text}".rstrip(": ")


def translate(error: KafkaError, doing: str) -> LogError:
    """The port's error for kafka-python's, by what the caller has to do about it."""
    message = f"{doing}: {explain(error)}"
    if isinstance(error, _FENCED):
        return Fenced(f"{message}; another process has this instance's identity")
    if isinstance(error, _CONFIGURATION):
        return ConfigurationError(message)
    return LogUnavailable(message)


@contextmanager
def translate_errors(doing: str) -> Iterator[None]:
    """Run the block; kafka-python's errors leave it as the port's."""
    try:
        yield
    except KafkaError as error:
        raise translate(error, doing) from error
