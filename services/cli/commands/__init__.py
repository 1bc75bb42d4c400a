"""One module per command. Each is imported only when its command is called."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from newsloom.streaming.errors import ConfigurationError


@contextmanager
def needs_extra(command: str, extra: str) -> Iterator[None]:
    """Turn the failed import of a package of `extra` into a `ConfigurationError` that says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in {"newsloom", "services"}:
            raise
        raise ConfigurationError(
            f"{command} needs {error.name}, which is not installed: pip install 'newsloom[{extra}]'"
        ) from error
