"""`newsloom config`: the effective settings."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Final

import click
import msgspec

from newsloom.service_links import without_service_links
from newsloom.settings import KAFKA_PREFIX, PREFIX, Settings
from newsloom.streaming.log_url import redacted
from services.cli.commands import format_option
from services.cli.views.formatting import console, one_line, print_structs, print_table, table

HIDDEN: Final = "(hidden)"
_SECRET: Final = re.compile(r"(password|secret|token)$")


class EffectiveSetting(msgspec.Struct, frozen=True, kw_only=True):
    """A setting as `newsloom config --format json` prints it. `value` is text; that of a secret is `(hidden)`."""

    variable: str
    value: str
    is_default: bool


@click.command(name="config")
@format_option("a setting per line")
@click.pass_obj
def command(settings: Settings, form: str) -> None:
    """Show the effective settings.

    Prints every setting with its value, from the environment or the default, after the checks that a service makes when it
    starts: exit status 78 if a variable is unknown or its value is wrong. Passwords are hidden. It opens no log.

    \b
    Examples:
      newsloom config
      newsloom config --format json | jq -r 'select(.is_default | not) | .variable'
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    found = list(effective_settings(settings, without_service_links(os.environ)))
    if form == "json":
        print_structs(found)
        return
    rows = table("variable", "set", "value")
    for one in found:
        rows.add_row(one.variable, "" if one.is_default else "yes", one_line(one.value))
    print_table(console(), rows)


def effective_settings(settings: Settings, environ: Mapping[str, str]) -> Iterator[EffectiveSetting]:
    """Yield every setting of newsloom, then those of kafka-python that are in `environ`, without any secret."""
    plain = msgspec.structs.asdict(settings) | {"log": redacted(settings.log)}
    kafka = plain.pop("kafka")
    for name, value in plain.items():
        variable = f"{PREFIX}{name.upper()}"
        yield EffectiveSetting(variable=variable, value=str(value), is_default=variable not in environ)
    for name, value in sorted(kafka.items()):
        shown = HIDDEN if _SECRET.search(name) else redacted(value)
        yield EffectiveSetting(variable=f"{KAFKA_PREFIX}{name.upper()}", value=shown, is_default=False)
