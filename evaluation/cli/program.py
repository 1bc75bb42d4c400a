"""Start of a program."""

from __future__ import annotations

import sys

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
