"""`newsloom.send_command`, with both services running on the same log."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest

from newsloom import Applied, InvalidValue, MergeStories, PinStory, Rejected, SplitStory, new_command, send_command
from newsloom.contracts.codec import decode_command
from newsloom.contracts.story import UpdateKind
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.open import open_log_url
from newsloom.streaming.scan import read_topic
from tests.unit.cli.running_services import RunningServices

README = Path(__file__).resolve().parents[3] / "README.md"


def test_an_applied_command_returns_its_updates(services: RunningServices) -> None:
    larger, smaller = services.story_id_of(0), services.story_id_of(3)
    command = new_command(
        MergeStories, edition="main", by="jane", why="one verdict", story_id=smaller, other_story_id=larger
    )
    outcome = send_command(command, services.settings.log)
    assert isinstance(outcome, Applied)
    assert [(update.story_id, update.kind) for update in outcome.updates] == [
        (smaller, UpdateKind.MERGED),
        (larger, UpdateKind.MERGED),
    ]


def test_a_split_returns_the_updates_of_both_stories(services: RunningServices) -> None:
    story_id = services.story_id_of(0)
    command = new_command(
        SplitStory, edition="main", by="jane", why="two courts", story_id=story_id, article_ids=("a1",)
    )
    outcome = send_command(command, services.settings.log)
    assert isinstance(outcome, Applied)
    assert {update.story_id for update in outcome.updates} == {story_id, services.story_id_of(1)}


def test_a_rejected_command_returns_the_reason(services: RunningServices) -> None:
    command = new_command(PinStory, edition="main", by="jane", why="front page", story_id="st-none")
    outcome = send_command(command, services.settings.log)
    assert outcome == Rejected("there is no story 'st-none' in edition 'main'")


@pytest.mark.parametrize("wait_s", [0, 0.1])
def test_a_command_without_an_outcome_returns_none_and_stays_on_the_log(
    stopped_services: RunningServices, wait_s: float
) -> None:
    command = new_command(PinStory, edition="main", by="jane", why="front page", story_id="st-a")
    url = stopped_services.settings.log
    assert send_command(command, url, wait_s=wait_s) is None
    with closing(open_log_url(url)) as log:
        (record,) = read_topic(log, "news.story-commands")
    assert decode_command(record.value or b"") == command


def test_invalid_values_are_refused_when_the_command_is_built() -> None:
    with pytest.raises(InvalidValue, match=r"\$\.why"):
        new_command(PinStory, edition="main", by="jane", why=" ", story_id="st-a")
    with pytest.raises(InvalidValue, match=r"\$\.article_ids"):
        new_command(SplitStory, edition="main", by="jane", why="two courts", story_id="st-a", article_ids=())


def test_missing_topics_are_reported(tmp_path: Path) -> None:
    command = new_command(PinStory, edition="main", by="jane", why="front page", story_id="st-a")
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    open_log_url(url).close()
    with pytest.raises(ConfigurationError, match=r"topic news\.story-commands does not exist"):
        send_command(command, url)


def test_the_example_in_the_readme(services: RunningServices, capsys: pytest.CaptureFixture[str]) -> None:
    examples = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    (example,) = [text for text in examples if "send_command" in text]
    for placeholder, value in (
        ("sqlite:////var/lib/newsloom/news.db", services.settings.log),
        ('"STORY"', repr(services.story_id_of(0))),
        ('"OTHER"', repr(services.story_id_of(3))),
    ):
        assert placeholder in example
        example = example.replace(placeholder, value)
    exec(compile(example, str(README), "exec"), {})  # noqa: S102 - our own example
    assert capsys.readouterr().out == "done: 2 stories have changed\n"
