"""`newsloom migrate`: copy all stories to another prefix, for another number of partitions or another model."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING

import click
import msgspec

from newsloom.contracts.topics import STORIES
from newsloom.log import open_log
from newsloom.log_names import topic_name
from newsloom.service import configure_logging, set_on_signals
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.scan import topic_partitions
from services.cli.commands import needs_extra
from services.cli.views.formatting import count
from services.migration.follower import follow
from services.migration.migration import MigrationResult, migrate
from services.migration.target import target_settings

if TYPE_CHECKING:
    from services.migration.reembedder import Reembedder


@click.command(name="migrate")
@click.option("--to-prefix", metavar="PREFIX", required=True, help="Topic prefix of the copy; it must be unused.")
@click.option(
    "--state-partitions",
    metavar="NUMBER",
    type=click.IntRange(1),
    help="Number of state partitions of the copy, the maximum number of clusterers. [as now]",
)
@click.option("--model", metavar="NAME", help="Model of the copy, as in NEWSLOOM_MODEL.")
@click.option(
    "--from-titles",
    is_flag=True,
    help="With --model: if retention has deleted an article's text from `articles`, embed its title alone.",
)
@click.option(
    "--follow",
    "follows",
    is_flag=True,
    help="After a migration: forward new records from the old `articles` and `story-commands` to the new ones, until Ctrl-C.",
)
@click.option("--until-drained", is_flag=True, help="With --follow: exit when everything is forwarded.")
@click.pass_obj
def command(
    settings: Settings,
    *,
    to_prefix: str,
    state_partitions: int | None,
    model: str | None,
    from_titles: bool,
    follows: bool,
    until_drained: bool,
) -> None:
    """Copy all topics to another prefix.

    The copy can have another number of state partitions, vectors of another model, or both. Stop services and producers first;
    with --model, let the clusterer process its waiting vectors before. The topics are verified before and after (see `newsloom
    state verify`), and the stories of the copy have the ids, versions and histories of the original. The old topics are only
    read: to go back, use the old prefix again. If the command is interrupted, run it again to continue.

    With --model, the articles of open stories are embedded with that model after everything is copied; the old services may
    run again meanwhile. To run both generations side by side, keep `--follow` running. docs/migration.md describes the whole
    procedure.

    \b
    Examples:
      newsloom migrate --to-prefix news2. --state-partitions 4
      newsloom migrate --to-prefix news2. --model all-mpnet-base-v2
      newsloom migrate --to-prefix news2. --follow
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    changes = state_partitions is not None or model is not None
    if follows == changes or (from_titles and model is None) or (until_drained and not follows):
        raise click.UsageError(
            "give --state-partitions, --model (optionally with --from-titles) or both; or, after that migration, --follow "
            "alone (optionally with --until-drained)"
        )
    target = target_settings(settings, to_prefix, state_partitions=state_partitions, model=model)
    with closing(open_log(settings)) as log:
        if follows:
            _follow(log, settings, target, until_drained=until_drained)
            return
        if state_partitions is None:
            number = len(topic_partitions(log, topic_name(settings, STORIES)))
            target = msgspec.structs.replace(target, state_partitions=number)
        reembedder = None if model is None else _load_reembedder(target, from_titles=from_titles)
        _print_result(settings, target, migrate(log, settings, target, click.echo, reembedder), model)


def _load_reembedder(target: Settings, *, from_titles: bool) -> Reembedder:
    with needs_extra("--model", "embedder,clusterer"):
        from services.embedder.backends import load_encoder  # noqa: PLC0415
        from services.migration.reembedder import Reembedder  # noqa: PLC0415

        return Reembedder(load_encoder(target.model, target.backend, target.model_cache), from_titles=from_titles)


def _print_result(settings: Settings, target: Settings, result: MigrationResult, model: str | None) -> None:
    stories, articles = f"{result.stories:,} stories", count(result.articles, "article")
    click.echo(
        f"{stories} and {articles} are under {target.topic_prefix}, equal to those under {settings.topic_prefix}; "
        "both are verified"
    )
    chosen = f" NEWSLOOM_MODEL={model} (and its NEWSLOOM_CALIBRATION)" if model is not None else ""
    click.echo(
        f"now set NEWSLOOM_TOPIC_PREFIX={target.topic_prefix} NEWSLOOM_STATE_PARTITIONS={target.state_partitions}{chosen}",
        err=True,
    )


def _follow(log: Log, settings: Settings, target: Settings, *, until_drained: bool) -> None:
    configure_logging()
    stop = threading.Event()
    set_on_signals(stop)
    forwarded = follow(log, settings, target, stop=stop, until_drained=until_drained)
    click.echo(f"forwarded {count(forwarded, 'record')} to {target.topic_prefix}")
