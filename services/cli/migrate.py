"""`newsloom migrate`: the same stories under another prefix, spread over another number of partitions."""

from __future__ import annotations

from contextlib import closing

import click

from newsloom.settings import Settings
from newsloom.streaming.open import open_log
from services.cli.migration import migrate, target_of
from services.cli.render import count


@click.command(name="migrate")
@click.option("--to-prefix", metavar="PREFIX", required=True, help="Topic prefix of the copy: one that is not in use.")
@click.option(
    "--state-partitions",
    metavar="NUMBER",
    type=click.IntRange(1),
    required=True,
    help="How many clusterers can work on it.",
)
@click.pass_obj
def command(settings: Settings, *, to_prefix: str, state_partitions: int) -> None:
    """Copy all topics to another prefix, with another number of state partitions.

    Stop services and producers first. Everything is checked before and after (see `newsloom state verify`), and the stories of
    the copy are those of the original. The old topics are only read: to go back, go back to the old prefix, as long as nothing
    was written under the new one. If the command is interrupted, give it again with yet another prefix.

    Then set NEWSLOOM_TOPIC_PREFIX and NEWSLOOM_STATE_PARTITIONS everywhere, and start the services again. A subscriber's
    group begins anew under the new prefix: it drops what it knows by `story_id` and `version`.

    \b
    Examples:
      newsloom migrate --to-prefix news2. --state-partitions 4
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    target = target_of(settings, to_prefix, state_partitions)
    with closing(open_log(settings.log, kafka_options=settings.kafka, create=False)) as log:
        migrated = migrate(log, settings, target, lambda name, records: click.echo(f"copied  {records:>9,}  {name}"))
    stories, articles = f"{migrated.stories:,} stories", count(migrated.articles, "article")
    click.echo(
        f"{stories} and {articles} stand under {to_prefix} as under {settings.topic_prefix}; both sides were verified"
    )
    click.echo(f"now set NEWSLOOM_TOPIC_PREFIX={to_prefix} NEWSLOOM_STATE_PARTITIONS={state_partitions}", err=True)
