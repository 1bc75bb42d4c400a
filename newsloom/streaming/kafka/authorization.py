"""Rights that a broker refuses, by name: kafka-python says neither which nor, often, to what; its consumer says nothing."""

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

LOOK_S: Final = 10.0
"""How long nothing must have come before somebody asks whether anything could."""


def missing_rights_error(*rights: str) -> ConfigurationError:
    """The error of one who lacks these rights."""
    return ConfigurationError(
        f"the Kafka user lacks the right {', '.join(rights)}: grant it (`newsloom topics acls` prints the commands)"
    )


def authorization_error(error: KafkaError, *, group: str = "", transactional_id: str = "") -> ConfigurationError | None:
    """The right that the broker has refused, where it is one on a group or an identity; None for any other error."""
    if isinstance(error, GroupAuthorizationFailedError) and group:
        return missing_rights_error(f"Read on group {group}")
    if isinstance(error, TransactionalIdAuthorizationFailedError) and transactional_id:
        return missing_rights_error(f"Write on transactional-id {transactional_id}")
    return None


def is_topic_authorization_error(error: KafkaError) -> bool:
    """Whether the broker has refused a topic: of offsets kafka-python says so inside of another error's text."""
    return isinstance(error, TopicAuthorizationFailedError) or TopicAuthorizationFailedError.__name__ in str(error)


class IdleRightsCheck:
    """Looks, now and then while nothing comes, whether anything could.

    Of a topic that may no longer be read a broker says so in answer to a fetch; but once the client has refreshed its metadata it
    knows of no such topic, fetches nothing, and polls nothing for ever.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self._since = time.monotonic()

    def broken(self) -> None:
        """Something has come."""
        self._since = time.monotonic()

    def look(self) -> None:
        """Check, if nothing has come for `LOOK_S`; raises what the check raises."""
        if time.monotonic() - self._since >= LOOK_S:
            # First: while the log is away, one look must not take the place of every poll.
            self._since = time.monotonic()
            self._check()
