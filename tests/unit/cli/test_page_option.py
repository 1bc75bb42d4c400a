"""`--page` without a number takes the port of the setting."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner, Result

from services.cli.commands.run import page_option


@click.command()
@page_option
def show(page_port: int | None) -> None:
    """Print the port."""
    click.echo(repr(page_port))


def run(*arguments: str, setting: str | None = "18186") -> Result:
    return CliRunner(env={"NEWSLOOM_PAGE_PORT": setting}).invoke(show, arguments)


@pytest.mark.parametrize(
    ("arguments", "port"),
    [((), "None"), (("--page",), "18186"), (("--page", "9000"), "9000"), (("--page=9000",), "9000")],
)
def test_the_port_is_that_of_the_option_or_of_the_setting(arguments: tuple[str, ...], port: str) -> None:
    assert run(*arguments).output == f"{port}\n"


def test_without_both_it_is_the_settings_default() -> None:
    assert run("--page", setting=None).output == "8080\n"


@pytest.mark.parametrize("port", ["0", "65536", "x"])
def test_a_wrong_port_is_named(port: str) -> None:
    result = run("--page", port)
    assert result.exit_code == 2
    assert "--page" in result.output


def test_the_help_names_the_setting() -> None:
    assert "NEWSLOOM_PAGE_PORT" in run("--help").output
