"""The story page in Chromium: no violation that axe-core finds, nothing too wide, keys, and a page without JavaScript."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from tests.acceptance.conftest import NewInstallation
from tests.acceptance.test_commands import SAMPLE
from tests.unit.storypage.page_process import PageProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SCRIPT: Final = Path(__file__).with_name("browser.mjs")
PACKAGES: Final = ("puppeteer-core@24", "axe-core@4")
PAGE_BYTES_MAX: Final = 60_000


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the packages of the script."""
    if not (shutil.which("node") and shutil.which("npm") and shutil.which("chromium")):
        pytest.skip("needs node, npm and chromium, of the Debian packages of these names")
    folder = tmp_path_factory.mktemp("npm")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), *PACKAGES]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if result.returncode:
        pytest.skip(f"npm cannot install {', '.join(PACKAGES)}: {result.stderr.strip().splitlines()[-1]}")
    return folder / "node_modules"


@pytest.fixture(scope="module")
def page(modules: Path, new_installation: NewInstallation) -> Iterator[PageProcess]:
    """Return a page of the sample's stories."""
    del modules  # First: without a browser there is nothing to do.
    installation = new_installation("sqlite")
    installation.command("run", "--ingest", str(SAMPLE), "--until-drained")
    started = PageProcess(installation.url, installation.folder / "page.db", NEWSLOOM_TOPIC_PREFIX=installation.prefix)
    started.wait_until_ready()
    yield started
    started.process.kill()
    started.process.wait()


def test_a_reader_can_use_the_pages(page: PageProcess, modules: Path) -> None:
    (story,) = page.get("/api/stories?order=large&limit=1").json()["stories"]
    (article,) = page.get(f"/api/stories/{story['id']}/articles?limit=1").json()["articles"]
    paths = [f"/stories/{story['id']}", f"/article?{urlencode({'id': article['id']})}"]
    chromium = shutil.which("chromium") or ""
    command = ["node", str(SCRIPT), str(modules), chromium, f"http://127.0.0.1:{page.port}", *paths]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)

    assert found["violations"] == []
    assert found["checks"] > 100
    assert found["overflows"] == []
    assert found["errors"] == []
    assert max(found["bytes"].values()) < PAGE_BYTES_MAX
    assert found["focused"] == found["first"] == found["opened"]
    assert found["plain"] > 5
