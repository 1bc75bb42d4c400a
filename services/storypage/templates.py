"""The templates and static files of the pages."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from services.storypage.coverage import SIDES
from services.storypage.resources import StoryArticle
from services.storypage.wording import ago, count, full_time

MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Templates:
    """Renders the templates beside this module. Everything that they are given is escaped."""

    def __init__(self) -> None:
        folder = files("services.storypage") / "static"
        self.static = {one.name: one.read_bytes() for one in folder.iterdir() if one.name.endswith(tuple(MEDIA_TYPES))}
        self._environment = Environment(
            loader=PackageLoader("services.storypage"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            ago=ago,
            count=count,
            full_time=full_time,
            article_address=article_address,
            shares=shares,
            static=self.address,
        )

    def render(self, name: str, values: Mapping[str, Any]) -> bytes:
        """Return the page as UTF-8."""
        return self._environment.get_template(name).render(values).encode()

    def address(self, name: str) -> str:
        """Return the address of a static file, which changes with its content."""
        return f"/static/{name}?v={hashlib.sha256(self.static[name]).hexdigest()[:12]}"


def media_type(name: str) -> str:
    """Return the media type of a static file."""
    return MEDIA_TYPES[PurePosixPath(name).suffix]


def article_address(article: StoryArticle) -> str:
    """Return the address of an article's page. Ids may be `..` or contain slashes, so they are no part of the path."""
    return f"/article?{urlencode({'edition': article.edition, 'id': article.id})}"


def shares(leanings: Mapping[str, int], article_count: int) -> list[tuple[str, int, float, float]]:
    """Return name, number of articles, and begin and width in percent of each side's part of the bar; empty without ratings."""
    rated = [(side.value, leanings.get(side.value, 0)) for side in SIDES if side is not None]
    total = sum(number for _, number in rated)
    if not total:
        return []
    parts = [*rated, ("unrated", max(0, article_count - total))]
    scale = 100 / sum(number for _, number in parts)
    found, begin = [], 0.0
    for name, number in parts:
        if number:
            found.append((name, number, round(begin, 2), round(number * scale, 2)))
        begin += number * scale
    return found
