"""Books that do not agree: each single corruption of the topics is noticed, and its culprit named."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from newsloom.contracts.codec import decode_vector, encode
from newsloom.contracts.command import CommandKind
from newsloom.contracts.membership import Membership
from newsloom.contracts.story import Story, StoryState, StoryUpdate, UpdateKind
from newsloom.contracts.topics import ARTICLE_VECTORS, ARTICLES, DEAD_LETTERS
from newsloom.settings import Settings
from newsloom.streaming.dead_letters import REASON
from newsloom.streaming.open import open_log
from newsloom.streaming.records import Record, TopicPartition
from tests.laws.streams import article
from tests.unit.bookkeeper.desk import Desk
from tests.unit.bookkeeper.newsroom import Newsroom, in_edition, resolved
from tests.unit.bookkeeper.weeks import a_busy_week

Corruption = Callable[[Desk], str]
"""Spoils the books, and returns the name of the culprit."""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Good books: a busy week in one edition, its articles in another, and a record that is none."""
    file = tmp_path_factory.mktemp("good") / "news.db"
    given = Settings(log=f"sqlite:///{file}", model="test", partitions=2, state_partitions=3)
    with closing(open_log(given.log)) as log:
        newsroom = Newsroom(log, given)
        events = resolved(a_busy_week())
        newsroom.take_in([*events, *in_edition(events, "de")])
        newsroom.write(ARTICLES, [b"{"])
        newsroom.drain("embedder", "clusterer")
    return Desk(file, given)


@pytest.fixture
def desk(good: Desk, tmp_path: Path) -> Desk:
    """A copy of the good books."""
    return good.copied(tmp_path / "news.db")


def test_the_books_are_good(desk: Desk) -> None:
    assert desk.problems() == []
    assert len(desk.updates()) > 40


# --- stories


def story_says(**changed: Any) -> Corruption:
    """The largest story with other values."""

    def spoil(desk: Desk) -> str:
        record, story = desk.stories()[0]
        desk.rewrite(record, story, **changed)
        return story.id

    return spoil


def a_story(desk: Desk, wanted: Callable[[Story], object]) -> tuple[Record, Story]:
    return next(item for item in desk.stories() if wanted(item[1]))


def story_counts_one_more(desk: Desk) -> str:
    record, story = desk.stories()[0]
    desk.rewrite(record, story, article_count=story.article_count + 1)
    return story.id


def history_lacks_an_entry(desk: Desk) -> str:
    record, story = desk.stories()[0]
    desk.rewrite(record, story, history=story.history[:-1])
    return story.id


def history_has_another_count(desk: Desk) -> str:
    record, story = desk.stories()[0]
    wrong = msgspec.structs.replace(story.history[0], article_count=7)
    desk.rewrite(record, story, history=(wrong, *story.history[1:]))
    return story.id


def story_is_lost(desk: Desk) -> str:
    record, story = desk.stories()[0]
    desk.append(replace(record, value=None))
    return story.id


def story_stands_in_another_partition(desk: Desk) -> str:
    record, story = desk.stories()[0]
    desk.delete(record)
    desk.append(replace(record, partition=(record.partition + 1) % 3))
    return story.id


def story_cannot_be_read(desk: Desk) -> str:
    record, _ = desk.stories()[0]
    desk.alter(replace(record, value=b'{"id": 7}'))
    return f"{record.topic} {record.partition}/{record.offset}"


def merged_story_points_nowhere(desk: Desk) -> str:
    record, story = a_story(desk, lambda story: story.state is StoryState.MERGED)
    desk.rewrite(record, story, merged_into="st-nowhere")
    return f"{story.id} ({record.partition}/{record.offset}) went into st-nowhere"


def survivor_forgets_whom_it_took_in(desk: Desk) -> str:
    record, story = a_story(desk, lambda story: story.merged_from)
    desk.rewrite(record, story, merged_from=())
    return story.id


def half_forgets_where_it_came_from(desk: Desk) -> str:
    record, story = a_story(desk, lambda story: story.split_from)
    desk.rewrite(record, story, split_from=None)
    return story.id


