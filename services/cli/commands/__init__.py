"""One module per command. Each is imported only when its command is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from newsloom.streaming.errors import ConfigurationError

F = TypeVar("F", bound=Callable[..., Any])


def format_option(json_help: str) -> Callable[[F], F]:
    """Add `--format text|json`, passed as `form`."""
    return click.option(
        "--format", "form", type=click.Choice(["text", "json"]), default="text", help=f"json: {json_help}."
    )


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
