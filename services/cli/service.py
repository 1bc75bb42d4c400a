"""A command that runs one service in this process."""

from __future__ import annotations

import importlib
import sys

import click

from newsloom.streaming.errors import ConfigurationError


def service_command(service: str, *, does: str) -> click.Command:
    """The command of that service, whose `main` returns an exit status; `does` says in a line what the service does."""

    def run() -> None:
        try:
            # Imported only now: what it needs is the service's own extra.
            status: int = importlib.import_module(f"services.{service}.__main__").main()
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] in {"newsloom", "services"}:
                raise
            raise ConfigurationError(
                f"the {service} needs {error.name}, which is not installed: pip install 'newsloom[{service}]'"
            ) from error
        sys.exit(status)

    help_text = f"""{does}

    Runs until SIGTERM or Ctrl-C and finishes the batch in hand. Several of them share the work when each has its own
    NEWSLOOM_INSTANCE. Needs `pip install 'newsloom[{service}]'`.

    \b
    Example:
      NEWSLOOM_LOG=kafka://host:9092 NEWSLOOM_INSTANCE=0 newsloom {service}
    """
    return click.Command(service, callback=run, help=help_text)
