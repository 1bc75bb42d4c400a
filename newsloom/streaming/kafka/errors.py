"""kafka-python's errors as the port's, and the cause it only writes to its log."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from kafka import errors as kafka_errors
from kafka.errors import KafkaError

from newsloom.streaming.errors import ConfigurationError, Fenced, LogError, LogUnavailable

_FENCED: Final = (kafka_errors.ProducerFencedError, kafka_errors.FencedInstanceIdError)
_FAILED: Final = re.compile(
    r"(?:Bootstrap (?:connection|attempt) to \S+|Connection) failed: (?P<cause>.*?)(?: \(backoff [\d.]+ secs\))?$"
)
_VAGUE: Final = ("Timed", "socket disconnected")
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
def translated(doing: str) -> Iterator[None]:
    """Run the block; kafka-python's errors leave it as the port's."""
    try:
        yield
    except KafkaError as error:
        raise translate(error, doing) from error


class ConnectionCauses(logging.Handler):
    """Remembers why connections failed: kafka-python says so in its log only, one line for each attempt."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._causes: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the cause, if the line gives one."""
        match = _FAILED.match(" ".join(record.getMessage().split()))
        if match:
            self._causes[match["cause"]] = None

    def forget(self) -> None:
        """Start afresh."""
        self._causes.clear()

    def text(self) -> str:
        """The causes, each once; one that says little only if there is no other: the last attempt always ends in a timeout."""
        causes = list(self._causes)
        return "; ".join([cause for cause in causes if not any(vague in cause for vague in _VAGUE)] or causes[:1])


CONNECTION_CAUSES: Final = ConnectionCauses()


def _is_no_debugging(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG


def quiet_kafka_log() -> None:
    """Keep kafka-python's log to ourselves: a broker that restarts makes hundreds of lines, all of them errors.

    An application that has set a level for the logger `kafka` keeps its lines, but for those of level `DEBUG`: in these the
    library writes down settings and requests as they are, passwords and all.
    """
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("kafka.")]:
        logging.getLogger(name).addFilter(_is_no_debugging)
    logger = logging.getLogger("kafka")
    if CONNECTION_CAUSES not in logger.handlers:
        logger.addHandler(CONNECTION_CAUSES)
        logger.propagate = logger.level != logging.NOTSET
