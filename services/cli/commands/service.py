"""A command that runs one service in this process, as `python -m services.<service>` would."""

from __future__ import annotations

import runpy

import click

from newsloom.contracts.pipeline import ServiceDefinition
from newsloom.streaming.errors import ConfigurationError


def service_command(service: ServiceDefinition) -> click.Command:
    """Build the command that runs a service."""
    name = service.name

    def run() -> None:
        try:
            # Only now: what it imports is the service's own extra. It ends with SystemExit and the service's status.
            runpy.run_module(f"services.{name}", run_name="__main__", alter_sys=True)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] in {"newsloom", "services"}:
                raise
            raise ConfigurationError(
                f"the {name} needs {error.name}, which is not installed: pip install 'newsloom[{name}]'"
            ) from error

    help_text = f"""{service.summary}

    Runs until SIGTERM or Ctrl-C and finishes the batch in hand. Several of them share the work when each has its own
    NEWSLOOM_INSTANCE. Needs `pip install 'newsloom[{name}]'`.

    \b
    Example:
      NEWSLOOM_LOG=kafka://host:9092 NEWSLOOM_INSTANCE=0 newsloom {name}
    """
    return click.Command(name, callback=run, help=help_text)
