"""`newsloom topics`: make the topics, and see whether they are what the services need."""

from __future__ import annotations

from collections import Counter
from contextlib import closing

import click

from newsloom.settings import Settings
from newsloom.streaming.log import Admin, TopicSpec
from newsloom.streaming.open import open_log
from newsloom.streaming.topic_check import topic_problems
from newsloom.terminal import shown
from newsloom.topology import state_topic_names, topic_specs
from services.cli.render import console, cut, print_table, table

DAY_MS = 86_400_000


@click.group(name="topics")
def command() -> None:
    """Make the topics, or check them.

    \b
    Examples:
      newsloom topics create
      NEWSLOOM_STATE_PARTITIONS=4 newsloom topics create
      newsloom topics check
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap


@command.command(name="create")
@click.pass_obj
def create(settings: Settings) -> None:
    """Make the topics that are missing; those that exist are left as they are.

    NEWSLOOM_PARTITIONS and NEWSLOOM_STATE_PARTITIONS say with how many partitions, NEWSLOOM_TOPIC_PREFIX under which names.
    """
    specs = topic_specs(settings)
    with closing(open_log(settings.log, kafka_options=settings.kafka)) as log:
        admin = log.admin()
        existing = set(admin.describe([spec.name for spec in specs]))
        admin.create([spec for spec in specs if spec.name not in existing])
    for spec in specs:
        click.echo(f"{'exists ' if spec.name in existing else 'created'}  {spec.name}")


@command.command(name="check")
@click.pass_context
def check(ctx: click.Context) -> None:
    """Say what is wrong with the topics (exit status 1), or list them.

    `written` counts what was ever written to a topic, also what retention or compaction has taken since; on Kafka the
    markers of transactions too.
    """
    settings: Settings = ctx.obj
    specs = topic_specs(settings)
    with closing(open_log(settings.log, kafka_options=settings.kafka, create=False)) as log:
        admin = log.admin()
        problems = topic_problems(admin, specs, state_topic_names(settings))
        if not problems:
            _print_topics(admin, [spec.name for spec in specs])
    for problem in problems:
        click.echo(shown(problem))
    ctx.exit(1 if problems else 0)


def _print_topics(admin: Admin, names: list[str]) -> None:
    found = admin.describe(names)
    written: Counter[str] = Counter()
    for source, offset in admin.end_offsets(names).items():
        written[source.topic] += offset
    rows = table("partitions", "written", "policy", "retention", "topic", numbers=2)
    for name in names:
        spec = found[name]
        rows.add_row(str(spec.partitions), f"{written[name]:,}", spec.policy.value, _retention(spec), cut(name))
    print_table(console(), rows)


def _retention(spec: TopicSpec) -> str:
    if spec.retention_ms is None:
        return "-"
    return f"{spec.retention_ms / DAY_MS:g} days"
