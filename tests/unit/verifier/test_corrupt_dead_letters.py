"""Dead letters that differ from what was rejected: each single corruption is reported by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from newsloom.contracts.codec import decode_vector
from newsloom.contracts.topics import DEAD_LETTERS
from newsloom.streaming.dead_letters import REASON
from newsloom.streaming.records import Record
from tests.unit.verifier.corruption import Corruption, check_reported, vectors_of_main
from tests.unit.verifier.log_file import LogFile


def _dead_letter(log_file: LogFile) -> Record:
    return next(record for record in log_file.records(DEAD_LETTERS) if record.value == b"{")


def _with_header(record: Record, name: str, value: bytes) -> Record:
    return replace(record, headers=tuple((key, value if key == name else old) for key, old in record.headers))


def dead_letter_without_a_reason(log_file: LogFile) -> str:
    letter = _dead_letter(log_file)
    log_file.alter(_with_header(letter, REASON, b""))
    return f"{letter.partition}/{letter.offset}"


def dead_letter_is_lost(log_file: LogFile) -> str:
    log_file.alter(replace(_dead_letter(log_file), headers=()))
    return "news.articles/0"


def dead_letter_is_altered(log_file: LogFile) -> str:
    letter = _dead_letter(log_file)
    log_file.alter(replace(letter, value=b"["))
    return f"{letter.partition}/{letter.offset}"


def dead_letter_is_duplicated(log_file: LogFile) -> str:
    letter = _dead_letter(log_file)
    log_file.append(letter)
    return f"{letter.partition}/{letter.offset + 1}"


def rejected_article_is_in_a_story(log_file: LogFile) -> str:
    letter, record = _dead_letter(log_file), vectors_of_main(log_file)[0]
    origin = {
        "dead-letter-topic": record.topic, "dead-letter-partition": str(record.partition),
        "dead-letter-offset": str(record.offset), "dead-letter-service": "clusterer",
    }  # fmt: skip
    headers = tuple((name, origin.get(name, value.decode()).encode()) for name, value in letter.headers)
    log_file.append(replace(letter, key=record.key, value=record.value, headers=headers))
    event = decode_vector(record.value or b"")
    return getattr(event, "article_id", "")


CORRUPTIONS = [
    (dead_letter_without_a_reason, "dead_letters"),
    (dead_letter_is_lost, "passed_on"),
    (dead_letter_is_altered, "dead_letters"),
    (dead_letter_is_duplicated, "dead_letters"),
    (rejected_article_is_in_a_story, "articles"),
]


@pytest.mark.parametrize(("corruption", "invariant"), CORRUPTIONS)
def test_a_corruption_is_reported_by_name(log_file: LogFile, corruption: Corruption, invariant: str) -> None:
    check_reported(log_file, corruption, invariant)
