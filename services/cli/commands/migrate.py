"""`newsloom migrate`: the same stories under another prefix, in another number of partitions, or for another model."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click
import msgspec

from newsloom.contracts.topics import STORIES
from newsloom.log import open_log
from newsloom.log_names import topic_name
from newsloom.service import configure_logging, stop_on_signals
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Log
from newsloom.streaming.scan import topic_partitions
from services.cli.views.formatting import count
from services.migration.follower import follow
from services.migration.migration import Migrated, migrate
from services.migration.target import target_of

if TYPE_CHECKING:
    from services.migration.reembedder import Reembedding


@click.command(name="migrate")
@click.option("--to-prefix", metavar="PREFIX", required=True, help="Topic prefix of the copy: one that is not in use.")
@click.option(
    "--state-partitions",
    metavar="NUMBER",
    type=click.IntRange(1),
    help="How many clusterers can work on it; as many as now if it is left out.",
)
@click.option("--model", metavar="NAME", help="The model it goes over to, as NEWSLOOM_MODEL names it.")
@click.option(
    "--from-titles",
    is_flag=True,
    help="With --model: where an article's text is gone from `articles`, embed its title alone.",
)
@click.option(
    "--follow",
    "follows",
    is_flag=True,
    help="After a migration: pass what is written to the old `articles` and `story-commands` on to the new ones, until Ctrl-C.",
)
@click.option("--until-drained", is_flag=True, help="With --follow: end when everything has been passed on.")
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
    """Copy all topics to another prefix: with another number of state partitions, for another model, or both.

    Stop services and producers first; with --model, let the clusterer take in what waits for it before. Everything is checked
    before and after (see `newsloom state verify`), and the stories of the copy are those of the original, with their ids,
    versions and histories. The old topics are only read: to go back, go back to the old prefix. If the command is interrupted,
    give it again: it goes on.

    With --model, the articles of open stories get vectors of that model once all is copied; the old services may be at work
    again by then. To let both generations run side by side, keep `--follow` running beside them. docs/migration.md has the
    whole procedure.

    \b
    Examples:
      newsloom migrate --to-prefix news2. --state-partitions 4
      newsloom migrate --to-prefix news2. --model all-mpnet-base-v2
      newsloom migrate --to-prefix news2. --follow
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    changes = state_partitions is not None or model is not None
    if follows == changes or (from_titles and model is None) or (until_drained and not follows):
        raise click.UsageError(
            "give --state-partitions, --model (perhaps with --from-titles) or both; or, after that migration, --follow alone "
            "(perhaps with --until-drained)"
        )
    target = target_of(settings, to_prefix, state_partitions=state_partitions, model=model)
    with closing(open_log(settings)) as log:
        if follows:
            _follow(log, settings, target, until_drained=until_drained)
            return
        if state_partitions is None:
            number = len(topic_partitions(log, topic_name(settings, STORIES)))
            target = msgspec.structs.replace(target, state_partitions=number)
        reembedding = None if model is None else _reembedding(model, from_titles=from_titles)
        _print_end(settings, target, migrate(log, settings, target, click.echo, reembedding), model)


def _reembedding(model: str, *, from_titles: bool) -> Reembedding:
    # Of the embedder, which need not be installed otherwise; torch takes seconds to load.
    try:
        from services.embedder.sentence_encoder import load_encoder  # noqa: PLC0415
        from services.migration.reembedder import Reembedding  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"--model needs {error.name}, which is not installed: pip install 'newsloom[embedder,clusterer]'"
        ) from error
    return Reembedding(load_encoder(model), from_titles=from_titles)


def _print_end(settings: Settings, target: Settings, migrated: Migrated, model: str | None) -> None:
    stories, articles = f"{migrated.stories:,} stories", count(migrated.articles, "article")
    click.echo(
        f"{stories} and {articles} stand under {target.topic_prefix} as they stood under {settings.topic_prefix}; "
        "both sides were verified"
    )
    chosen = f" NEWSLOOM_MODEL={model} (and its NEWSLOOM_CALIBRATION)" if model is not None else ""
    click.echo(
        f"now set NEWSLOOM_TOPIC_PREFIX={target.topic_prefix} NEWSLOOM_STATE_PARTITIONS={target.state_partitions}{chosen}",
        err=True,
    )


def _follow(log: Log, settings: Settings, target: Settings, *, until_drained: bool) -> None:
    configure_logging()
    passed_on = follow(log, settings, target, stop=stop_on_signals(), until_drained=until_drained)
    click.echo(f"passed {count(passed_on, 'record')} on to {target.topic_prefix}")
