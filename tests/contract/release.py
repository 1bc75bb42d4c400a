"""Store the contract of a version when it is released: run `python -m tests.contract.release` once.

The folder `released/VERSION` then has its golden events and, for each topic, the JSON Schema of the values its readers accept.
The version is that of pyproject.toml.
"""

from __future__ import annotations

import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec

from newsloom.contracts.article import Article
from newsloom.contracts.command import StoryCommand
from newsloom.contracts.membership import StateRecord
from newsloom.contracts.story import Story, StoryUpdate
from newsloom.contracts.vector import VectorEvent
from tests.contract.test_golden import GOLDEN

RELEASED: Final = Path(__file__).parent / "released"
SCHEMAS: Final = "schemas.json"
VALUES: Final[dict[str, Any]] = {
    "articles": Article,
    "story-commands": StoryCommand,
    "article-vectors": VectorEvent,
    "story-updates": StoryUpdate,
    "stories": Story,
    "article-stories": StateRecord,
}
"""The type of the values of each topic."""


def schemas() -> bytes:
    """Return the JSON Schema of the values of each topic."""
    made = {topic: msgspec.json.schema(value) for topic, value in VALUES.items()}
    return msgspec.json.format(msgspec.json.encode(made, order="sorted"), indent=1) + b"\n"


def main() -> int:
    """Write the folder of the present version, unless it exists."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    folder = RELEASED / project["version"]
    if folder.exists():
        print(f"{folder} exists already: a released contract must not change", file=sys.stderr)
        return 1
    shutil.copytree(GOLDEN, folder)
    (folder / SCHEMAS).write_bytes(schemas())
    return 0


if __name__ == "__main__":
    sys.exit(main())
