"""A command that runs one service in this process, as `python -m services.<service>` would."""

from __future__ import annotations

import runpy

import click

from newsloom.streaming.errors import ConfigurationError


def service_command(service: str, *, does: str) -> click.Command:
    """The command of that service; `does` says in a line what the service does."""

    def run() -> None:
        try:
            # Only now: what it imports is the service's own extra. It ends with SystemExit and the service's status.
            runpy.run_module(f"services.{service}", run_name="__main__", alter_sys=True)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] in {"newsloom", "services"}:
                raise
            raise ConfigurationError(
                f"the {service} needs {error.name}, which is not installed: pip install 'newsloom[{service}]'"
            ) from error

    help_text = f"""{does}

    Runs until SIGTERM or Ctrl-C and finishes the batch in hand. Several of them share the work when each has its own
    NEWSLOOM_INSTANCE. Needs `pip install 'newsloom[{service}]'`.

    \b
    Example:
      NEWSLOOM_LOG=kafka://host:9092 NEWSLOOM_INSTANCE=0 newsloom {service}
    """
    return click.Command(service, callback=run, help=help_text)
