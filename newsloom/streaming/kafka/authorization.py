"""Name the right behind a refused request: kafka-python's errors rarely do, and its consumer raises none at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from kafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailedError,
)

from newsloom.streaming.errors import ConfigurationError

IDLE_S_MAX: Final = 10.0
"""Seconds without records after which read rights are checked again."""


def missing_rights_error(*rights: str) -> ConfigurationError:
    """Build the error for missing rights, each written as `Read on topic x`."""
    return ConfigurationError(
        f"the Kafka user lacks the right {', '.join(rights)}: grant it (`newsloom topics acls` prints the commands)"
    )


def authorization_error(error: KafkaError, *, group: str = "", transactional_id: str = "") -> ConfigurationError | None:
    """Build the error that names the missing right on a group or transactional id; None for any other error."""
    if isinstance(error, GroupAuthorizationFailedError) and group:
        return missing_rights_error(f"Read on group {group}")
    if isinstance(error, TransactionalIdAuthorizationFailedError) and transactional_id:
        return missing_rights_error(f"Write on transactional-id {transactional_id}")
    return None


def is_topic_authorization_error(error: KafkaError) -> bool:
    """Return whether the broker refused access to a topic. For offsets, only the text of another error mentions it."""
    return isinstance(error, TopicAuthorizationFailedError) or TopicAuthorizationFailedError.__name__ in str(error)


class IdleRightsCheck:
    """Checks the read rights again after `IDLE_S_MAX` seconds without records.

    A broker refuses fetches from a topic whose read right was revoked. But once the client has refreshed its metadata, the topic
    is missing there, and the client polls nothing without an error.
    """

    def __init__(self, check_rights: Callable[[], None]) -> None:
        self._check_rights = check_rights
        self._idle_since = time.monotonic()

    def reset(self) -> None:
        """Restart the idle time: records have arrived."""
        self._idle_since = time.monotonic()

    def run_if_idle(self) -> None:
        """Check the rights if the idle time is over; raises what the check raises."""
        if time.monotonic() - self._idle_since >= IDLE_S_MAX:
            # Restart the time first: if the log is unreachable, the check must not delay every poll.
            self._idle_since = time.monotonic()
            self._check_rights()
