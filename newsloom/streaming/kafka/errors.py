"""Translate kafka-python's errors to those of the log port."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from kafka import errors as kafka_errors
from kafka.errors import KafkaError

from newsloom.streaming.errors import ConfigurationError, Fenced, LogError, LogUnavailable
from newsloom.streaming.kafka.record_decoding import UnreadableBatchError

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
    kafka_errors.UnsupportedSaslMechanismError,
)


CHECK_CREDENTIALS: Final = "check NEWSLOOM_KAFKA_SASL_PLAIN_USERNAME and _PASSWORD"


def explain(error: BaseException) -> str:
    """Return the error in one line, with its class name: many of kafka-python's errors have no text."""
    text = " ".join(str(error).split())
    name = type(error).__name__
    return text if text.startswith(name) or f"] {name}" in text else f"{name}: {text}".rstrip(": ")


def translate(error: KafkaError, action: str) -> LogError:
    """Build the port's error for kafka-python's, by what the caller can do about it. `action` is what failed."""
    if isinstance(error, UnreadableBatchError):
        # A restart would read the same bytes.
        return ConfigurationError(str(error.args[0]))
    message = f"{action}: {explain(error)}"
    if isinstance(error, _FENCED):
        return Fenced(f"{message}; another process runs as this instance")
    if isinstance(error, kafka_errors.SaslAuthenticationFailedError):
        return ConfigurationError(f"{message}; {CHECK_CREDENTIALS}")
    if isinstance(error, _CONFIGURATION):
        return ConfigurationError(message)
    return LogUnavailable(message)


@contextmanager
def translate_errors(action: str) -> Iterator[None]:
    """Run the block and translate the errors of kafka-python that it raises."""
    try:
        yield
    except KafkaError as error:
        raise translate(error, action) from error
