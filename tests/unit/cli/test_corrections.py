"""An operator's corrections as they are typed, with both services at work on the same log."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from newsloom.command_client import command_message
from newsloom.contracts.codec import decode_command, encode
from newsloom.contracts.command import CommandKind, PinStory
from newsloom.contracts.story import Cause, Story, StoryState, StoryUpdate, UpdateKind
from newsloom.log_names import topic_specs
from newsloom.settings import Settings
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.loop import Loop, LoopConfig
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message
from newsloom.streaming.scan import read_topic
from newsloom.streaming.step import Step
from newsloom.streaming.watchdog import Watchdog
from newsloom.subscribe import Newsloom
from services.cli.__main__ import newsloom as cli
from services.clusterer.step import ClustererStep
from services.embedder.step import EmbedderStep
from tests.laws.streams import FIXED_PARAMETERS, Event, article
from tests.unit.embedder.test_step import BytesEncoder

WHY = "one and the same"


class Newsroom:
    """A log in a file, both services in threads, and the command line."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(log=f"sqlite:///{folder / 'news.db'}", model="test", partitions=2)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._serve, args=(name,), name=name) for name in ("embedder", "clusterer")
        ]
        with closing(open_log_url(self.settings.log)) as log:
            log.admin().create(topic_specs(self.settings))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(30)

    def _serve(self, name: str) -> None:
        config = LoopConfig(
            service=name, dead_letter_topic="news.dead-letters", dead_letter_share_max=1, records_max=10
        )
        with closing(open_log_url(self.settings.log)) as log:
            step = self._step(name, log)
            worker = log.worker(group=f"news.{name}", instance="0", topics=step.input_topics)
            Loop(worker, step, config, stop=self._stop, watchdog=Watchdog()).run()
            worker.close()

    def _step(self, name: str, log: Log) -> Step:
        if name == "embedder":
            return EmbedderStep(self.settings, BytesEncoder())
        return ClustererStep(self.settings, log, None, FIXED_PARAMETERS)

    def write(self, messages: Sequence[Message]) -> None:
        with closing(open_log_url(self.settings.log)) as log, closing(log.writer("test")) as writer:
            before = writer.progress()
            writer.write(messages, Progress((before.position if before else 0) + 1))

    def report(self, *events: Event) -> None:
        """Let the clusterer take these in."""
        self.write([Message("news.article-vectors", event.edition.encode(), encode(event)) for event in events])
        with closing(open_log_url(self.settings.log)) as log:
            admin, deadline = log.admin(), threading.Event()
            for _ in range(300):
                if not admin.backlog("news.clusterer", ["news.article-vectors"]):
                    return
                deadline.wait(0.1)
        raise AssertionError("the clusterer does not take its input in")

    def run(self, *arguments: str) -> Result:
        environment = {
            "NEWSLOOM_LOG": self.settings.log,
            "NEWSLOOM_TOPIC_PREFIX": None,
            "LOGNAME": "jane",
        }
        return CliRunner(env=environment).invoke(cli, arguments)

    def stories(self) -> dict[str, Story]:
        with closing(open_log_url(self.settings.log)) as log:
            return Newsloom(log).stories()

    def updates(self) -> list[StoryUpdate]:
        with closing(open_log_url(self.settings.log)) as log:
            return list(Newsloom(log).updates(start="earliest", idle_s=0))

    def home(self, number: int) -> str:
        with closing(open_log_url(self.settings.log)) as log:
            return Newsloom(log).memberships()["main", f"a{number}"].story_id

    def commands(self) -> int:
        with closing(open_log_url(self.settings.log)) as log:
            return sum(1 for _ in read_topic(log, "news.story-commands"))


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Newsroom]:
    """Topics, and nobody at work."""
    with capture_logs():
        newsroom = Newsroom(tmp_path)
        yield newsroom
        newsroom.stop()


@pytest.fixture
def newsroom(idle: Newsroom) -> Newsroom:
    """Three articles of one subject, two of another, one that is alone."""
    idle.start()
    idle.report(
        *(article(number, subject=1, hour=number / 10) for number in range(3)),
        *(article(number, subject=2, hour=number / 10) for number in range(3, 5)),
        article(5, subject=3, hour=0.5),
    )
    return idle