def one_side_is_no_longer_kept_apart(desk: Desk) -> str:
    stories = {story.id: story for _, story in desk.stories()}

    def is_apart(story: Story) -> bool:
        others = [stories[other] for other in story.kept_apart if other in stories]
        return story.state is StoryState.OPEN and any(other.state is StoryState.OPEN for other in others)

    record, story = a_story(desk, is_apart)
    desk.rewrite(record, story, kept_apart=())
    return story.id


# --- updates


def an_update(desk: Desk, wanted: Callable[[StoryUpdate], object]) -> tuple[Record, StoryUpdate]:
    return next(item for item in desk.updates() if wanted(item[1]))


def version_is_missing(desk: Desk) -> str:
    counts = {update.story_id: update.version for _, update in desk.updates()}
    record, update = an_update(desk, lambda update: 1 < update.version < counts[update.story_id])
    desk.delete(record)
    return f"{update.story_id} version {update.version + 1}"


def last_update_is_missing(desk: Desk) -> str:
    record, update = desk.updates()[-1]
    desk.delete(record)
    return update.story_id


def version_is_repeated(desk: Desk) -> str:
    record, update = desk.updates()[0]
    desk.append(record)
    return f"{update.story_id} version {update.version}"


def versions_change_places(desk: Desk) -> str:
    story_id = an_update(desk, lambda update: update.version > 1)[1].story_id
    first, second = [record for record, update in desk.updates() if update.story_id == story_id][:2]
    desk.swap(first, second)
    return story_id


def version_stands_in_another_partition(desk: Desk) -> str:
    last = {update.story_id: record for record, update in desk.updates()}
    record, update = an_update(desk, lambda update: update.version > 1)
    record = last[update.story_id]
    desk.delete(record)
    desk.append(replace(record, partition=1 - record.partition))
    return update.story_id


def created_twice(desk: Desk) -> str:
    record, update = an_update(desk, lambda update: update.version > 1)
    desk.rewrite(record, update, kind=UpdateKind.CREATED)
    return f"{update.story_id} version {update.version}"


def update_counts_one_more(desk: Desk) -> str:
    record, update = an_update(desk, lambda update: update.version > 1)
    desk.rewrite(record, update, article_count=update.article_count + 1)
    return f"{update.story_id} version {update.version}"


def _commanded(desk: Desk, kind: CommandKind) -> tuple[Record, StoryUpdate]:
    return an_update(desk, lambda update: update.command is not None and update.command.kind is kind)


def split_names_another_article(desk: Desk) -> str:
    record, update = _commanded(desk, CommandKind.SPLIT)
    desk.rewrite(record, update, article_ids=("a1",))
    return update.story_id


def merge_names_no_command(desk: Desk) -> str:
    record, update = _commanded(desk, CommandKind.MERGE)
    desk.rewrite(record, update, command=None)
    return update.story_id


def command_is_signed_by_another(desk: Desk) -> str:
    record, update = _commanded(desk, CommandKind.PIN)
    assert update.command is not None
    desk.rewrite(record, update, command=msgspec.structs.replace(update.command, by="Nobody"))
    return update.command.id


# --- memberships and checkpoints


def member_says(change: Callable[[Desk, Membership], dict[str, Any]]) -> Corruption:
    def spoil(desk: Desk) -> str:
        record, member = desk.memberships()[0]
        desk.rewrite(record, member, **change(desk, member))
        return member.article_id

    return spoil


def member_has_another_outlet(desk: Desk) -> str:
    record, member = desk.memberships()[0]
    desk.rewrite(record, member, outlet="Nobody")
    return member.story_id


def membership_is_lost(desk: Desk) -> str:
    record, member = desk.memberships()[0]
    desk.append(replace(record, value=None))
    return member.article_id


def membership_stands_in_another_partition(desk: Desk) -> str:
    record, member = desk.memberships()[0]
    desk.delete(record)
    desk.append(replace(record, partition=(record.partition + 1) % 3))
    return member.article_id


