"""`newsloom audit`: propose merges and splits for an operator to judge."""

from __future__ import annotations

from contextlib import closing

import click

from newsloom.log import open_log
from newsloom.settings import Settings
from services.cli.commands import format_option, needs_extra
from services.cli.views.formatting import console
from services.cli.views.proposals import print_json_lines, print_text


@click.command(name="audit")
@click.option("--edition", metavar="NAME", help="Only this edition.")
@click.option(
    "--quorum",
    metavar="SHARE",
    type=click.FloatRange(0, 1),
    default=0.5,
    help="Only proposals that at least this share of each story's reports supports, from 0 to 1. [0.5]",
)
@format_option("a proposal per line, with its command")
@click.pass_obj
def command(settings: Settings, *, edition: str | None, quorum: float, form: str) -> None:
    """Propose merges and splits of stories.

    The strongest proposals come first. HDBSCAN clusters the reports of the open stories with the latest articles,
    independently of their order of arrival. Nothing is changed: many proposals are wrong, and each comes with its evidence and
    the command that carries it out. Needs `pip install 'newsloom[clusterer]'` and the same NEWSLOOM_MODEL,
    NEWSLOOM_CALIBRATION and NEWSLOOM_GRANULARITY as the clusterers.

    \b
    Examples:
      newsloom audit
      newsloom audit --edition de --quorum 0.8
      newsloom audit --format json | jq -r .command
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    with needs_extra("audit", "clusterer"):
        # Needs NumPy, FAISS and HDBSCAN.
        from services.clusterer.log_audit import audit_log  # noqa: PLC0415
    with closing(open_log(settings)) as log:
        proposals = audit_log(log, settings, edition=edition, quorum=quorum)
    if form == "json":
        print_json_lines(proposals)
    else:
        print_text(console(), proposals)
