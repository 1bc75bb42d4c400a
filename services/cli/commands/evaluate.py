"""`newsloom evaluate`: the command of the package `evaluation`, found by name: nothing outside that package imports it."""

from __future__ import annotations

import importlib

import click

from newsloom.streaming.errors import ConfigurationError


def _command() -> click.Command:
    try:
        found = importlib.import_module("evaluation.evaluate").command
    except ModuleNotFoundError as error:
        if error.name != "evaluation":
            raise
        # For example in a service's image, where `newsloom --help` must work too.
        return click.Command(
            "evaluate",
            callback=_missing,
            params=[click.Argument(["arguments"], nargs=-1)],
            context_settings={"ignore_unknown_options": True},
            help="Score the story engine (not part of this installation).",
        )
    assert isinstance(found, click.Command)  # noqa: S101 - for the type checker
    return found


def _missing(arguments: tuple[str, ...]) -> None:
    del arguments
    raise ConfigurationError("evaluate is not part of this installation: pip install 'newsloom[evaluation]'")


command = _command()