def membership_is_of_a_story_and_article_unheard_of(desk: Desk) -> str:
    record, member = desk.memberships()[0]
    stray = msgspec.structs.replace(member, article_id="a99", sequence=0)
    desk.append(replace(record, key=b"main/a99", value=encode(stray)))
    return "a99"


def member_forgets_who_placed_it(desk: Desk) -> str:
    record, member = next(item for item in desk.memberships() if item[1].placed_by is not None)
    desk.rewrite(record, member, placed_by=None)
    return member.article_id


def vector_is_lost_from_the_state(desk: Desk) -> str:
    open_ids = {story.id for _, story in desk.stories() if story.state is StoryState.OPEN}
    record, member = next(item for item in desk.memberships() if item[1].story_id in open_ids)
    desk.rewrite(record, member, lead_vector=b"")
    return member.article_id


def checkpoint_says(**changed: Any) -> Corruption:
    def spoil(desk: Desk) -> str:
        record, checkpoint = desk.checkpoint()
        desk.rewrite(record, checkpoint, **changed)
        return "edition main"

    return spoil


def checkpoint_is_of_an_earlier_record(desk: Desk) -> str:
    record, _ = desk.checkpoint()
    headers = tuple((name, b"news.article-vectors/%d/0/checkpoint" % record.partition) if name == "ce_id" else (name, value)
                    for name, value in record.headers)  # fmt: skip
    desk.alter(replace(record, headers=headers))
    return "edition main"


def checkpoint_is_lost(desk: Desk) -> str:
    record, _ = desk.checkpoint()
    desk.append(replace(record, value=None))
    return "without a checkpoint"


# --- inputs


def _vectors(desk: Desk) -> list[Record]:
    return [record for record in desk.records(ARTICLE_VECTORS) if record.key == b"main"]


def vector_is_lost(desk: Desk) -> str:
    desk.delete(_vectors(desk)[2])
    return f"{_vectors(desk)[2].topic.replace('article-vectors', 'articles')}/0"


def vector_is_repeated(desk: Desk) -> str:
    record = _vectors(desk)[-1]
    desk.append(record)
    return f"vector {record.partition}/{record.offset}"


def vectors_change_places(desk: Desk) -> str:
    first, second = _vectors(desk)[:2]
    desk.swap(first, second)
    return f"vector {second.partition}/{second.offset}"


def article_was_never_clustered(desk: Desk) -> str:
    record = _vectors(desk)[4]
    other = msgspec.structs.replace(article(20), edition="main")
    desk.alter(replace(record, value=encode(other)))
    return "a20"


def edition_is_in_two_partitions(desk: Desk) -> str:
    record = _vectors(desk)[-1]
    desk.delete(record)
    other = next(one for one in desk.records(ARTICLE_VECTORS) if one.partition != record.partition)
    desk.alter(replace(other, key=record.key, value=record.value))
    return f"{other.topic} {other.partition}/{other.offset}"


def offsets_say_less_than_was_done(desk: Desk) -> str:
    record = _vectors(desk)[-1]
    desk.commit("clusterer", record.source, record.offset - 8)
    return "article-vectors"


def embedder_has_gone_back(desk: Desk) -> str:
    desk.commit("embedder", TopicPartition("news.articles", 0), 3)
    return "news.articles/0 3"


def offsets_are_beyond_the_end(desk: Desk) -> str:
    desk.commit("embedder", TopicPartition("news.articles", 0), 10_000)
    return "news.articles/0"


# --- dead letters


def _letter(desk: Desk) -> Record:
    return next(record for record in desk.records(DEAD_LETTERS) if record.value == b"{")


def _with_header(record: Record, name: str, value: bytes) -> Record:
    return replace(record, headers=tuple((key, value if key == name else old) for key, old in record.headers))


def letter_gives_no_reason(desk: Desk) -> str:
    letter = _letter(desk)
    desk.alter(_with_header(letter, REASON, b""))
    return f"{letter.partition}/{letter.offset}"


def letter_is_lost(desk: Desk) -> str:
    desk.alter(replace(_letter(desk), headers=()))
    return "news.articles/0"


def letter_is_altered(desk: Desk) -> str:
    letter = _letter(desk)
    desk.alter(replace(letter, value=b"["))
    return f"{letter.partition}/{letter.offset}"


