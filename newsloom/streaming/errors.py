"""What can go wrong with a log, by what the caller has to do about it."""

from __future__ import annotations


class LogError(Exception):
    """Base of every error a log raises."""


class ConfigurationError(LogError):
    """A setting is wrong or something it names is missing; the message says what to change. Retrying cannot help."""


def missing_topic(*names: str) -> ConfigurationError:
    """The error of one who asks for topics that do not exist."""
    return ConfigurationError(
        f"topic {', '.join(names)} does not exist: run `newsloom topics create`, "
        "or set NEWSLOOM_LOG and NEWSLOOM_TOPIC_PREFIX to those in use"
    )


class LogUnavailable(LogError):
    """The log cannot be reached for now; nothing was written. Safe to try again."""


class CommitFailed(LogError):
    """A transaction did not go through, or its outcome is unknown.

    The worker has gone back to the committed offsets; state derived from the batch must be thrown away and restored.
    """


class Fenced(LogError):
    """A newer process owns this identity. Stop: whatever this process would still write is refused."""
