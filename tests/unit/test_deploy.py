"""The container files have no lint errors and agree with the code and with each other."""

from __future__ import annotations

import fnmatch
import functools
import importlib.util
import json
import re
import shlex
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from yamllint import linter
from yamllint.config import YamlLintConfig

from newsloom.settings import PREFIX, load_settings
from newsloom.streaming.watchdog import TICK_S, TICKS_MAX

ROOT: Final = Path(__file__).parents[2]
DOCKERFILE: Final = ROOT / "deploy" / "Dockerfile"
COMPOSE: Final = ROOT / "deploy" / "compose.yaml"
IMAGES: Final = ("cli", "clusterer", "embedder", "storypage")
SERVICES: Final = ("clusterer", "embedder", "storypage")
BUILT: Final = ("cli", "clusterer", "embedder", "storypage", "topics")
PUBLIC: Final = ("storypage",)
"""Services with a port on this machine."""
YAML_RULES: Final = "{extends: default, rules: {line-length: {max: 130}}}"


@dataclass(frozen=True)
class Stage:
    name: str
    base: str
    instructions: tuple[tuple[str, str], ...]

    def values(self, instruction: str) -> list[str]:
        return [value for name, value in self.instructions if name == instruction]


@functools.cache
def stages() -> dict[str, Stage]:
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    lines = [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1].strip()) for line in text.splitlines() if line]
    starts = [number for number, (instruction, _) in enumerate(lines) if instruction == "FROM"]
    found = {}
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        base, name = re.split(r" AS ", lines[start][1])
        found[name] = Stage(name, base, tuple(lines[start + 1 : end]))
    return found


def last_value(stage: Stage, instruction: str) -> str | None:
    """Return the last value of an instruction in a stage, or in the stages it is built on."""
    values = stage.values(instruction)
    if values:
        return values[-1]
    return last_value(stages()[stage.base], instruction) if stage.base in stages() else None


@functools.cache
def compose() -> dict[str, Any]:
    loaded = yaml.safe_load(COMPOSE.read_text())
    assert isinstance(loaded, dict)
    return loaded


def service(name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = compose()["services"][name]
    return found


def seconds(duration: str) -> int:
    match = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", duration)
    assert match, duration
    return 60 * int(match[1] or 0) + int(match[2] or 0)


def test_yaml_has_no_lint_errors() -> None:
    problems = linter.run(COMPOSE.read_text(), YamlLintConfig(YAML_RULES), str(COMPOSE))
    assert [str(problem) for problem in problems] == []


def test_dockerfile_has_no_lint_errors() -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    result = subprocess.run([hadolint, "--no-color", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_every_base_is_a_stage_or_a_pinned_release() -> None:
    outside = {stage.base for stage in stages().values() if stage.base not in stages()}
    assert outside
    for image in outside | {compose()["services"]["kafka"]["image"]}:
        assert re.fullmatch(r"scratch|python:3\.11-slim-bookworm|apache/kafka:\d+\.\d+\.\d+", image)


@pytest.mark.parametrize("name", BUILT)
def test_compose_builds_a_stage_of_the_dockerfile(name: str) -> None:
    build = service(name)["build"]
    assert build["target"] in stages()
    assert (COMPOSE.parent / build["context"]).resolve() == ROOT
    assert ROOT / build["dockerfile"] == DOCKERFILE
    assert service(name)["image"] == f"newsloom-{build['target']}"
    declared = {value.partition("=")[0] for stage in stages().values() for value in stage.values("ARG")}
    assert set(build["args"]) <= declared


@pytest.mark.parametrize("name", IMAGES)
def test_images_run_as_a_numeric_user_that_is_not_root(name: str) -> None:
    user = last_value(stages()[name], "USER")
    assert user
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_image_starts_its_service_and_stops_on_sigterm(name: str) -> None:
    stage = stages()[name]
    # In exec form: a shell with PID 1 would not forward the signal.
    command = json.loads(stage.values("ENTRYPOINT")[-1])
    assert command == ["env", "--block-signal=TERM,INT", "python", "-m", f"services.{name}"]
    assert importlib.util.find_spec(f"services.{name}.__main__")
    assert last_value(stage, "STOPSIGNAL") == "SIGTERM"


def test_only_the_embedder_image_contains_torch() -> None:
    with_torch = {stage.name for stage in stages().values() if any("torch" in run for run in stage.values("RUN"))}
    copies = {name: " ".join(stages()[name].values("COPY")) for name in IMAGES}
    assert with_torch == {"embedder-dependencies"}
    assert [name for name, copied in copies.items() if "embedder-dependencies" in copied] == ["embedder"]


def test_each_pip_install_takes_the_build_arguments() -> None:
    installations = [run for stage in stages().values() for run in stage.values("RUN") if "pip install" in run]
    assert installations
    assert all("pip install $PIP_ARGS " in run for run in installations)


def test_dockerignore_allows_what_the_dockerfile_copies() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    allowed = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    copied = {
        source
        for stage in stages().values()
        for value in stage.values("COPY")
        if not value.startswith("--from=")
        for source in shlex.split(value)[:-1]
    }
    assert rules[0] == "*"
    assert copied == allowed
    assert all((ROOT / source).exists() for source in copied)
    assert any(fnmatch.fnmatch("services/cli/__pycache__", rule) for rule in rules[1:])


@pytest.mark.parametrize("name", BUILT)
def test_compose_sets_only_known_settings(name: str) -> None:
    environment: dict[str, str] = service(name)["environment"]
    settings = load_settings(environment)
    listeners = compose()["services"]["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert all(variable.startswith(PREFIX) for variable in environment)
    assert f"INTERNAL://{settings.log.removeprefix('kafka://')}" in listeners


def test_compose_services_share_the_topics_and_have_their_own_instances() -> None:
    settings = {name: load_settings(service(name)["environment"]) for name in BUILT}
    shared = {(one.log, one.topic_prefix, one.partitions, one.state_partitions) for one in settings.values()}
    assert len(shared) == 1
    assert len({settings[name].instance for name in SERVICES}) == len(SERVICES)


@pytest.mark.parametrize("name", BUILT)
def test_compose_containers_have_no_unneeded_privileges(name: str) -> None:
    container = service(name)
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert [mount.partition(":")[0] for mount in container["tmpfs"]] == ["/tmp"]  # noqa: S108 - a mount, not a file
    assert set(container["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert not {"privileged", "volumes", "user"} & set(container)
    assert ("ports" in container) == (name in PUBLIC)
    assert all(port.startswith("127.0.0.1:") for port in container.get("ports", []))


def test_compose_starts_in_order() -> None:
    conditions = {name: service(name).get("depends_on", {}) for name in ("kafka", *BUILT)}
    made = {"topics": {"condition": "service_completed_successfully"}}
    assert conditions == {
        "kafka": {},
        "topics": {"kafka": {"condition": "service_healthy"}},
        "embedder": made,
        "clusterer": made,
        "storypage": made,
        "cli": made,
    }
    assert "healthcheck" in service("kafka")
    assert service("topics")["command"] == ["topics", "create"]


@pytest.mark.parametrize("name", SERVICES)
def test_compose_waits_for_the_current_batch(name: str) -> None:
    assert "init" not in service(name), "the images need none: services/startup.py"
    assert service(name)["restart"] == "unless-stopped"
    assert seconds(service(name)["stop_grace_period"]) > TICKS_MAX * TICK_S
