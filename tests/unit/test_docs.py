"""The documents agree with the code: settings, pipeline, topics, fields, dependencies, tests and files."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from newsloom.contracts import cloudevents
from newsloom.contracts.article import Article
from newsloom.contracts.command import (
    CommandKind,
    CommandRef,
    MergeStories,
    MoveArticle,
    PinStory,
    SplitStory,
    UnpinStory,
)
from newsloom.contracts.membership import Candidate, Checkpoint, Decision, Membership, MergeDecision, Verdict
from newsloom.contracts.pipeline import SERVICES, TOPICS
from newsloom.contracts.story import ArticleRef, Cause, HistoryEntry, Story, StoryState, StoryUpdate, UpdateKind
from newsloom.contracts.topics import TopicDefinition
from newsloom.contracts.vector import ArticleRetraction, ArticleVector
from newsloom.settings import KAFKA_PREFIX, PREFIX, TEST_PREFIX, Settings
from newsloom.streaming.dead_letter_replay import REPLAYED_OFFSET
from newsloom.streaming.dead_letters import ADDED_HEADERS
from services.cli.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
README, ARCHITECTURE, EVENTS, SECURITY, SQLITE, MIGRATION, OPERATIONS, CONTRIBUTING = (
    ROOT / name
    for name in (
        "README.md",
        "docs/architecture.md",
        "docs/events.md",
        "docs/security.md",
        "docs/sqlite.md",
        "docs/migration.md",
        "docs/operations.md",
        "CONTRIBUTING.md",
    )
)
DOCUMENTS = [README, ARCHITECTURE, EVENTS, SECURITY, SQLITE, MIGRATION, OPERATIONS, CONTRIBUTING, ROOT / "CHANGELOG.md"]


def cells_of(line: str) -> list[str]:
    """Return the cells of one line of a Markdown table."""
    return [cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")]


def rows(document: Path) -> dict[str, list[str]]:
    """Return the rows of all tables of the document by their first cell; of several equal ones, the first."""
    cells = [cells_of(line) for line in document.read_text().splitlines() if line.startswith("| ")]
    return {row[0]: row[1:] for row in reversed(cells)}


def table(document: Path, header: str) -> list[list[str]]:
    """Return the rows of the table that begins with this header, in order."""
    lines = document.read_text().splitlines()
    below = lines[lines.index(header) + 2 :]
    return [cells_of(line) for line in takewhile(lambda line: line.startswith("|"), below)]


def metric_rows(registry: CollectorRegistry) -> dict[str, list[str]]:
    """Return type, labels and meaning of each metric but those of the process, as the documents have them."""
    labels = {
        name: ", ".join(f"`{label}`" for label in getattr(collector, "_labelnames", ()))
        for collector, names in registry._collector_to_names.items()
        for name in names
    }
    return {
        metric.name + ("_total" if metric.type == "counter" else ""): [
            metric.type,
            labels[metric.name],
            metric.documentation,
        ]
        for metric in registry.collect()
        if not metric.name.startswith("process_")
    }


def test_the_readme_lists_every_setting_with_its_default() -> None:
    listed = {name.strip("`"): row[0].strip("`") for name, row in rows(README).items() if name.startswith("`NEWSLOOM_")}
    defaults = msgspec.structs.asdict(Settings())
    del defaults["kafka"]
    assert listed == {
        **{PREFIX + name.upper(): str(value) for name, value in defaults.items()},
        f"{KAFKA_PREFIX}*": "",
    }


def test_the_readme_mentions_every_command() -> None:
    text = README.read_text()
    assert [command for command in COMMANDS if f"newsloom {command}" not in text] == []


@pytest.mark.parametrize("document", [README, ARCHITECTURE, EVENTS, SECURITY], ids=lambda path: path.name)
def test_every_mentioned_variable_exists(document: Path) -> None:
    known = {PREFIX + name.upper() for name in Settings.__struct_fields__}
    found = set(re.findall(r"NEWSLOOM_[A-Z_]+", document.read_text()))
    assert {name for name in found - known if not name.startswith((KAFKA_PREFIX, TEST_PREFIX))} <= {PREFIX}


def test_the_pipeline_table_equals_the_services() -> None:
    def listed(topics: Iterable[TopicDefinition]) -> str:
        return ", ".join(f"`{topic.name}`" for topic in topics)

    assert table(ARCHITECTURE, "| service | consumes | restores from | produces | group |") == [
        [
            f"`{service.name}`",
            listed(service.consumes),
            listed(service.state),
            listed((*service.produces, *service.state)),
            f"`{service.name}`",
        ]
        for service in SERVICES
    ]


@pytest.mark.parametrize(
    ("document", "heading", "levels"),
    [(README, "| folder | what is in it |", ("*", "services/*")),
     (ARCHITECTURE, "| folder | what is in it | why it is separate |", ("newsloom/*", "services/*"))],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)  # fmt: skip
def test_every_folder_with_code_is_listed(document: Path, heading: str, levels: tuple[str, ...]) -> None:
    listed = " ".join(row[0] for row in table(document, heading))
    packages = [path.parent for level in levels for path in ROOT.glob(f"{level}/__init__.py")]
    assert packages
    assert [str(path) for path in packages if f"`{path.relative_to(ROOT)}/" not in listed] == []


def test_the_topics_are_described_as_they_are_defined() -> None:
    described = rows(EVENTS)
    for topic in TOPICS:
        _, _, partitions, policy, largest = described[f"`{topic.name}`"]
        days = "compacted" if topic.compacted else f"{(topic.retention_ms or 0) // 86_400_000} days"
        assert (policy, largest) == (days, f"{topic.max_record_bytes / 2**20:g} MiB")
        assert partitions == f"`NEWSLOOM_{'STATE_' if topic.sizing.value == 'state' else ''}PARTITIONS`"


@pytest.mark.parametrize(
    "struct",
    [
        Article,
        ArticleVector,
        ArticleRetraction,
        Membership,
        Checkpoint,
        Story,
        StoryUpdate,
        ArticleRef,
        HistoryEntry,
        CommandRef,
        MergeStories,
        SplitStory,
        MoveArticle,
        PinStory,
        UnpinStory,
        MergeDecision,
        Decision,
        Candidate,
    ],
)
def test_every_field_is_described(struct: type[msgspec.Struct]) -> None:
    text = EVENTS.read_text()
    assert [name for name in struct.__struct_fields__ if not re.search(rf"\b{name}\b", text)] == []


@pytest.mark.parametrize("values", [UpdateKind, Cause, StoryState, Verdict, CommandKind])
def test_every_value_is_described(values: type[UpdateKind | Cause | StoryState | Verdict | CommandKind]) -> None:
    text = EVENTS.read_text()
    assert [value for value in values if f"`{value.value}`" not in text] == []


def test_every_event_type_and_header_is_described() -> None:
    text = EVENTS.read_text()
    types = [
        value
        for value in vars(cloudevents).values()
        if isinstance(value, str) and re.fullmatch(r"newsloom\.[a-z.-]+\.v1", value)
    ]
    assert types
    attributes = cloudevents.EventHeaders(
        id="", source="", type="", subject="", time=datetime.now(UTC), edition="", traceparent=""
    )
    headers = [name for name, _ in attributes.encode()]
    assert [name for name in [*types, *headers, *ADDED_HEADERS, REPLAYED_OFFSET] if f"`{name}`" not in text] == []


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    lines = [line for lines in (project["dependencies"], *extras) for line in lines]
    # An extra may include others of newsloom.
    declared = {re.split(r"[<>=]", line)[0] for line in lines if not line.startswith("newsloom[")}
    listed = {name for cell in rows(ARCHITECTURE) for name in cell.split(", ")}
    assert declared - listed == set()


def test_the_readme_lists_every_kind_of_test() -> None:
    kinds = [path.parent.name for path in ROOT.glob("tests/*/__init__.py")]
    assert kinds
    assert [kind for kind in kinds if f"`{kind}/`" not in README.read_text()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_paths_in_a_document_exist(document: Path) -> None:
    text = document.read_text()
    links = [document.parent / link for link in re.findall(r"\]\((?!http)([^)#]+)\)", text)]
    # `newsloom/embedder` and similar names are the sources of events, not folders.
    folders = r"(?:newsloom/(?!ingest|stories|embedder|clusterer)|services/|tests/|docs/|deploy/|benchmarks/|evaluation/)[\w/.-]*"
    paths = [ROOT / path for path in re.findall(rf"`({folders})(?:::\w+)?`", text)]
    assert [str(path) for path in [*links, *paths] if not path.exists()] == []


@pytest.mark.parametrize("document", [ARCHITECTURE, SQLITE], ids=lambda path: path.name)
def test_every_named_test_exists(document: Path) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", document.read_text())
    assert len(named) > 10
    assert [pair for pair in named if f"def {pair[1]}(" not in (ROOT / pair[0]).read_text()] == []


def test_examples_compile() -> None:
    examples = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert examples
    for example in examples:
        compile(example, "README.md", "exec")
