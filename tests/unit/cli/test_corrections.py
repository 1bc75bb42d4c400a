"""`newsloom stories merge | split | move | pin`, with both services running on the same log."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

from newsloom.command_client import command_message
from newsloom.contracts.codec import decode_command, encode
from newsloom.contracts.command import CommandKind, PinStory
from newsloom.contracts.story import Cause, Story, StoryState, UpdateKind
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message
from newsloom.streaming.scan import read_topic
from tests.laws.streams import article
from tests.unit.cli.running_services import RunningServices

WHY = "one and the same"


def test_a_merge(services: RunningServices) -> None:
    larger, smaller = services.story_id_of(0), services.story_id_of(3)
    done = services.run("stories", "merge", smaller, larger, "--why", WHY)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"story {smaller} points to {larger}",
        f"story {larger} has 5 articles now, 3 before",
    ]
    absorbed, survivor = services.updates()[-2:]
    for update in (absorbed, survivor):
        assert (update.kind, update.cause) == (UpdateKind.MERGED, Cause.COMMAND)
        assert update.command is not None
        assert (update.command.kind, update.command.by, update.command.why) == (CommandKind.MERGE, "jane", WHY)
    assert services.stories()[smaller].merged_into == larger
    assert "merge by jane" in services.run("watch", "--from-start", "--until-idle", "0").stdout.splitlines()[-1]
    assert absorbed.command is not None
    assert f"merge by jane, {absorbed.command.issued_at:%Y-%m-%d %H:%M}Z: {WHY}" in services.run("explain", "a3").stdout


def test_a_split(services: RunningServices) -> None:
    old = services.story_id_of(0)
    done = services.run("stories", "split", old[:8], "--why", "another court", "--by", "Ann", "--", "a1", "a1")
    assert (done.exit_code, done.stderr) == (0, "")
    new = services.story_id_of(1)
    assert new != old
    assert sorted(done.stdout.splitlines()) == sorted(
        [f"story {old} has 2 articles now, 3 before", f"story {new} is new: 1 article split off from {old}"]
    )
    halves = services.stories()
    assert (halves[new].split_from, halves[old].split_into) == (old, (new,))
    assert (halves[new].kept_apart, halves[old].kept_apart) == ((old,), (new,))
    assert [(entry.kind, entry.cause) for entry in halves[new].history] == [(UpdateKind.CREATED, Cause.COMMAND)]
    shown = services.run("stories", old).stdout
    assert "(split: command)" in shown
    assert "\nSplit into\n" in shown
    assert "A command keeps it here: split by Ann" in services.run("explain", "a1").stdout


def test_a_move(services: RunningServices) -> None:
    source, target = services.story_id_of(0), services.story_id_of(3)
    done = services.run("stories", "move", "a0", target, "--why", WHY)
    assert sorted(done.stdout.splitlines()) == sorted(
        [f"story {source} has 2 articles now, 3 before", f"story {target} has 3 articles now, 2 before"]
    )
    assert services.story_id_of(0) == target


def test_moving_the_last_article_merges_the_stories(services: RunningServices) -> None:
    source, target = services.story_id_of(5), services.story_id_of(3)
    done = services.run("stories", "move", "a5", target, "--why", WHY)
    assert f"story {source} points to {target}" in done.stdout.splitlines()
    assert services.stories()[source].state is StoryState.MERGED


def test_a_story_is_pinned_and_unpinned(services: RunningServices) -> None:
    story_id = services.story_id_of(0)
    assert services.run("stories", "pin", story_id, "--why", WHY).stdout == f"story {story_id} is pinned\n"
    assert "pin by jane" in services.run("stories", story_id).stdout
    assert "is pinned already, by jane" in services.run("stories", "pin", story_id, "--why", WHY).stderr
    done = services.run("stories", "pin", story_id, "--off", "--why", WHY)
    assert done.stdout == f"story {story_id} is no longer pinned\n"
    assert "is not pinned" in services.run("stories", "pin", story_id, "--off", "--why", WHY).stderr


def test_mistakes_are_reported_without_sending_a_command(services: RunningServices) -> None:
    services.process(article(7, subject=4, hour=0.5))
    one, other = services.story_id_of(0), services.story_id_of(3)
    for arguments, message in (
        (("merge", one, one), f"story {one} cannot be merged with itself"),
        (("merge", one, "st-zz"), "there is no story 'st-zz'"),
        (("split", one, "a0", "a3"), f"article 'a3' is in story {other}, not in {one}"),
        (("split", one, "a0", "a1", "a2"), f"story {one} has no other articles: a split must leave at least one"),
        (("move", "a0", one), f"article 'a0' is in story {one} already"),
        (("move", "a99", one), "there is no article 'a99' in edition 'main'"),
    ):
        done = services.run("stories", *arguments, "--why", WHY)
        assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"Error: {message}{_hint(message)}\n")
    assert services.run("stories", "pin", one).exit_code == 2
    for option, options in (("--why", ["--why", "  "]), ("--by", ["--why", WHY, "--by", ""])):
        blank = services.run("stories", "pin", one, *options)
        assert (blank.exit_code, f"Invalid value for '{option}': must not be blank" in blank.stderr) == (2, True)
    assert services.count_commands() == 0


def _hint(message: str) -> str:
    return ": `newsloom stories --all` lists them" if "'st-zz'" in message else ""


def test_closed_and_merged_stories_cannot_be_corrected(services: RunningServices) -> None:
    merged, into = services.story_id_of(3), services.story_id_of(0)
    services.run("stories", "merge", merged, into, "--why", WHY)
    done = services.run("stories", "pin", merged, "--why", WHY)
    assert done.stderr == f"Error: story {merged} was merged into story {into}: use that id\n"
    services.process(*(article(number, subject=4, hour=3) for number in range(20, 28)))
    services.run("stories", "merge", into, services.story_id_of(20), "--why", WHY)
    last = services.story_id_of(20)
    assert last != into
    done = services.run("stories", "pin", merged, "--why", WHY)
    assert done.stderr == f"Error: story {merged} was merged into story {last}: use that id\n"
    # Three: a single article moves the edition's time by a day at most.
    services.process(*(article(number, subject=5, hour=24 * 12) for number in range(30, 33)))
    into = last
    done = services.run("stories", "pin", into, "--why", WHY)
    assert done.stderr == f"Error: story {into} is closed: only open stories can be corrected\n"


def test_the_clusterers_rejection_is_reported_with_its_reason(services: RunningServices) -> None:
    done = services.run("stories", "pin", _write_unknown_story(services), "--why", WHY)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "Error: rejected: there is no story 'st-a' in edition 'main'\n"


def test_a_command_that_no_service_processes_is_reported(stopped_services: RunningServices) -> None:
    story_id = _write_unknown_story(stopped_services)
    done = stopped_services.run("stories", "pin", story_id, "--why", WHY, "--wait", "0.3")
    assert done.exit_code == 75
    assert "not carried out within 0.3 s: are the services running?" in done.stderr
    assert stopped_services.run("stories", "pin", story_id, "--why", WHY, "--no-wait").stdout.startswith("sent as cmd-")
    with closing(open_log_url(stopped_services.settings.log)) as log:
        sent = [decode_command(record.value or b"") for record in read_topic(log, "news.story-commands")]
    assert [(command.by, command.why) for command in sent] == [("jane", WHY)] * 2
    assert len({command.command_id for command in sent}) == 2


def _write_unknown_story(services: RunningServices) -> str:
    """Write a story that no clusterer has in its state, and return its id."""
    story = Story(
        id="st-a", edition="main", state=StoryState.OPEN, title="t", title_article_id="a", version=1, article_count=1,
        report_count=1, outlet_count=0, outlets={}, leanings={}, first_published_at=NOW, last_published_at=NOW,
        updated_at=NOW, history=(), articles=(),
    )  # fmt: skip
    services.write([Message("news.stories", b"st-a", encode(story), partition=0)])
    return story.id


NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_an_unreadable_command_becomes_a_dead_letter(services: RunningServices) -> None:
    good = PinStory(
        command_id="c-1", edition="main", by="jane", why=WHY, issued_at=NOW, story_id=services.story_id_of(0)
    )
    message = command_message(good, topic="news.story-commands")
    services.write(
        [Message(message.topic, b"de", message.value, message.headers), Message(message.topic, b"main", b"{}")]
    )
    done = services.run("stories", "pin", good.story_id, "--why", WHY)
    assert done.exit_code == 0
    with closing(open_log_url(services.settings.log)) as log:
        reasons = sorted(record.header("dead-letter-reason") or "" for record in read_topic(log, "news.dead-letters"))
    assert reasons == [
        "Object missing required field `kind`",
        "the record's key is not the edition 'main' - at `$.edition`",
    ]
