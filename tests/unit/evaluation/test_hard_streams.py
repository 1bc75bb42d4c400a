from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from evaluation.hard_streams.arrival import PAGE, UNDATED_DELAY, ArrivalRates, arrive
from evaluation.hard_streams.language import LANGUAGES, load_language
from evaluation.hard_streams.mixing import mix_into
from evaluation.hard_streams.names import parse_hard_stream
from evaluation.hard_streams.scenes import Kind
from evaluation.hard_streams.stream import ARTICLES, SHARES, HardStreamRequest, generate_hard_stream
from evaluation.streams.event_stream import read_macro_streams
from evaluation.streams.files import StreamRequest
from evaluation.streams.stream import LabelledArticle, Stream
from newsloom.contracts.article import Article
from newsloom.streaming.errors import ConfigurationError
from tests.unit.evaluation.invented_stream import rows_of_three_stories, write_stream

# ruff: noqa: S311 - no secrets

NOW = datetime(2024, 5, 6, tzinfo=UTC)
HARD = generate_hard_stream(HardStreamRequest(seed=1))
ARTICLE = {one.article.id: one.article for one in HARD.stream.articles}


def plain_articles(count: int) -> list[LabelledArticle]:
    times = [NOW + timedelta(hours=number) for number in range(count)]
    return [
        LabelledArticle(Article(id=f"a{number}", title="t", text="", published_at=at), at, f"s{number % 7}")
        for number, at in enumerate(times)
    ]


def test_a_seed_gives_the_same_stream_and_another_seed_another_one() -> None:
    assert generate_hard_stream(HardStreamRequest(seed=1)) == HARD
    other = generate_hard_stream(HardStreamRequest(seed=2))
    texts = {one.article.text for one in HARD.stream.articles} & {one.article.text for one in other.stream.articles}
    assert len(texts) < 0.05 * ARTICLES


def test_each_article_has_one_label_and_is_in_the_gold_story_of_its_event() -> None:
    assert len(ARTICLE) == len(HARD.stream.articles)
    assert ARTICLE.keys() == HARD.labels.keys()
    assert HARD.stream.gold().by_article() == {article: label.event for article, label in HARD.labels.items()}


def test_kinds_and_languages_have_about_their_shares() -> None:
    kinds = Counter(label.kind for label in HARD.labels.values())
    for kind, share in SHARES.items():
        assert kinds[kind] == pytest.approx(share * ARTICLES, abs=40)
    languages = Counter(label.language for label in HARD.labels.values())
    assert languages.keys() == LANGUAGES.keys()
    assert min(languages.values()) > 0.07 * ARTICLES


def test_a_true_copy_has_the_text_of_its_original() -> None:
    copies = [(article, label) for article, label in HARD.labels.items() if label.original is not None]
    assert {label.kind for _, label in copies} == {Kind.WIRE, Kind.FLASHES}
    for article, label in copies:
        original = str(label.original)
        assert HARD.labels[original].event == label.event
        assert ARTICLE[article].text.startswith(ARTICLE[original].text)
        if label.kind is Kind.FLASHES:
            assert (ARTICLE[article].title, ARTICLE[article].text) == (ARTICLE[original].title, "")


def test_no_two_events_have_the_same_article() -> None:
    events: dict[tuple[str, str], set[str]] = {}
    for article, label in HARD.labels.items():
        if label.kind is not Kind.WALLS:
            events.setdefault((ARTICLE[article].title, ARTICLE[article].text), set()).add(label.event)
    assert max(map(len, events.values())) == 1


def test_a_template_is_told_of_different_companies() -> None:
    titles = Counter(ARTICLE[article].title for article, label in HARD.labels.items() if label.kind is Kind.TEMPLATES)
    assert titles.most_common(1)[0][1] <= 2


def test_each_language_fills_all_facts_and_has_names_enough() -> None:
    for code in LANGUAGES:
        language = load_language(code)
        assert len(language.weekdays) == 7
        assert len(language.names["place"][0]) * len(language.names["place"][1]) >= 60
    assert not [one for one in ARTICLE.values() if "{" in one.title + one.text]


