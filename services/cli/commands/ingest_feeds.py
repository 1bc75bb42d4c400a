"""The feeds of `newsloom ingest`: read once, or followed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import IO, Any, Final

import click

from newsloom.log import open_log
from newsloom.settings import Settings
from services.cli.views.feed_progress import FeedDisplay
from services.feeds.feed_list import Feed, InvalidFeedList, is_feed_url, load_feeds
from services.feeds.runner import FeedPlan, FeedRun
from services.feeds.service import follow_feeds
from services.ingest.article_parser import ParseOptions

EXIT_FAILED: Final = 1


def ingest_feeds(
    settings: Settings, name: str, *, follow: bool, interval_s: int, rejects: IO[bytes] | None, **options: Any
) -> int:
    """Read the feed at the URL `name`, or the feeds in the list of this name; return the exit status.

    Raises:
        UsageError: an option is for files only, or the list is wrong.
        LogError: a topic is missing, or the log stayed away.

    """
    plan = _plan(name, rejects=rejects, follow=follow, interval_s=interval_s, **options)
    if follow:
        return follow_feeds(settings, plan)
    display = FeedDisplay()
    with closing(open_log(settings)) as log:
        FeedRun(log, settings, plan, display).run()
    click.echo(display.summary())
    return EXIT_FAILED if display.failed and not display.has_read else 0


def _plan(
    name: str, *, sources: dict[str, str], strict: bool, from_start: bool, rejects: IO[bytes] | None, follow: bool,
    interval_s: int, **parsing: Any,
) -> FeedPlan:  # fmt: skip
    if sources or strict or rejects is not None:
        raise click.UsageError("--map, --strict and --rejects are for files of articles, not for feeds")
    try:
        feeds = (Feed(url=name),) if is_feed_url(name) else load_feeds(Path(name))
    except InvalidFeedList as error:
        raise click.UsageError(str(error)) from error
    return FeedPlan(
        feeds=feeds, parsing=ParseOptions(**parsing), interval_s=interval_s, from_start=from_start, follow=follow
    )
