"""`newsloom embedder`, `newsloom clusterer`...: run one service in this process, as `python -m services.NAME` would."""

from __future__ import annotations

import runpy

import click

from newsloom.contracts.pipeline import ServiceDefinition, SubscriberDefinition
from services.cli.commands import needs_extra


def service_command(service: ServiceDefinition | SubscriberDefinition) -> click.Command:
    """Build the command that runs a service or a subscriber."""
    name = service.name

    def run() -> None:
        # The service's module imports packages of its extra, and ends with SystemExit and the service's exit status.
        with needs_extra(f"the {name}", name):
            runpy.run_module(f"services.{name}", run_name="__main__", alter_sys=True)

    several, example = (
        ("Several processes share the work if each has its own NEWSLOOM_INSTANCE.", "NEWSLOOM_INSTANCE=0")
        if isinstance(service, ServiceDefinition)
        else ("Several processes are independent: each needs its own NEWSLOOM_PAGE_FILE.", "NEWSLOOM_PAGE_PORT=8080")
    )
    help_text = f"""{service.summary}

    Runs until SIGTERM or Ctrl-C, then finishes the current batch. {several} Needs `pip install 'newsloom[{name}]'`.

    \b
    Example:
      NEWSLOOM_LOG=kafka://host:9092 {example} newsloom {name}
    """
    return click.Command(name, callback=run, help=help_text)