def test_one_kind_alone_is_the_same_articles_as_among_the_others() -> None:
    alone = generate_hard_stream(parse_hard_stream("hard-1-templates"))
    assert alone.stream.name == "hard-1-templates"
    assert alone.labels == {id_: label for id_, label in HARD.labels.items() if label.kind is Kind.TEMPLATES}


def test_programs_take_hard_streams_beside_labelled_ones(tmp_path: Path) -> None:
    write_stream(tmp_path, "good", rows_of_three_stories())
    both = read_macro_streams(StreamRequest(tmp_path, tmp_path, ("hard-1-silence", "good")))
    assert [stream.name for stream in both] == ["good", "hard-1-silence"]
    assert [stream.name for stream in read_macro_streams(StreamRequest(tmp_path, tmp_path, ("hard-1-silence",)))] == [
        "hard-1-silence"
    ]
    assert [stream.name for stream in read_macro_streams(StreamRequest(tmp_path, tmp_path))] == ["good"]


@pytest.mark.parametrize("name", ["hard-", "hard-x", "hard-1-", "hard-1-sagas"])
def test_a_wrong_name_is_answered_with_the_kinds(name: str) -> None:
    with pytest.raises(ConfigurationError, match="look-alikes, templates, recurring"):
        parse_hard_stream(name)


def test_without_disorder_all_articles_come_by_publication_with_their_dates() -> None:
    articles = plain_articles(500)
    assert list(arrive(articles, ArrivalRates(disordered=0.0, undated=0.0), Random(1))) == articles


def test_pages_come_out_of_order_at_the_given_rate() -> None:
    articles = plain_articles(400 * PAGE)
    arrived = list(arrive(articles, ArrivalRates(disordered=0.25, undated=0.0), Random(1)))
    pages = range(0, len(articles), PAGE)
    changed = [start for start in pages if arrived[start : start + PAGE] != articles[start : start + PAGE]]
    assert len(changed) / len(pages) == pytest.approx(0.25, abs=0.05)
    newest_first = [s for s in changed if arrived[s : s + PAGE] == articles[s : s + PAGE][::-1]]
    assert 0 < len(newest_first) < len(changed)
    for start in pages:
        assert set(map(id, arrived[start : start + PAGE])) == set(map(id, articles[start : start + PAGE]))


def test_articles_come_without_dates_at_the_given_rate() -> None:
    articles = plain_articles(5_000)
    arrived = list(arrive(articles, ArrivalRates(disordered=0.0, undated=0.1), Random(1)))
    undated = [
        (before, after) for before, after in zip(articles, arrived, strict=True) if after.article.published_at is None
    ]
    assert len(undated) == pytest.approx(500, abs=60)
    for before, after in undated:
        assert before.published_at <= after.published_at <= before.published_at + UNDATED_DELAY


def test_scenes_are_mixed_in_by_share_and_are_not_gold() -> None:
    stream = Stream("plain", tuple(plain_articles(1_000)))
    mixed = mix_into(stream, HardStreamRequest(seed=1), share=0.3)
    assert mixed == mix_into(stream, HardStreamRequest(seed=1), share=0.3)
    assert mixed.stream.name == "plain+hard-1"
    assert 300 <= len(mixed.labels) < 340
    assert len(mixed.stream.articles) == 1_000 + len(mixed.labels)
    assert mixed.stream.gold() == stream.gold()
    times = [one.published_at for one in mixed.stream.articles]
    assert times == sorted(times)


def test_mixed_articles_move_by_whole_weeks_so_that_their_weekdays_stay_right() -> None:
    mixed = mix_into(Stream("plain", tuple(plain_articles(1_000))), HardStreamRequest(seed=1), share=0.5)
    moved = [one.article for one in mixed.stream.articles if one.article.id in mixed.labels]
    distances = [
        after.published_at - before.published_at
        for after in moved
        if after.published_at and (before := ARTICLE[after.id]).published_at
    ]
    assert len(distances) > 450
    assert {distance % timedelta(days=7) for distance in distances} == {timedelta()}
