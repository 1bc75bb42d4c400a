"""Dead letters that are not what was rejected.

Each single corruption of the topics is noticed, and its culprit named.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from newsloom.contracts.codec import decode_vector
from newsloom.contracts.topics import DEAD_LETTERS
from newsloom.streaming.dead_letters import REASON
from newsloom.streaming.records import Record
from tests.unit.verifier.corruption import Corruption, check_noticed, vectors_of_main
from tests.unit.verifier.desk import Desk


def _letter(desk: Desk) -> Record:
    return next(record for record in desk.records(DEAD_LETTERS) if record.value == b"{")


def _with_header(record: Record, name: str, value: bytes) -> Record:
    return replace(record, headers=tuple((key, value if key == name else old) for key, old in record.headers))


def letter_gives_no_reason(desk: Desk) -> str:
    letter = _letter(desk)
    desk.alter(_with_header(letter, REASON, b""))
    return f"{letter.partition}/{letter.offset}"


def letter_is_lost(desk: Desk) -> str:
    desk.alter(replace(_letter(desk), headers=()))
    return "news.articles/0"


def letter_is_altered(desk: Desk) -> str:
    letter = _letter(desk)
    desk.alter(replace(letter, value=b"["))
    return f"{letter.partition}/{letter.offset}"


def letter_is_repeated(desk: Desk) -> str:
    letter = _letter(desk)
    desk.append(letter)
    return f"{letter.partition}/{letter.offset + 1}"


def rejected_article_is_in_a_story(desk: Desk) -> str:
    letter, record = _letter(desk), vectors_of_main(desk)[0]
    origin = {
        "dead-letter-topic": record.topic, "dead-letter-partition": str(record.partition),
        "dead-letter-offset": str(record.offset), "dead-letter-service": "clusterer",
    }  # fmt: skip
    headers = tuple((name, origin.get(name, value.decode()).encode()) for name, value in letter.headers)
    desk.append(replace(letter, key=record.key, value=record.value, headers=headers))
    event = decode_vector(record.value or b"")
    return getattr(event, "article_id", "")


CORRUPTIONS = [
    (letter_gives_no_reason, "dead_letters"),
    (letter_is_lost, "passed_on"),
    (letter_is_altered, "dead_letters"),
    (letter_is_repeated, "dead_letters"),
    (rejected_article_is_in_a_story, "articles"),
]


@pytest.mark.parametrize(("corruption", "invariant"), CORRUPTIONS)
def test_a_corruption_is_noticed_and_its_culprit_named(desk: Desk, corruption: Corruption, invariant: str) -> None:
    check_noticed(desk, corruption, invariant)
