"""`newsloom explain`: why an article is in its story."""

from __future__ import annotations

from collections.abc import Iterable

import click

from newsloom.contracts.membership import Membership
from newsloom.contracts.story import Story, StoryState
from newsloom.settings import Settings
from newsloom.story_lookup import find_story
from newsloom.subscribe import Newsloom
from services.cli.commands import format_option
from services.cli.views.explanation import print_article, print_members
from services.cli.views.formatting import console, print_structs

STORY_PREFIX = "st-"


@click.command(name="explain")
@click.argument("ident", metavar="ARTICLE|STORY")
@click.option(
    "--edition", metavar="NAME", help="Only this edition. Required if several editions have an article with that id."
)
@format_option("the Membership as stored; for a story one per line, in order of arrival")
@click.pass_obj
def command(settings: Settings, *, ident: str, edition: str | None, form: str) -> None:
    """Show why articles are in their story.

    The argument is the id of an article or a story, or the beginning (st-...) of one story's id. The decisions shown are those
    recorded at the time; nothing is decided again. Exit status 1: there is no such article or story.

    \b
    Examples:
      newsloom explain hl-0418-001
      newsloom explain hl-0418-001 --edition de
      newsloom explain st-k3v9
      newsloom explain st-k3v9 --format json | jq .decision
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    with Newsloom.open(settings) as newsloom:
        memberships = [member for member in newsloom.memberships().values() if edition in {None, member.edition}]
        stories = {story.id: story for story in newsloom.stories().values() if edition in {None, story.edition}}
    found = resolve(ident, memberships, stories)
    members = [found] if isinstance(found, Membership) else members_of(found, memberships)
    if form == "json":
        print_structs(members)
    elif isinstance(found, Membership):
        print_article(console(), found, stories, memberships)
    else:
        print_members(console(), found, members, stories, memberships)


def resolve(ident: str, memberships: Iterable[Membership], stories: dict[str, Story]) -> Membership | Story:
    """Return the story or article with this id, or else the only story whose id begins with it.

    Raises:
        ClickException: (exit status 1) there is none, or more than one.

    """
    if ident in stories:
        return stories[ident]
    found = [member for member in memberships if member.article_id == ident]
    if len(found) == 1:
        return found[0]
    if found:
        editions = ", ".join(sorted(member.edition for member in found))
        raise click.ClickException(
            f"{len(found)} editions have an article {ident!r}: {editions}; choose one with --edition"
        )
    if ident.startswith(STORY_PREFIX):
        return find_story(stories, ident)
    raise click.ClickException(
        f"there is no article {ident!r}: it was rejected or not processed yet (see `newsloom dead-letters list`), "
        "was retracted, or its story is forgotten"
    )


def members_of(story: Story, memberships: Iterable[Membership]) -> list[Membership]:
    """Return the story's articles in order of arrival; for a merged story those it brought into the other one."""

    def belongs(member: Membership) -> bool:
        if story.state is StoryState.MERGED:
            return member.merge is not None and member.merge.from_story_id == story.id
        return member.story_id == story.id

    return sorted(filter(belongs, memberships), key=lambda member: member.sequence)
