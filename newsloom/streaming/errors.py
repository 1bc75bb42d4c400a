"""The errors of a log, by what the caller has to do."""

from __future__ import annotations


class LogError(Exception):
    """Base of all errors that a log raises."""


class ConfigurationError(LogError):
    """A setting is wrong, or something it names is missing or damaged; the message says what to change. A retry cannot help."""


def missing_topic(*names: str) -> ConfigurationError:
    """Build the error for missing topics."""
    return ConfigurationError(
        f"topic {', '.join(names)} does not exist: run `newsloom topics create`, "
        "or set NEWSLOOM_LOG and NEWSLOOM_TOPIC_PREFIX to those in use"
    )


class LogUnavailable(LogError):
    """The log cannot be reached at the moment, and nothing was written. Retry."""


class CommitFailed(LogError):
    """A transaction was not committed, or its outcome is unknown.

    The worker continues from the committed offsets. Discard and restore all state derived from the batch.
    """


class Fenced(LogError):
    """A newer process uses this identity. Stop: the log refuses all further writes of this process."""


class ClockRefused(LogError):
    """The log refuses the time of a message, and nothing was written. Stop: a clock must be corrected before a retry."""
