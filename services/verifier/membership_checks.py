"""Each article's place, beside the accounts and what was passed on."""

from __future__ import annotations

from newsloom.contracts.membership import Checkpoint, Membership
from newsloom.contracts.pipeline import CLUSTERER, RecordId
from newsloom.contracts.story import StoryState
from newsloom.contracts.topics import ARTICLE_VECTORS
from newsloom.streaming.records import TopicPartition
from services.verifier.current_state import Article, Standing
from services.verifier.findings import Findings, Invariant
from services.verifier.topic_contents import Books, Stood


def check_memberships(books: Books, standing: Standing, findings: Findings) -> None:
    """Each article is where the updates have put it, if it was passed on and not withdrawn."""
    told = _told(standing, findings)
    for article, (place, member, _) in standing.memberships.items():
        findings.examined[Invariant.MEMBERSHIPS] += 1
        name = f"article {article[1]} of edition {article[0]} ({place})"
        story_id, placed, whole = told.pop(article, (None, False, False))
        if story_id is None:
            account = standing.accounts.get(member.story_id)
            if (account is None and not standing.cut) or (account is not None and account.whole):
                findings.broken(Invariant.MEMBERSHIPS, f"{name} is in {member.story_id}, in which no update has put it")
        elif story_id != member.story_id:
            findings.broken(
                Invariant.MEMBERSHIPS, f"{name} is in {member.story_id}; by the updates it is in {story_id}"
            )
        elif whole and placed != (member.placed_by is not None):
            by_updates = "by command" if placed else "by no command"
            findings.broken(Invariant.COMMANDS, f"{name} was placed {by_updates}, and says otherwise")
    for (edition, article_id), (story_id, _, _) in told.items():
        findings.broken(
            Invariant.MEMBERSHIPS,
            f"article {article_id} of edition {edition} has no membership; by the updates it is in {story_id}",
        )
    _check_articles(books, standing, set(told), findings)


def _told(standing: Standing, findings: Findings) -> dict[Article, tuple[str | None, bool, bool]]:
    """By the accounts: the story of each article, whether by command, and whether that story's account is whole."""
    told: dict[Article, tuple[str | None, bool, bool]] = {}
    for story_id, account in standing.accounts.items():
        if account.last.state is StoryState.MERGED or standing.forgotten(story_id):
            continue
        for article_id, placed in account.articles.items():
            article = (account.last.edition, article_id)
            if article in told:
                findings.broken(
                    Invariant.MEMBERSHIPS,
                    f"by the updates, article {article_id} is in {told[article][0]} and in {story_id}",
                )
            told[article] = (story_id, placed, account.whole)
    return told


def _check_articles(books: Books, standing: Standing, lost: set[Article], findings: Findings) -> None:
    """The last word on each article that was passed on decides whether it is there; `lost` are complained of already."""
    present: dict[Article, bool] = {}
    for one in books.accepted():
        if one.article_id:
            present[one.edition, one.article_id] = not one.withdrawn
    ended = _ended(standing)
    for article, is_there in present.items():
        findings.examined[Invariant.ARTICLES] += 1
        name = f"article {article[1]} of edition {article[0]}"
        if is_there and not (article in standing.memberships or article in ended or article in lost):
            findings.broken(Invariant.ARTICLES, f"{name} was taken in, and is in no story")
        if not is_there and article in standing.memberships:
            findings.broken(
                Invariant.ARTICLES, f"{name} was withdrawn, and is in {standing.memberships[article].value.story_id}"
            )
    if not books.is_cut(ARTICLE_VECTORS):
        for edition, article_id in sorted(set(standing.memberships) - set(present)):
            findings.broken(
                Invariant.ARTICLES, f"article {article_id} of edition {edition} is in a story, and was never passed on"
            )


