"""Entry point of the command line: find the command, and turn our errors into one line and an exit status."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import Final

import click

from newsloom.contracts.pipeline import SERVICES, SUBSCRIBERS
from newsloom.service import EXIT_CONFIGURATION, EXIT_LOG
from newsloom.settings import load_settings
from newsloom.story_lookup import StoryNotFound
from newsloom.streaming.errors import ConfigurationError, LogError
from newsloom.terminal import escape
from services.cli.commands.run_service import service_command

COMMANDS: Final = {
    "run": "services.cli.commands.run",
    "demo": "services.cli.commands.demo",
    "ingest": "services.cli.commands.ingest",
    "watch": "services.cli.commands.watch",
    "stories": "services.cli.commands.stories",
    "explain": "services.cli.commands.explain",
    "audit": "services.cli.commands.audit",
    "topics": "services.cli.commands.topics",
    "state": "services.cli.commands.state",
    "config": "services.cli.commands.config",
    "migrate": "services.cli.commands.migrate",
    "dead-letters": "services.cli.commands.dead_letters",
    "model": "services.cli.commands.model",
    "calibrate": "services.cli.commands.calibrate",
    "evaluate": "services.cli.commands.evaluate",
}
"""Command -> the module that defines its `command`. Imported when the command is called, as some imports are slow."""


EXIT_OUTPUT: Final = 74
"""sysexits.h EX_IOERR."""
_OUTPUT_ERRORS: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_SERVICES: Final = {service.name: service for service in (*SERVICES, *SUBSCRIBERS)}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return [*COMMANDS, *_SERVICES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name in _SERVICES:
            return service_command(_SERVICES[cmd_name])
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command = importlib.import_module(module).command
        assert isinstance(command, click.Command)  # noqa: S101 - for the type checker
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Escape error messages: they may quote hostile text from the log."""
        try:
            return super().invoke(ctx)
        except StoryNotFound as error:
            raise click.ClickException(escape(str(error))) from error
        except click.ClickException as error:
            error.message = escape(error.message)  # type: ignore[misc]  # click declares it final, but shows it only later
            raise


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Settings are environment variables; the README lists them. Start with `newsloom demo`.",
)
@click.option(
    "--log", "log_url", metavar="URL", help="URL of the log, instead of NEWSLOOM_LOG. [sqlite:///newsloom.db]"
)
@click.pass_context
def newsloom(ctx: click.Context, log_url: str | None) -> None:
    """Newsloom: articles in, stories out.

    Every command works on the log that NEWSLOOM_LOG names: sqlite:///file.db on one machine, kafka://host:9092 on several.
    """
    if log_url is not None:
        # In the environment, not only in our own settings: `run` and `demo` start services, which read it there.
        os.environ["NEWSLOOM_LOG"] = log_url
    ctx.obj = load_settings(os.environ)


def main() -> None:
    """Run the command line.

    Exit status 78: a wrong setting; 75: the log is unavailable; 74: the output cannot be written; 2: wrong usage.
    """
    try:
        newsloom.main(prog_name="newsloom")
    except LogError as error:
        print(f"newsloom: {escape(str(error))}", file=sys.stderr)
        sys.exit(EXIT_CONFIGURATION if isinstance(error, ConfigurationError) else EXIT_LOG)
    except OSError as error:
        if error.errno not in _OUTPUT_ERRORS:
            raise
        print(f"newsloom: the output cannot be written: {error.strerror}", file=sys.stderr)
        # What is still buffered cannot be written either: without this, Python would report that at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_OUTPUT)


if __name__ == "__main__":
    main()
