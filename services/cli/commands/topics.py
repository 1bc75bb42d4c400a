"""`newsloom topics`: create the topics, check them, or print the rights that each role needs."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import groupby

import click

from newsloom.access import ROLES, Right, Role
from newsloom.log import open_log
from newsloom.log_names import state_topic_names, topic_specs
from newsloom.settings import Settings
from newsloom.streaming.log import Admin, TopicSpec
from newsloom.streaming.topic_check import topic_problems
from newsloom.terminal import escape
from services.cli.views.formatting import console, one_line, print_table, table

DAY_MS = 86_400_000


@click.group(name="topics")
def command() -> None:
    """Create or check topics, confirm the clock, or print Kafka rights.

    \b
    Examples:
      newsloom topics create
      NEWSLOOM_STATE_PARTITIONS=4 newsloom topics create
      newsloom topics check
      newsloom topics confirm-clock
      newsloom topics acls clusterer
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap


@command.command(name="create")
@click.pass_obj
def create(settings: Settings) -> None:
    """Create the missing topics; existing ones stay unchanged.

    NEWSLOOM_PARTITIONS and NEWSLOOM_STATE_PARTITIONS set their numbers of partitions, NEWSLOOM_TOPIC_PREFIX their names.
    """
    specs = topic_specs(settings)
    with closing(open_log(settings, create=True)) as log:
        admin = log.admin()
        existing = set(admin.describe([spec.name for spec in specs]))
        admin.create([spec for spec in specs if spec.name not in existing])
    for spec in specs:
        click.echo(f"{'exists ' if spec.name in existing else 'created'}  {spec.name}")


@command.command(name="check")
@click.pass_context
def check(ctx: click.Context) -> None:
    """Report wrong topics, or list the correct ones.

    Exit status 1 if a topic is missing or has wrong settings.

    `written` is the number of records ever written to a topic, including those deleted since by retention or compaction; on
    Kafka also including transaction markers.
    """
    settings: Settings = ctx.obj
    specs = topic_specs(settings)
    with closing(open_log(settings)) as log:
        admin = log.admin()
        problems = topic_problems(admin, specs, state_topic_names(settings))
        if not problems:
            _print_topics(admin, [spec.name for spec in specs])
    for problem in problems:
        click.echo(escape(problem))
    ctx.exit(1 if problems else 0)


@command.command(name="confirm-clock")
@click.pass_obj
def confirm_clock(settings: Settings) -> None:
    """Confirm that the clock of this machine is right.

    A log on SQLite refuses writes more than a week after it was last used: a wrong clock would delete records and end stories too
    early. Confirm the clock if it is right and the log was not used for that long. Do it too once the clock is right again after
    articles were written with one that was ahead. On Kafka there is nothing to confirm: brokers refuse wrong times.
    """
    with closing(open_log(settings)) as log:
        now_ms = log.admin().confirm_clock()
    if now_ms is None:
        click.echo("nothing to confirm: Kafka's brokers compare the time of each message with their own clock")
    else:
        click.echo(f"confirmed: it is {datetime.fromtimestamp(now_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC")


@command.command(name="acls")
@click.argument("roles", metavar="[ROLE]...", nargs=-1, type=click.Choice([role.name for role in ROLES]))
@click.option("--principal", metavar="NAME", help="Principal of a single role. [User:newsloom-ROLE]")
@click.pass_obj
def acls(settings: Settings, roles: tuple[str, ...], principal: str | None) -> None:
    """Print commands that grant each role its rights.

    Changes nothing. The printed `kafka-acls.sh` commands grant the rights that a role needs and no more. They read BOOTSTRAP
    (the brokers) and CONFIG (a file of client settings) from the environment. NEWSLOOM_TOPIC_PREFIX selects the topics.

    \b
    Examples:
      newsloom topics acls
      newsloom topics acls clusterer --principal User:CN=clusterer
      newsloom topics acls | BOOTSTRAP=broker-1:9093 CONFIG=admin.properties sh -e
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    if principal is not None and len(roles) != 1:
        raise click.UsageError("--principal is for one role: name exactly one")
    for role in ROLES:
        if not roles or role.name in roles:
            click.echo(f"# {role.name}: {role.used_by}")
            for line in acl_commands(role, settings.topic_prefix, principal or f"User:newsloom-{role.name}"):
                click.echo(line)


def acl_commands(role: Role, topic_prefix: str, principal: str) -> Iterator[str]:
    """Yield one command for each kind of resource and operation."""

    def kind(right: Right) -> tuple[str, str, bool]:
        return right.operation.value, right.resource.value, right.prefixed

    start = 'kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$CONFIG" --add'
    for (operation, resource, prefixed), rights in groupby(role.rights(topic_prefix), kind):
        names = " ".join(f"--{resource} {shlex.quote(right.name)}" for right in rights)
        pattern = " --resource-pattern-type prefixed" if prefixed else ""
        yield f"{start} --allow-principal {shlex.quote(principal)} --operation {operation} {names}{pattern}"


def _print_topics(admin: Admin, names: list[str]) -> None:
    found = admin.describe(names)
    written: Counter[str] = Counter()
    for source, offset in admin.end_offsets(names).items():
        written[source.topic] += offset
    rows = table("partitions", "written", "policy", "retention", "topic", numbers=2)
    for name in names:
        spec = found[name]
        rows.add_row(str(spec.partitions), f"{written[name]:,}", spec.policy.value, _retention(spec), one_line(name))
    print_table(console(), rows)


def _retention(spec: TopicSpec) -> str:
    if spec.retention_ms is None:
        return "-"
    return f"{spec.retention_ms / DAY_MS:g} days"
