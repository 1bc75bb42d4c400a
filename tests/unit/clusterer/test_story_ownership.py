"""`LiveStory` is changed by `EditionState` alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import services.clusterer.core
from services.clusterer.core.story import LiveStory

CORE = Path(services.clusterer.core.__path__[0])
OWNERS = {"story.py", "edition.py"}
FIELDS = set(LiveStory.__struct_fields__)
METHODS = {"close_as", "drop_features", "remove_all"}
"""Methods that change a story and are not named like those of an index."""


def changes(source: str) -> Iterator[str]:
    """Yield the attributes that the source sets on anything but `self`, and the changing methods that it calls."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Attribute) or ast.unparse(node.value) == "self":
            continue
        if (isinstance(node.ctx, ast.Store | ast.Del) and node.attr in FIELDS) or node.attr in METHODS:
            yield ast.unparse(node)


@pytest.mark.parametrize("module", sorted(path.name for path in CORE.glob("*.py") if path.name not in OWNERS))
def test_no_other_module_changes_a_story(module: str) -> None:
    assert list(changes((CORE / module).read_text())) == []


def test_a_change_is_noticed() -> None:
    assert list(changes("one.pinned, other.x = ref, 1\nedition.stories[name].close_as(state)\nself.pinned = 1")) == [
        "one.pinned",
        "edition.stories[name].close_as",
    ]
