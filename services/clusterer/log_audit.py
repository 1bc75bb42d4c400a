"""Audit the stories of a log. They are rebuilt beside the running clusterers, and nothing is written."""

from __future__ import annotations

from newsloom.contracts.proposal import Proposal
from newsloom.contracts.topics import ARTICLE_STORIES, STORIES
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.scan import read_topic
from services.clusterer.calibration_files import load_calibration
from services.clusterer.configuration import parameters_of
from services.clusterer.core.audit import audit_edition
from services.clusterer.state import restore_engines


def audit_log(log: Log, settings: Settings, *, edition: str | None, quorum: float) -> list[Proposal]:
    """Return the proposals for every edition, or for the one named: by edition, strongest first.

    Raises:
        ConfigurationError: the state cannot be used, or was made with another model.
        LogUnavailable: the log cannot be reached; call again.

    """
    engines = restore_engines(
        # Read `stories` first: then `article-stories` has the checkpoint of every story.
        list(read_topic(log, topic_name(settings, STORIES))),
        read_topic(log, topic_name(settings, ARTICLE_STORIES)),
        model=settings.model,
        calibration=load_calibration(settings),
        parameters=parameters_of(settings),
        consistent=False,
    )
    chosen = [engine.edition for engine in engines if edition in {None, engine.edition.name}]
    chosen.sort(key=lambda one: one.name)
    return [proposal for one in chosen for proposal in audit_edition(one, quorum=quorum)]