def letter_is_repeated(desk: Desk) -> str:
    letter = _letter(desk)
    desk.append(letter)
    return f"{letter.partition}/{letter.offset + 1}"


def rejected_article_is_in_a_story(desk: Desk) -> str:
    letter, record = _letter(desk), _vectors(desk)[0]
    origin = {
        "dead-letter-topic": record.topic, "dead-letter-partition": str(record.partition),
        "dead-letter-offset": str(record.offset), "dead-letter-service": "clusterer",
    }  # fmt: skip
    headers = tuple((name, origin.get(name, value.decode()).encode()) for name, value in letter.headers)
    desk.append(replace(letter, key=record.key, value=record.value, headers=headers))
    event = decode_vector(record.value or b"")
    return getattr(event, "article_id", "")


CORRUPTIONS = [
    (story_counts_one_more, "members"),
    (story_says(report_count=1), "members"),
    (story_says(outlets={"Outlet 0": 9}), "members"),
    (story_says(leanings={}), "members"),
    (story_says(title="Another"), "members"),
    (story_says(articles=()), "members"),
    (story_says(version=1), "stories"),
    (story_says(merged_into="st-nowhere"), "lineage"),
    (history_lacks_an_entry, "stories"),
    (history_has_another_count, "stories"),
    (story_is_lost, "stories"),
    (story_stands_in_another_partition, "editions"),
    (story_cannot_be_read, "readable"),
    (merged_story_points_nowhere, "lineage"),
    (survivor_forgets_whom_it_took_in, "lineage"),
    (half_forgets_where_it_came_from, "lineage"),
    (one_side_is_no_longer_kept_apart, "lineage"),
    (version_is_missing, "versions"),
    (last_update_is_missing, "stories"),
    (version_is_repeated, "versions"),
    (versions_change_places, "versions"),
    (version_stands_in_another_partition, "versions"),
    (created_twice, "changes"),
    (update_counts_one_more, "changes"),
    (split_names_another_article, "changes"),
    (merge_names_no_command, "commands"),
    (command_is_signed_by_another, "commands"),
    (member_says(lambda desk, _: {"story_id": desk.stories()[1][1].id}), "memberships"),
    (member_has_another_outlet, "members"),
    (member_says(lambda _desk, _member: {"copy_of": "a99"}), "members"),
    (member_says(lambda _desk, _member: {"sequence": 4_000}), "checkpoints"),
    (membership_is_lost, "memberships"),
    (membership_stands_in_another_partition, "editions"),
    (membership_is_of_a_story_and_article_unheard_of, "articles"),
    (member_forgets_who_placed_it, "commands"),
    (vector_is_lost_from_the_state, "checkpoints"),
    (checkpoint_says(next_sequence=1), "checkpoints"),
    (checkpoint_says(watermark=article(1).published_at), "checkpoints"),
    (checkpoint_says(dimension=384), "checkpoints"),
    (checkpoint_is_of_an_earlier_record, "checkpoints"),
    (checkpoint_is_lost, "checkpoints"),
    (vector_is_lost, "passed_on"),
    (vector_is_repeated, "passed_on"),
    (vectors_change_places, "passed_on"),
    (article_was_never_clustered, "articles"),
    (edition_is_in_two_partitions, "editions"),
    (offsets_say_less_than_was_done, "offsets"),
    (embedder_has_gone_back, "offsets"),
    (offsets_are_beyond_the_end, "offsets"),
    (letter_gives_no_reason, "dead_letters"),
    (letter_is_lost, "passed_on"),
    (letter_is_altered, "dead_letters"),
    (letter_is_repeated, "dead_letters"),
    (rejected_article_is_in_a_story, "articles"),
]


@pytest.mark.parametrize(("corruption", "invariant"), CORRUPTIONS)
def test_a_corruption_is_noticed_and_its_culprit_named(desk: Desk, corruption: Corruption, invariant: str) -> None:
    culprit = corruption(desk)

    found = desk.problems()

    assert any(problem.startswith(f"{invariant}: ") and culprit in problem for problem in found), (culprit, found)