def test_a_merge(newsroom: Newsroom) -> None:
    larger, smaller = newsroom.home(0), newsroom.home(3)
    done = newsroom.run("stories", "merge", smaller, larger, "--why", WHY)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"story {smaller} points to {larger}",
        f"story {larger} has 5 articles now, 3 before",
    ]
    absorbed, survivor = newsroom.updates()[-2:]
    for update in (absorbed, survivor):
        assert (update.kind, update.cause) == (UpdateKind.MERGED, Cause.COMMAND)
        assert update.command is not None
        assert (update.command.kind, update.command.by, update.command.why) == (CommandKind.MERGE, "jane", WHY)
    assert newsroom.stories()[smaller].merged_into == larger
    assert "merge by jane" in newsroom.run("watch", "--from-start", "--until-idle", "0").stdout.splitlines()[-1]
    assert absorbed.command is not None
    assert f"merge by jane, {absorbed.command.issued_at:%Y-%m-%d %H:%M}Z: {WHY}" in newsroom.run("explain", "a3").stdout


def test_a_split(newsroom: Newsroom) -> None:
    old = newsroom.home(0)
    done = newsroom.run("stories", "split", old[:8], "--why", "another court", "--by", "Ann", "--", "a1", "a1")
    assert (done.exit_code, done.stderr) == (0, "")
    new = newsroom.home(1)
    assert new != old
    assert sorted(done.stdout.splitlines()) == sorted(
        [f"story {old} has 2 articles now, 3 before", f"story {new} is new: 1 article split off from {old}"]
    )
    halves = newsroom.stories()
    assert (halves[new].split_from, halves[old].split_into) == (old, (new,))
    assert (halves[new].kept_apart, halves[old].kept_apart) == ((old,), (new,))
    assert [(entry.kind, entry.cause) for entry in halves[new].history] == [(UpdateKind.CREATED, Cause.COMMAND)]
    shown = newsroom.run("stories", old).stdout
    assert "(split: command)" in shown
    assert "\nSplit into\n" in shown
    assert "A command keeps it here: split by Ann" in newsroom.run("explain", "a1").stdout


def test_a_move(newsroom: Newsroom) -> None:
    source, target = newsroom.home(0), newsroom.home(3)
    done = newsroom.run("stories", "move", "a0", target, "--why", WHY)
    assert sorted(done.stdout.splitlines()) == sorted(
        [f"story {source} has 2 articles now, 3 before", f"story {target} has 3 articles now, 2 before"]
    )
    assert newsroom.home(0) == target


def test_the_last_article_takes_its_story_along(newsroom: Newsroom) -> None:
    source, target = newsroom.home(5), newsroom.home(3)
    done = newsroom.run("stories", "move", "a5", target, "--why", WHY)
    assert f"story {source} points to {target}" in done.stdout.splitlines()
    assert newsroom.stories()[source].state is StoryState.MERGED


def test_a_pin_on_and_off(newsroom: Newsroom) -> None:
    story_id = newsroom.home(0)
    assert newsroom.run("stories", "pin", story_id, "--why", WHY).stdout == f"story {story_id} is pinned\n"
    assert "pin by jane" in newsroom.run("stories", story_id).stdout
    assert "is pinned already, by jane" in newsroom.run("stories", "pin", story_id, "--why", WHY).stderr
    done = newsroom.run("stories", "pin", story_id, "--off", "--why", WHY)
    assert done.stdout == f"story {story_id} is no longer pinned\n"
    assert "is not pinned" in newsroom.run("stories", "pin", story_id, "--off", "--why", WHY).stderr


