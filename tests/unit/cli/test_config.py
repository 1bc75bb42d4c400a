"""`newsloom config`."""

from __future__ import annotations

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from newsloom.settings import Settings, load_settings
from services.cli.__main__ import newsloom
from services.cli.commands.config import HIDDEN, effective_settings

SENSITIVE = "correct horse"


def shown(environ: dict[str, str]) -> dict[str, tuple[str, bool]]:
    return {one.variable: (one.value, one.is_default) for one in effective_settings(load_settings(environ), environ)}


def test_every_setting_is_shown_with_its_default() -> None:
    plain = msgspec.structs.asdict(Settings())
    del plain["kafka"]
    assert shown({}) == {f"NEWSLOOM_{name.upper()}": (str(value), True) for name, value in plain.items()}


def test_values_from_the_environment_are_marked() -> None:
    found = shown({"NEWSLOOM_INSTANCE": "embedder-3", "NEWSLOOM_PARTITIONS": "1"})
    assert found["NEWSLOOM_INSTANCE"] == ("embedder-3", False)
    assert found["NEWSLOOM_PARTITIONS"] == ("1", False)
    assert found["NEWSLOOM_STATE_PARTITIONS"] == ("1", True)


@given(st.sampled_from(["SASL_PLAIN_PASSWORD", "SSL_PASSWORD"]))
def test_a_password_is_never_shown(name: str) -> None:
    found = shown(
        {f"NEWSLOOM_KAFKA_{name}": SENSITIVE, "NEWSLOOM_KAFKA_PROXY_URL": f"socks5://me:{SENSITIVE}@proxy:1080"}
    )
    assert found[f"NEWSLOOM_KAFKA_{name}"] == (HIDDEN, False)
    assert SENSITIVE not in str(found)


def test_the_path_of_a_secret_is_shown() -> None:
    found = shown({"NEWSLOOM_KAFKA_SASL_PLAIN_PASSWORD_FILE": "/run/secrets/kafka"})
    assert found["NEWSLOOM_KAFKA_SASL_PLAIN_PASSWORD_FILE"] == ("/run/secrets/kafka", False)


def test_the_command_prints_tables_and_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLOOM_LOG", "kafka://host:9092")
    monkeypatch.setenv("NEWSLOOM_KAFKA_SSL_PASSWORD", SENSITIVE)
    text = CliRunner().invoke(newsloom, ["config"]).stdout
    assert "NEWSLOOM_LOG" in text
    assert "kafka://host:9092" in text
    assert SENSITIVE not in text
    lines = CliRunner().invoke(newsloom, ["config", "--format", "json"]).stdout.splitlines()
    assert msgspec.json.decode(lines[0]) == {
        "variable": "NEWSLOOM_LOG",
        "value": "kafka://host:9092",
        "is_default": False,
    }


def test_a_wrong_setting_ends_it_as_it_would_end_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLOOM_PARTITIONS", "many")
    result = CliRunner().invoke(newsloom, ["config"])
    assert "NEWSLOOM_PARTITIONS='many' must be a whole number, 1 or more" in str(result.exception)
