"""Render `newsloom explain` on a terminal of a given width."""

from __future__ import annotations

import io

from rich.console import Console

from newsloom.contracts.codec import encode
from newsloom.contracts.membership import Membership, membership_key
from newsloom.contracts.story import Story
from newsloom.streaming.records import Message
from services.cli.commands.explain import members_of
from services.cli.views.explanation import print_article, print_members


def member_message(value: Membership) -> Message:
    key = membership_key(value.edition, value.article_id)
    return Message("news.article-stories", key, encode(value), partition=0)


def _screen(width: int) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=True, no_color=True, markup=False, highlight=False)


def render_article(value: Membership, stories: dict[str, Story], members: list[Membership], width: int) -> str:
    screen = _screen(width)
    with screen.capture() as capture:
        print_article(screen, value, stories, members)
    return capture.get()


def render_story(value: Story, members: list[Membership], stories: dict[str, Story], width: int) -> str:
    screen = _screen(width)
    with screen.capture() as capture:
        print_members(screen, value, members_of(value, members), stories, members)
    return capture.get()
