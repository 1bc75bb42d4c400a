from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evaluation.streams.files import StreamRequest, read_requested, read_stream, read_streams
from evaluation.streams.stream import without_dates
from newsloom.contracts.article import Leaning
from newsloom.streaming.errors import ConfigurationError
from tests.unit.evaluation.invented_stream import row, rows_of_three_stories, write_stream


def test_labels_and_other_fields_do_not_reach_the_article(tmp_path: Path) -> None:
    gold = {"story_title": "Flood at Arnmouth", "topic": "floods", "outlet": "not the schema's field here"}
    seen = {"source": "Arn Herald", "lang": "en", "leaning": "left", "url": "https://arnherald.example/1"}
    [labelled] = read_stream(write_stream(tmp_path, "one", [{**row(1, "flood"), **seen, **gold}])).articles
    article = labelled.article
    assert (article.outlet, article.language, article.leaning, article.url) == (
        "Arn Herald", "en", Leaning.LEFT, "https://arnherald.example/1",
    )  # fmt: skip
    assert (labelled.story, labelled.published_at) == ("flood", datetime(2024, 3, 1, tzinfo=UTC))
    assert "Flood at" not in repr(article)


def test_articles_are_sorted_by_date_then_line_and_undated_ones_come_last(tmp_path: Path) -> None:
    rows = [row(1, "flood", 5), row(2, "flood", None), row(3, "flood", 4), row(4, "comet", 5), row(5, "comet", None)]
    rows[2]["published_at"] = "2024-03-05T01:00:00+02:00"
    stream = read_stream(write_stream(tmp_path, "dates", rows))
    assert [one.article.id for one in stream.articles] == ["a3", "a1", "a4", "a2", "a5"]
    assert {one.published_at for one in stream.articles[-2:]} == {datetime(2024, 3, 6, tzinfo=UTC)}
    assert all(one.article.published_at == one.published_at for one in stream.articles)


def test_without_dates_all_articles_have_one_date_and_keep_their_order(tmp_path: Path) -> None:
    stream = read_stream(write_stream(tmp_path, "three", rows_of_three_stories()))
    undated = without_dates(stream)
    assert len({one.published_at for one in undated.articles}) == 1
    assert [one.article.id for one in undated.articles] == [one.article.id for one in stream.articles]
    assert (stream.in_macro, undated.in_macro, undated.name) == (True, False, "three-undated")


def test_special_rules_of_the_known_streams(tmp_path: Path) -> None:
    write_stream(tmp_path, "basil", [row(1, "flood")])
    digest = {**row(2, "flood"), "story": "wn-on-the-campaign-trail-october-2012"}
    write_stream(tmp_path, "wikinews_events", [row(1, "flood"), digest])
    packed = tmp_path / "ecbplus.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps(row(1, "flood")).encode()))
    streams = {stream.name: stream for stream in read_streams(tmp_path)}
    assert list(streams) == ["ecbplus", "wikinews_events", "ecbplus-undated"]
    assert [one.article.id for one in streams["wikinews_events"].articles] == ["a1"]
    assert [stream.name for stream in read_streams(tmp_path, ["basil"], ["basil"])] == ["basil", "basil-undated"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([{"id": "a1", "title": "No label"}], r"line 1: .*`story`"),
        ([row(1, "flood"), row(1, "comet")], r"line 2: an earlier line has the id 'a1'"),
        ([{**row(1, "flood"), "published_at": "last week"}], r"line 1: 'last week' is not an ISO 8601 date"),
        (
            [{**row(1, "flood"), "published_at": "9999-12-31"}],
            r"line 1: '9999-12-31' is not between the years 1900 and 2200 .*published",
        ),
        (
            [{**row(1, "flood"), "published_at": "0001-01-01T00:00:00+02:00"}],
            r"line 1: .* is not between the years 1900 and 2200",
        ),
        ([{**row(1, "flood"), "leaning": "up"}], r"line 1: .*`\$.leaning`"),
        ([row(1, None)], "nothing to score"),
    ],
)
def test_an_invalid_line_is_named(tmp_path: Path, lines: list[dict[str, object]], message: str) -> None:
    file = write_stream(tmp_path, "bad", lines)
    with pytest.raises(ConfigurationError, match=message):
        read_stream(file)


@pytest.mark.parametrize("content", [gzip.compress(json.dumps(row(1, "flood")).encode())[:-9], b"no gzip", None])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "bad.jsonl.gz"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"bad\.jsonl\.gz cannot be read: "):
        read_stream(file)


def test_an_unknown_stream_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no stream there"):
        read_streams(tmp_path)
    write_stream(tmp_path, "here", [row(1, "flood")])
    with pytest.raises(ConfigurationError, match=r"'there' is not a stream in .*; there are here"):
        read_streams(tmp_path, ["there"])


def test_each_language_is_a_stream_of_its_own_and_only_the_first_articles_are_taken(tmp_path: Path) -> None:
    rows = [row(number, "flood" if number % 2 else "comet", 1 + number) for number in range(6)]
    for number, one in enumerate(rows):
        one["lang"] = "es" if number % 3 else "de"
    write_stream(tmp_path, "both", rows)
    request = StreamRequest(tmp_path, tmp_path, ("both",), edition_from_language=True, first=3)
    streams = read_requested(request, request.sets)
    assert {stream.name: [one.article.id for one in stream.articles] for stream in streams} == {
        "both-de": ["a0", "a3"],
        "both-es": ["a1", "a2", "a4"],
    }


def test_editions_by_language_need_a_language(tmp_path: Path) -> None:
    write_stream(tmp_path, "none", [{**row(1, "flood", 1), "lang": None}])
    with pytest.raises(ConfigurationError, match="no article of these streams has a `lang`"):
        read_requested(StreamRequest(tmp_path, tmp_path, edition_from_language=True), ())


def test_files_that_hold_no_articles_are_read_only_by_name(tmp_path: Path) -> None:
    write_stream(tmp_path, "flood", [row(1, "flood")])
    write_stream(tmp_path, "flood_summaries", [{"story": "flood", "summary": "A flood."}])
    assert [stream.name for stream in read_streams(tmp_path)] == ["flood"]
    with pytest.raises(ConfigurationError, match=r"flood_summaries.*line 1: .*`id`"):
        read_streams(tmp_path, ["flood_summaries"])
