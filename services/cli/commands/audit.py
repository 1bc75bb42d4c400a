"""`newsloom audit`: merges and splits for an operator to judge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import click

from newsloom.log import open_log
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from services.cli.views.formatting import console


@click.command(name="audit")
@click.option("--edition", metavar="NAME", help="Only this edition.")
@click.option(
    "--quorum",
    metavar="SHARE",
    type=click.FloatRange(0, 1),
    default=0.5,
    help="Only what this share of each story's reports speaks for, from 0 to 1. [0.5]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="json: a proposal a line, with its command.",
)
@click.pass_obj
def command(settings: Settings, *, edition: str | None, quorum: float, form: str) -> None:
    """Propose stories that should perhaps be one, and stories that should perhaps be two; strongest first.

    HDBSCAN looks at the reports of the open stories with the latest articles, in whatever order they came. Nothing is changed:
    many proposals are wrong, and each comes with its evidence and the command that carries it out. Needs
    `pip install 'newsloom[clusterer]'` and the clusterers' own NEWSLOOM_MODEL, NEWSLOOM_CALIBRATION and NEWSLOOM_GRANULARITY.

    \b
    Examples:
      newsloom audit
      newsloom audit --edition de --quorum 0.8
      newsloom audit --format json | jq -r .command
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    with _clusterer_extra():
        # Only now: they stand on NumPy, FAISS and HDBSCAN.
        from services.cli.views.proposals import print_json_lines, print_text  # noqa: PLC0415
        from services.clusterer.log_audit import audit_log  # noqa: PLC0415
    with closing(open_log(settings)) as log:
        proposals = audit_log(log, settings, edition=edition, quorum=quorum)
    if form == "json":
        print_json_lines(proposals)
    else:
        print_text(console(), proposals)


@contextmanager
def _clusterer_extra() -> Iterator[None]:
    """Say which package is missing, where the clusterer's are not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in {"newsloom", "services"}:
            raise
        raise ConfigurationError(
            f"audit needs {error.name}, which is not installed: pip install 'newsloom[clusterer]'"
        ) from error
