"""Every process of a newsroom works with exactly the rights that `newsloom topics acls` prints."""

from __future__ import annotations

import os
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from newsloom.contracts.topics import STORY_UPDATES
from services.cli.commands.ingest import EXIT_REJECTED
from tests.kafka.acl_newsroom import AclNewsroom

pytestmark = pytest.mark.kafka


def test_services_ingest_and_operator_have_worked(newsroom: AclNewsroom) -> None:
    found = newsroom.stories()
    assert sorted(story["article_count"] for story in found.values()) == [3, 3, 3]
    assert sum("pinned" in story for story in found.values()) == 1


def test_a_reader_can_read(newsroom: AclNewsroom) -> None:
    assert "created" in newsroom.output_of("reader", "watch", "--from-start", "--until-idle", "0")
    assert "founded" in newsroom.output_of("reader", "explain", "a0")
    newsroom.output_of("reader", "audit")


def test_a_subscriber_reads_and_commits_its_offsets(newsroom: AclNewsroom) -> None:
    assert newsroom.read_updates()
    with closing(newsroom.open()) as log:
        assert log.admin().backlog(newsroom.subscriber, [newsroom.name(STORY_UPDATES)]) == 0


def test_the_state_is_verified(newsroom: AclNewsroom) -> None:
    assert "every invariant holds" in newsroom.output_of("verifier", "state", "verify")


@pytest.mark.slow
def test_the_topics_are_migrated(newsroom: AclNewsroom) -> None:
    newsroom.migrate(newsroom.with_prefix("new."))


def test_a_file_of_rejected_lines_needs_no_other_right(newsroom: AclNewsroom) -> None:
    # Kafka stores progress as an offset of a topic written to; without a message, it would need an internal topic.
    file = newsroom.folder / "rejected.jsonl"
    file.write_text("no JSON\n")
    result = newsroom.invoke("ingest", "ingest", str(file))
    assert result.exit_code == EXIT_REJECTED, result.output
    assert "1 rejected" in result.output


def test_no_output_contains_a_password(newsroom: AclNewsroom) -> None:
    outputs = [*newsroom.outputs, *(service.output_text() for service in newsroom.running)]
    assert any('"service.stopped"' in output for output in outputs)
    for password in newsroom.broker.passwords.values():
        assert not [output for output in outputs if password in output]


@pytest.mark.slow
def test_kafka_acls_accepts_the_printed_commands(newsroom: AclNewsroom, kafka_home: Path) -> None:
    (newsroom.folder / "admin.properties").write_text(newsroom.broker.tool_config)
    commands = newsroom.output_of("ingest", "topics", "acls", "ingest", "--principal", "User:CN=ingest")
    environ = {
        **os.environ,
        "PATH": f"{kafka_home / 'bin'}:{os.environ['PATH']}",
        "BOOTSTRAP": newsroom.broker.url.removeprefix("kafka://"),
        "CONFIG": str(newsroom.folder / "admin.properties"),
    }
    done = subprocess.run(
        ["sh", "-e"], input=commands, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert newsroom.broker.allowed("CN=ingest") == set(map(str, newsroom.rights("ingest")))