def test_mistakes_are_answered_at_once(newsroom: Newsroom) -> None:
    newsroom.report(article(7, subject=4, hour=0.5))
    one, other = newsroom.home(0), newsroom.home(3)
    for arguments, said in (
        (("merge", one, one), f"story {one} cannot be merged with itself"),
        (("merge", one, "st-zz"), "there is no story 'st-zz'"),
        (("split", one, "a0", "a3"), f"article 'a3' is in story {other}, not in {one}"),
        (("split", one, "a0", "a1", "a2"), f"story {one} has no other articles: a split must leave at least one"),
        (("move", "a0", one), f"article 'a0' is in story {one} already"),
        (("move", "a99", one), "there is no article 'a99' in edition 'main'"),
    ):
        done = newsroom.run("stories", *arguments, "--why", WHY)
        assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"Error: {said}{_more(said)}\n")
    assert newsroom.run("stories", "pin", one).exit_code == 2
    for option, given in (("--why", ["--why", "  "]), ("--by", ["--why", WHY, "--by", ""])):
        blank = newsroom.run("stories", "pin", one, *given)
        assert (blank.exit_code, f"Invalid value for '{option}': must not be blank" in blank.stderr) == (2, True)
    assert newsroom.commands() == 0


def _more(said: str) -> str:
    return ": `newsloom stories --all` lists them" if "'st-zz'" in said else ""


def test_closed_and_merged_stories_are_answered_at_once(newsroom: Newsroom) -> None:
    merged, into = newsroom.home(3), newsroom.home(0)
    newsroom.run("stories", "merge", merged, into, "--why", WHY)
    done = newsroom.run("stories", "pin", merged, "--why", WHY)
    assert done.stderr == f"Error: story {merged} was merged into story {into}: use that id\n"
    newsroom.report(*(article(number, subject=4, hour=3) for number in range(20, 28)))
    newsroom.run("stories", "merge", into, newsroom.home(20), "--why", WHY)
    last = newsroom.home(20)
    assert last != into
    done = newsroom.run("stories", "pin", merged, "--why", WHY)
    assert done.stderr == f"Error: story {merged} was merged into story {last}: use that id\n"
    newsroom.report(article(8, subject=5, hour=24 * 12))
    into = last
    done = newsroom.run("stories", "pin", into, "--why", WHY)
    assert done.stderr == f"Error: story {into} is closed: only open stories can be corrected\n"


def test_what_only_the_clusterer_knows_is_refused_with_its_reason(newsroom: Newsroom) -> None:
    done = newsroom.run("stories", "pin", _left_alone(newsroom), "--why", WHY)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "Error: rejected: there is no story 'st-a' in edition 'main'\n"


def test_nobody_at_work_is_said(idle: Newsroom) -> None:
    story_id = _left_alone(idle)
    done = idle.run("stories", "pin", story_id, "--why", WHY, "--wait", "0.3")
    assert done.exit_code == 75
    assert "not carried out within 0.3 s: are the services running?" in done.stderr
    assert idle.run("stories", "pin", story_id, "--why", WHY, "--no-wait").stdout.startswith("sent as cmd-")
    with closing(open_log_url(idle.settings.log)) as log:
        sent = [decode_command(record.value or b"") for record in read_topic(log, "news.story-commands")]
    assert [(command.by, command.why) for command in sent] == [("jane", WHY)] * 2
    assert len({command.command_id for command in sent}) == 2


def _left_alone(newsroom: Newsroom) -> str:
    """A story that no engine knows of."""
    known = Story(
        id="st-a", edition="main", state=StoryState.OPEN, title="t", title_article_id="a", version=1, article_count=1,
        report_count=1, outlet_count=0, outlets={}, leanings={}, first_published_at=NOW, last_published_at=NOW,
        updated_at=NOW, history=(), articles=(),
    )  # fmt: skip
    newsroom.write([Message("news.stories", b"st-a", encode(known), partition=0)])
    return known.id


NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_a_command_that_cannot_be_read_is_a_dead_letter_of_the_embedder(newsroom: Newsroom) -> None:
    good = PinStory(command_id="c-1", edition="main", by="jane", why=WHY, issued_at=NOW, story_id=newsroom.home(0))
    message = command_message(good, topic="news.story-commands")
    newsroom.write(
        [Message(message.topic, b"de", message.value, message.headers), Message(message.topic, b"main", b"{}")]
    )
    done = newsroom.run("stories", "pin", good.story_id, "--why", WHY)
    assert done.exit_code == 0
    with closing(open_log_url(newsroom.settings.log)) as log:
        reasons = sorted(record.header("dead-letter-reason") or "" for record in read_topic(log, "news.dead-letters"))
    assert reasons == [
        "Object missing required field `kind`",
        "the record's key is not the edition 'main' - at `$.edition`",
    ]
