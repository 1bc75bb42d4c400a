"""Digests and hashes are stored in the topics, so the literals below must never change."""

from __future__ import annotations

import json
from array import array

import pytest

from newsloom.contracts.codec import decode_article
from services.embedder.fingerprints import content_digest, shingle_hashes, term_hashes
from services.embedder.preparation import PreparedText

CONTENT = {
    "title": "Ferry sinks",
    "text": "Divers found the bell.",
    "published_at": "2031-05-03T10:00:00Z",
    "url": "https://harborledger.example/1",
    "outlet": "Harbor Ledger",
    "author": "Ada Quill",
    "language": "en",
    "leaning": "center",
}


def digest_of(content: dict[str, str]) -> str:
    return content_digest(decode_article(json.dumps({"id": "a", **content}).encode()))


def hashes(title: str, lead: str = "") -> list[int]:
    return list(array("I", shingle_hashes(PreparedText(title, lead, lead, 0))))


def test_the_smallest_hashes_of_a_long_text_are_kept() -> None:
    many = " ".join(f"w{number}" for number in range(5_000))
    more = f"{many} and some others"
    kept, counts = term_hashes(PreparedText("", many, many, 5_000))
    assert (len(kept), len(counts)) == (4 * 1_024, 1_024)
    found = set(array("I", kept)) & set(array("I", term_hashes(PreparedText("", more, more, 5_003))[0]))
    assert len(found) >= 1_021
    assert len(hashes("", many)) == 1_024
    assert hashes("", many) == sorted(hashes("", many))


def test_the_digest_is_the_same_in_every_version() -> None:
    assert digest_of(CONTENT) == "cd34ff647b7bd7c608e7f378182d17e9"


def test_the_digest_does_not_depend_on_how_the_json_was_written() -> None:
    shuffled = dict(reversed(CONTENT.items())) | {"section": "sea", "edition": "coast"}
    assert digest_of(shuffled) == digest_of(CONTENT)


@pytest.mark.parametrize("field", CONTENT)
def test_the_digest_depends_on_every_field_of_the_content(field: str) -> None:
    changed = {"published_at": "2031-05-04T10:00:00Z", "leaning": "left"}.get(field, "changed")
    assert digest_of(CONTENT | {field: changed}) != digest_of(CONTENT)


def test_the_digest_depends_on_the_borders_of_fields() -> None:
    assert digest_of({"title": "ab", "text": "c"}) != digest_of({"title": "a", "text": "bc"})
    assert digest_of({"title": "a", "text": "b", "outlet": ""}) != digest_of({"title": "a", "text": "b"})


def test_shingles_are_the_same_in_every_version() -> None:
    assert (
        shingle_hashes(PreparedText("Ferry sinks", "Divers found the bell.", "Divers found the bell.", 4)).hex()
        == "aba8ec0083376673fe9b20ced1dd28f1"
    )


def test_shingles_are_unique_and_ascending() -> None:
    found = hashes("a b c a b c a b c")
    assert len(found) == 3
    assert found == sorted(set(found))


def test_shingles_cross_the_border_of_title_and_lead() -> None:
    assert hashes("Ferry sinks", "bell found") == hashes("ferry SINKS; bell \u2014 found!")


@pytest.mark.parametrize(
    ("title", "count"), [("", 0), ("...", 0), ("one", 1), ("one two", 1), ("one two three", 1), ("a b c d", 2)]
)
def test_a_short_text_has_one_shingle(title: str, count: int) -> None:
    assert len(hashes(title)) == count


def test_terms_count_the_title_twice() -> None:
    text = PreparedText("Ferry sinks", "The ferry", "The ferry was late.", 4)
    hashes, counts = term_hashes(text)
    assert len(hashes) == 4 * len(counts) == 4 * len({"ferry", "sinks", "the", "was", "late"})
    assert sorted(counts) == [1, 1, 1, 2, 3]


def test_terms_are_unique_and_ascending_and_counts_fit_a_byte() -> None:
    hashes, counts = term_hashes(PreparedText("", "no", " ".join(["no"] * 400 + ["more"]), 401))
    found = [int.from_bytes(hashes[start : start + 4], "little") for start in range(0, len(hashes), 4)]
    assert found == sorted(set(found))
    assert sorted(counts) == [1, 255]


def test_terms_are_the_same_in_every_version() -> None:
    hashes, counts = term_hashes(PreparedText("Ferry sinks", "Divers", "Divers found the bell.", 4))
    assert hashes.hex() == "72a3ce131e40242090dd792c5d669596440c32a1723ee6a6"
    assert counts.hex() == "010102020101"