def _ended(standing: Standing) -> set[Article]:
    """The articles of stories that were forgotten."""
    ended: set[Article] = set()
    for story_id, account in standing.accounts.items():
        if standing.forgotten(story_id):
            ended.update((account.last.edition, article_id) for article_id in account.articles)
    return ended


def check_sources(books: Books, standing: Standing, findings: Findings) -> None:
    """State was made of records that were taken in, and of none beyond a service's place or the edition's checkpoint."""
    for member in books.memberships:
        name = f"article {member.value.article_id} of edition {member.value.edition} ({member.place})"
        _check_source(name, member, books, standing, findings)
    for checkpoint in books.checkpoints:
        name = f"checkpoint of edition {checkpoint.value.edition} ({checkpoint.place})"
        _check_source(name, checkpoint, books, standing, findings)


def _check_source(
    name: str, one: Stood[Membership] | Stood[Checkpoint], books: Books, standing: Standing, findings: Findings
) -> None:
    findings.examined[Invariant.OFFSETS] += 1
    origin, checkpoint = RecordId.parse(one.source), standing.checkpoints.get(one.value.edition)
    if origin is None or origin[:2] != (books.names[ARTICLE_VECTORS], one.place.partition):
        findings.broken(Invariant.OFFSETS, f"{name} says it was made of {one.source!r}, no record of its own partition")
    elif origin[2] >= books.committed_offset(CLUSTERER, TopicPartition(*origin[:2])):
        findings.broken(Invariant.OFFSETS, f"{name} was made of {one.source}, which was not taken in yet")
    elif checkpoint is not None and _is_behind(RecordId.parse(checkpoint.source), origin):
        findings.broken(
            Invariant.CHECKPOINTS, f"{name} was made of {one.source}; the checkpoint of its edition is behind that"
        )


def _is_behind(checkpoint: RecordId | None, origin: RecordId) -> bool:
    return checkpoint is not None and checkpoint[:2] == origin[:2] and checkpoint[2] < origin[2]


def check_checkpoints(standing: Standing, findings: Findings) -> None:
    """A checkpoint holds what an engine cannot tell from stories and memberships, and must not contradict them."""
    sequences: dict[tuple[str, int], str] = {}
    for (edition, article_id), (place, member, _) in standing.memberships.items():
        findings.examined[Invariant.CHECKPOINTS] += 1
        name = f"article {article_id} of edition {edition} ({place})"
        checkpoint = standing.checkpoints.get(edition)
        if checkpoint is None:
            findings.broken(Invariant.CHECKPOINTS, f"{name} is of an edition without a checkpoint")
            continue
        _check_reached(name, checkpoint.value.watermark >= member.published_at, "watermark", findings)
        _check_reached(name, checkpoint.value.next_sequence > member.sequence, "next_sequence", findings)
        other = sequences.setdefault((edition, member.sequence), article_id)
        if other != article_id:
            findings.broken(Invariant.CHECKPOINTS, f"{name} is number {member.sequence}, as {other} is")
        story = standing.stories.get(member.story_id)
        is_compared = story is not None and story.value.state is StoryState.OPEN and member.copy_of is None
        if is_compared and len(member.lead_vector) != 2 * checkpoint.value.dimension:
            findings.broken(
                Invariant.CHECKPOINTS,
                f"{name} has a vector of {len(member.lead_vector) // 2} dimensions, its edition has {checkpoint.value.dimension}",
            )
    for story_id, (place, story_value, _) in standing.stories.items():
        name = f"story {story_id} ({place})"
        checkpoint = standing.checkpoints.get(story_value.edition)
        if checkpoint is None:
            findings.broken(Invariant.CHECKPOINTS, f"{name} is of an edition without a checkpoint")
        else:
            _check_reached(name, checkpoint.value.watermark >= story_value.updated_at, "watermark", findings)


def _check_reached(name: str, reached: bool, what: str, findings: Findings) -> None:
    if not reached:
        findings.broken(Invariant.CHECKPOINTS, f"{name} is ahead of the {what} of its edition's checkpoint")
