"""All invariants of an installation, held against what stands on its topics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from newsloom.contracts.topics import (
    ARTICLE_STORIES,
    ARTICLE_VECTORS,
    ARTICLES,
    DEAD_LETTERS,
    STORIES,
    STORY_COMMANDS,
    STORY_UPDATES,
)
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.records import TopicPartition
from services.verifier.command_checks import check_commands
from services.verifier.current_state import Standing, standing_of
from services.verifier.findings import Findings
from services.verifier.input_checks import check_inputs
from services.verifier.member_replay import balance
from services.verifier.membership_checks import check_checkpoints, check_memberships, check_sources
from services.verifier.story_checks import check_stories
from services.verifier.story_replay import opened_accounts
from services.verifier.topic_contents import Books
from services.verifier.topic_reader import read_books


@dataclass(frozen=True, slots=True)
class Contents:
    """How much stands in one partition of the state topics."""

    editions: int
    stories: int
    articles: int


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found. `records` are the committed ones of each partition, `contents` by number of partition."""

    findings: Findings
    records: Mapping[TopicPartition, int]
    contents: Mapping[int, Contents]


def verified(log: Log, settings: Settings) -> Verification:
    """Hold every invariant against the topics of these settings; nothing is written, no group is joined.

    `settings.retention_days` says from when on a closed story may have been forgotten: name the shortest that was ever set.

    Raises:
        ConfigurationError: a topic is missing.
        LogUnavailable: the log went away; start over.
        StillWritten: a service or a producer is at work on the topics.

    """
    findings = Findings()
    books = read_books(log, settings, findings)
    check_inputs(books, findings)
    standing = _check_clustering(books, timedelta(days=settings.retention_days), findings)
    records = {source: books.records.get(source, 0) for source in books.ends}
    return Verification(findings, records, _contents(books, standing))


def problems(log: Log, settings: Settings) -> list[str]:
    """Every violation, a line each; empty if the books are in order. Raises as `verified` does."""
    return list(verified(log, settings).findings.problems())


def clustering_problems(log: Log, settings: Settings) -> list[str]:
    """Those of the clusterer alone, where `article-vectors` was written without an embedder. Raises as `verified` does."""
    findings = Findings()
    _check_clustering(read_books(log, settings, findings), timedelta(days=settings.retention_days), findings)
    return list(findings.problems())


def _check_clustering(books: Books, retention: timedelta, findings: Findings) -> Standing:
    cut = {source.partition for source in books.sources(STORY_UPDATES) if source in books.cut}
    accounts = opened_accounts(books.updates, cut, findings)
    balance(accounts, cut=bool(cut), findings=findings)
    standing = standing_of(books, accounts, retention, findings)
    check_stories(standing, findings)
    check_memberships(books, standing, findings)
    check_sources(books, standing, findings)
    check_checkpoints(standing, findings)
    check_commands(books, findings)
    _say_what_is_cut(books, standing, findings)
    return standing


def _say_what_is_cut(books: Books, standing: Standing, findings: Findings) -> None:
    for topic in (ARTICLES, STORY_COMMANDS, ARTICLE_VECTORS, STORY_UPDATES, DEAD_LETTERS):
        for source in books.sources(topic):
            if source in books.cut:
                findings.unchecked.append(
                    f"{source.topic}/{source.partition}: its beginning, which retention has taken"
                )
    partial = sum(not account.whole for account in standing.accounts.values())
    silent = len(set(standing.stories) - set(standing.accounts))
    if partial or silent:
        findings.unchecked.append(
            f"{partial + silent} stories whose first updates retention has taken: how they came to their articles"
        )


def _contents(books: Books, standing: Standing) -> dict[int, Contents]:
    stories = Counter(one.place.partition for one in standing.stories.values())
    articles = Counter(one.place.partition for one in standing.memberships.values())
    editions = Counter(one.place.partition for one in standing.checkpoints.values())
    numbers = {source.partition for topic in (STORIES, ARTICLE_STORIES) for source in books.sources(topic)}
    return {number: Contents(editions[number], stories[number], articles[number]) for number in sorted(numbers)}
