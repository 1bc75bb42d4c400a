"""Whether what was read is one state: something may be written while it is read."""

from __future__ import annotations

import pytest

from newsloom.streaming.records import TopicPartition
from services.verifier.topic_contents import CommittedOffsets, TopicContents

VECTORS = TopicPartition("news.article-vectors", 0)
MEMBER = ("clusterer", VECTORS)
ENDS = {VECTORS: 6}


@pytest.fixture
def contents() -> TopicContents:
    """Offsets 0 to 2 and 4 are records; 3 and 5 are transaction markers."""
    contents = TopicContents({}, {VECTORS: 0}, ENDS, {MEMBER: 3}, set())
    contents.input_digests[VECTORS] = dict.fromkeys((0, 1, 2, 4), b"")
    return contents


@pytest.mark.parametrize(
    ("ends", "committed", "is_current"),
    [
        (ENDS, {MEMBER: 3}, True),
        (ENDS, {MEMBER: 4}, True),  # after a marker
        (ENDS, {MEMBER: 5}, False),  # a record was processed
        (ENDS, {MEMBER: 2}, False),
        (ENDS, {}, False),
        (ENDS, {MEMBER: 3, ("embedder", VECTORS): 0}, False),
        ({VECTORS: 7}, {MEMBER: 3}, False),
    ],
)
def test_it_is_current_unless_something_was_written_or_processed(
    contents: TopicContents, ends: dict[TopicPartition, int], committed: CommittedOffsets, is_current: bool
) -> None:
    assert contents.is_current(ends, committed) is is_current
