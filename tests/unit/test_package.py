"""What `import newsloom` offers, and that it is light."""

from __future__ import annotations

import json
import subprocess
import sys

import newsloom
from newsloom.command_client import send_command
from newsloom.contracts.story import Story, StoryUpdate
from newsloom.subscribe import Newsloom, subscribe

IMPORT = """
import json, logging, sys
before = set(logging.root.manager.loggerDict), list(sys.meta_path), sys.excepthook
import newsloom
after = set(logging.root.manager.loggerDict), list(sys.meta_path), sys.excepthook
print(json.dumps({"modules": sorted(sys.modules), "is_unchanged": before == after}))
"""


def test_the_package_offers_what_a_program_needs() -> None:
    assert all(hasattr(newsloom, name) for name in newsloom.__all__)
    assert newsloom.__all__ == sorted(newsloom.__all__)
    offered = (newsloom.subscribe, newsloom.send_command, newsloom.Newsloom, newsloom.Story, newsloom.StoryUpdate)
    assert offered == (subscribe, send_command, Newsloom, Story, StoryUpdate)


def test_importing_the_package_is_light_and_changes_nothing_else() -> None:
    printed = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True, timeout=60)
    found = json.loads(printed.stdout)
    loaded = {module.partition(".")[0] for module in found["modules"]}
    assert not loaded & {"kafka", "sqlite3", "structlog", "prometheus_client", "click", "rich", "numpy", "services"}
    assert found["is_unchanged"]
