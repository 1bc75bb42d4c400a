"""Check every invariant of an installation on the contents of its topics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from newsloom.contracts.pipeline import CONSUMED
from newsloom.contracts.topics import ARTICLE_STORIES, DEAD_LETTERS, STORIES, STORY_UPDATES
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.records import TopicPartition
from services.verifier.clock_checks import check_clocks
from services.verifier.command_checks import check_commands
from services.verifier.copy_checks import check_copy_groups
from services.verifier.current_state import CurrentState, build_current_state
from services.verifier.findings import Findings
from services.verifier.input_checks import check_inputs
from services.verifier.member_replay import replay_members
from services.verifier.membership_checks import check_checkpoints, check_memberships, check_origins
from services.verifier.story_checks import check_stories
from services.verifier.story_replay import replay_updates
from services.verifier.topic_contents import TopicContents
from services.verifier.topic_reader import read_topics


@dataclass(frozen=True, slots=True)
class StateCounts:
    """How many editions, stories and articles are in one partition of the state topics."""

    editions: int
    stories: int
    articles: int


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found. `records` counts the committed records of each partition, `partitions` the state by partition number."""

    findings: Findings
    records: Mapping[TopicPartition, int]
    partitions: Mapping[int, StateCounts]


def verify_topics(log: Log, settings: Settings) -> Verification:
    """Check every invariant; write nothing and join no group.

    A closed story may have been forgotten after `settings.retention_days`: set it to the shortest that was ever in force.

    Raises:
        ConfigurationError: a topic is missing.
        LogUnavailable: the log went away; start over.
        TopicsChanged: a service or a producer is writing to the topics.

    """
    findings = Findings()
    contents = read_topics(log, settings, findings)
    check_inputs(contents, findings)
    state = _check_clustering(contents, timedelta(days=settings.retention_days), findings)
    records = {partition: contents.record_counts.get(partition, 0) for partition in contents.ends}
    return Verification(findings, records, _count_by_partition(contents, state))


def find_violations(log: Log, settings: Settings) -> list[str]:
    """Return every violation as one line; empty if every invariant holds. Raise as `verify_topics` does."""
    return list(verify_topics(log, settings).findings.violation_lines())


def find_clustering_violations(log: Log, settings: Settings) -> list[str]:
    """Return the violations in the clusterer's topics alone, for a log without an embedder. Raise as `verify_topics` does."""
    findings = Findings()
    _check_clustering(read_topics(log, settings, findings), timedelta(days=settings.retention_days), findings)
    return list(findings.violation_lines())


def _check_clustering(contents: TopicContents, retention: timedelta, findings: Findings) -> CurrentState:
    truncated = {partition.partition for partition in contents.truncated_partitions(STORY_UPDATES)}
    replayed = replay_updates(contents.updates, truncated, findings)
    replay_members(replayed, truncated=bool(truncated), findings=findings)
    state = build_current_state(contents, replayed, retention, findings)
    check_stories(state, findings)
    check_copy_groups(state, findings)
    check_memberships(contents, state, findings)
    check_origins(contents, state, findings)
    check_checkpoints(state, findings)
    check_clocks(state, findings)
    check_commands(contents, findings)
    _add_unchecked(contents, state, findings)
    return state


def _add_unchecked(contents: TopicContents, state: CurrentState, findings: Findings) -> None:
    for topic in (*CONSUMED, STORY_UPDATES, DEAD_LETTERS):
        for name, number in contents.truncated_partitions(topic):
            findings.unchecked.append(f"{name}/{number}: its first records, which retention has deleted")
    incomplete = sum(not story.is_complete for story in state.replayed.values())
    without_updates = len(set(state.stories) - set(state.replayed))
    if incomplete or without_updates:
        what = f"how {incomplete + without_updates} stories got their articles"
        findings.unchecked.append(f"{what}: retention has deleted their first updates")


def _count_by_partition(contents: TopicContents, state: CurrentState) -> dict[int, StateCounts]:
    stories = Counter(record.position.partition for record in state.stories.values())
    articles = Counter(record.position.partition for record in state.memberships.values())
    editions = Counter(record.position.partition for record in state.checkpoints.values())
    numbers = {partition.partition for topic in (STORIES, ARTICLE_STORIES) for partition in contents.partitions(topic)}
    return {number: StateCounts(editions[number], stories[number], articles[number]) for number in sorted(numbers)}
