"""Start of a program: one clear line for a wrong setting or a missing package."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from newsloom.service import EXIT_CONFIGURATION
from newsloom.streaming.errors import ConfigurationError


def run_program(command: click.Command) -> None:
    """Run a command as a program. A ConfigurationError becomes one line on standard error and exit status 78."""
    try:
        command.main()
    except ConfigurationError as error:
        print(f"{command.name}: {error}", file=sys.stderr)
        sys.exit(EXIT_CONFIGURATION)


@contextmanager
def evaluation_extra() -> Iterator[None]:
    """Wrap imports of third-party packages: a missing package raises ConfigurationError that names the extra to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in {"newsloom", "services", "evaluation"}:
            raise
        raise ConfigurationError(
            f"evaluate needs {error.name}, which is not installed: pip install 'newsloom[evaluation]'"
        ) from error
