"""Replay which articles each story has, from the updates alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from newsloom.contracts.command import CommandKind
from newsloom.contracts.story import UpdateKind
from services.verifier.findings import Findings, Invariant
from services.verifier.story_replay import Effect, MemberChange, ReplayedStory

ReplayedStories = Mapping[str, ReplayedStory]


def replay_members(stories: ReplayedStories, *, truncated: bool, findings: Findings) -> None:
    """Compute `articles` of every story, after those merged into it. `truncated`: retention has deleted updates."""
    waiting: defaultdict[str, list[ReplayedStory]] = defaultdict(list)
    next_change: dict[str, int] = dict.fromkeys(stories, 0)
    ready = list(stories.values())
    while ready:
        story = ready.pop()
        awaited = _advance(story, next_change, stories, truncated=truncated, findings=findings)
        if awaited is None:
            story.articles_known = True
            ready += waiting.pop(story.story_id, [])
        else:
            waiting[awaited].append(story)
    for story_id in sorted(story.story_id for story in stories.values() if not story.articles_known):
        findings.add(Invariant.LINEAGE, f"story {story_id} was merged into itself, by way of others")


def _advance(
    story: ReplayedStory, next_change: dict[str, int], stories: ReplayedStories, *, truncated: bool, findings: Findings
) -> str | None:
    """Apply the story's changes in order; return the id of a merged story whose articles are needed first, or None."""
    while (index := next_change[story.story_id]) < len(story.changes):
        change = story.changes[index]
        if change.effect is Effect.ABSORB:
            absorbed = stories.get(change.ids[0]) if change.ids else None
            if absorbed is not None and not absorbed.articles_known:
                return absorbed.story_id
            _absorb(story, change, absorbed, truncated=truncated, findings=findings)
        else:
            _apply(story, change, findings)
        findings.checked[Invariant.CHANGES] += 1
        if story.is_complete:
            name = f"{story.story_id} version {change.version}: article_count"
            findings.expect(Invariant.CHANGES, name, len(story.articles), change.article_count)
        next_change[story.story_id] = index + 1
    return None


def _apply(story: ReplayedStory, change: MemberChange, findings: Findings) -> None:
    name = f"{story.story_id} version {change.version}"
    for article_id in change.ids:
        is_member = article_id in story.articles
        if is_member is (change.effect is Effect.JOIN) and (is_member or story.is_complete):
            state = "already" if is_member else "not"
            findings.add(Invariant.CHANGES, f"{name}: article {article_id} {change.effect.value}, but is {state} in it")
        if change.effect is Effect.LEAVE:
            by_command = story.articles.pop(article_id, False)
            if by_command and change.kind is UpdateKind.MOVED and change.command is None:
                what = f"article {article_id} was moved, although a command assigned it here"
                findings.add(Invariant.COMMANDS, f"{name}: {what}")
        else:
            story.articles[article_id] = story.articles.get(article_id, change.command is not None)


def _absorb(
    story: ReplayedStory, change: MemberChange, absorbed: ReplayedStory | None, *, truncated: bool, findings: Findings
) -> None:
    name = f"{story.story_id} version {change.version}"
    if absorbed is None:
        story.is_complete = False
        if not truncated:
            findings.add(Invariant.LINEAGE, f"{name} absorbs {change.ids}, which has no updates")
        return
    if absorbed.last.merged_into != story.story_id:
        merged_into = absorbed.last.merged_into
        findings.add(Invariant.LINEAGE, f"{name} absorbs {absorbed.story_id}, which was merged into {merged_into}")
        return
    story.is_complete = story.is_complete and absorbed.is_complete
    for article_id, by_command in absorbed.articles.items():
        if article_id in story.articles:
            what = f"article {article_id} comes with {absorbed.story_id}, but is already here"
            findings.add(Invariant.CHANGES, f"{name}: {what}")
        story.articles[article_id] = by_command or change.command is not None
    if change.command is CommandKind.MERGE:
        # The command named both stories. A move that merges names one article, the last of the absorbed story.
        story.articles = dict.fromkeys(story.articles, True)
