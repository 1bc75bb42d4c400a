"""Keep the contract of the version in pyproject.toml for good: `python -m tests.contract.release`, once, when it is released.

Under `released/VERSION` then stand its golden events and, for each topic, the JSON Schema of what its readers take.
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
"""What stands on each topic."""


def schemas() -> bytes:
    """The JSON Schema of each topic's values."""
    made = {topic: msgspec.json.schema(value) for topic, value in VALUES.items()}
    return msgspec.json.format(msgspec.json.encode(made, order="sorted"), indent=1) + b"\n"


def main() -> int:
    """Write the present version's folder, if there is none yet."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    folder = RELEASED / project["version"]
    if folder.exists():
        print(f"{folder} is there already: what was released does not change", file=sys.stderr)
        return 1
    shutil.copytree(GOLDEN, folder)
    (folder / SCHEMAS).write_bytes(schemas())
    return 0


if __name__ == "__main__":
    sys.exit(main())
