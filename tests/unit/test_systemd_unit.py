"""deploy/systemd/newsloom.service agrees with the program that it starts."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from newsloom.service import EXIT_CONFIGURATION
from newsloom.settings import load_settings
from services.cli.__main__ import COMMANDS
from services.local.supervisor import STOP_S

UNIT: Final = Path(__file__).resolve().parents[2] / "deploy" / "systemd" / "newsloom.service"


def values(key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.MULTILINE)


def test_it_starts_a_command_with_valid_settings() -> None:
    [started] = values("ExecStart")
    program, command = started.split()
    assert Path(program).name == "newsloom"
    assert command in COMMANDS
    environ = dict(variable.replace("%S", "/var/lib").split("=", 1) for variable in values("Environment"))
    assert load_settings(environ).log == "sqlite:////var/lib/newsloom/newsloom.db"


def test_it_is_started_again_unless_a_setting_is_wrong_and_is_given_time_to_stop() -> None:
    assert values("Restart") == ["always"]
    assert values("RestartPreventExitStatus") == [str(EXIT_CONFIGURATION)]
    [stop] = values("TimeoutStopSec")
    assert int(stop.removesuffix("s")) > STOP_S


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_it(tmp_path: Path) -> None:
    unit = tmp_path / "newsloom.service"
    # It checks that the program exists.
    unit.write_text(UNIT.read_text().replace("/opt/newsloom/bin/newsloom", "/bin/true"))
    checked = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
