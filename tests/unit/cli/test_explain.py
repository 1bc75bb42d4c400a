from __future__ import annotations

from typing import Any

import msgspec
import pytest
from rich.text import Text

from newsloom.contracts.codec import decode_state, encode
from newsloom.contracts.command import CommandKind, CommandRef
from newsloom.contracts.membership import Candidate, Decision, Membership, MergeDecision, Verdict
from newsloom.contracts.story import StoryState
from tests.unit.cli.harness import HOSTILE, HOSTILE_SHOWN, NINE, CliHarness, story, story_message
from tests.unit.cli.rendering import member_message, render_article, render_story

A, AB, B, C = "st-aaaaaaaaaaaaaaaa", "st-aabaaaaaaaaaaaaa", "st-bbbbbbbbbbbbbbbb", "st-cccccccccccccccc"
GONE = "st-gggggggggggggggg"


def candidate(story_id: str, score: float) -> Candidate:
    return Candidate(
        story_id=story_id, score=score, centroid=0.6, mean=0.5, title=0.125, lead=0.25, terms=0.125, time=0.875
    )


def decided(verdict: Verdict, *candidates: Candidate) -> Decision:
    return Decision(
        verdict=verdict,
        bar=0.33,
        background_mean=0.121,
        background_std=0.034,
        background_count=max(0, len(candidates) - 1),
        candidates=candidates,
    )


FOUNDED = decided(Verdict.FOUNDED, candidate(C, 0.21))
JOINED = decided(Verdict.JOINED, candidate(A, 0.48), candidate(GONE, 0.12))
COPIED = Decision(verdict=Verdict.COPIED, bar=0.5, jaccard=0.8333, fit=0.7125)
MERGE = MergeDecision(from_story_id=B, affinity=0.412, bar=0.378)


def member(article_id: str, sequence: int, decision: Decision, **changed: Any) -> Membership:
    fields: dict[str, Any] = {
        "article_id": article_id,
        "edition": "main",
        "story_id": A,
        "sequence": sequence,
        "title": f"Title of {article_id}",
        "published_at": NINE,
        "digest": f"{sequence}",
        "words": 22,
        "shingles": b"",
        "title_vector": b"\0\x40",
        "lead_vector": b"\0\x40",
        "terms": b"",
        "term_weights": b"",
        "decision": decision,
        "outlet": "Morning Wire",
    }
    return Membership(**(fields | changed))


# AB went into B, and B into A; a-4 and a-5 were in AB.
STORIES = [
    story(A, 6, merged_from=(B,), related=(C,)),
    story(B, 3, state=StoryState.MERGED, merged_into=A, merged_from=(AB,), articles=()),
    story(AB, 2, state=StoryState.MERGED, merged_into=B, articles=()),
    story(C, 1),
]
MEMBERS = [
    member("a-1", 1, FOUNDED, title=HOSTILE),
    member("a-2", 2, JOINED),
    member("a-3", 3, COPIED, copy_of="a-1", outlet=None),
    member("a-4", 4, Decision(verdict=Verdict.FOUNDED), merge=MERGE),
    member("a-5", 5, decided(Verdict.JOINED, candidate(AB, 0.39)), merge=MERGE),
    member("a-6", 6, decided(Verdict.KEPT, candidate(C, 0.41), candidate(A, 0.4))),
    member("c-1", 7, msgspec.structs.replace(COPIED, fit=None), story_id=C),
]


@pytest.fixture
def filled(harness: CliHarness) -> CliHarness:
    harness.write([*map(story_message, STORIES), *map(member_message, MEMBERS)])
    return harness


def test_an_article_in_full(filled: CliHarness) -> None:
    result = filled.run("explain", "a-2")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "Title of a-2",
        "a-2, edition main, sequence 2, Morning Wire, published 2025-04-18 09:12Z",
        f"In {A}  Title of {A}",
        "",
        f"It joined {A} with a score of 0.480; the bar was 0.330.",
        "",
        "Candidates, best first",
        "score  centroid   mean  title   lead  terms   time  id                   story",
        f"0.480     0.600  0.500  0.125  0.250  0.125  0.875  {A}  Title of {A}",
        f"0.120     0.600  0.500  0.125  0.250  0.125  0.875  {GONE}  (forgotten)",
        "score: computed from centroid (cosine with the story's centroid) and mean (mean similarity to its reports),",
        "times time (decay). mean is the sum of title, lead and terms.",
        "",
        "The bar",
        "0.330  the bar: the lowest score to join, a base raised by the three values below",
        "0.121  mean score of the background: 1 candidate behind the best one",
        "0.034  standard deviation of the background's scores",
        "    -  number of reports in the best candidate (not recorded)",
        "",
        "The story was merged from",
        f"{B}  Title of {B}",
        "",
        "Related",
        f"{C}  Title of {C}",
    ]


@pytest.mark.parametrize(
    ("article_id", "sentence"),
    [
        ("a-1", f"It founded {A}: the best candidate scored 0.210, 0.120 below the bar of 0.330."),
        (
            "a-3",
            (
                "It came as a copy of a-1: their Jaccard index was 0.833; the bar for copies was 0.500. "
                "The title of one fits the text of the other: their cosine was 0.713."
            ),
        ),
        ("a-4", "It founded a story: there was no other story in the window to compare it with."),
        (
            "a-6",
            f"It was corrected and stayed in its story, {A}: with a score of 0.400 it still reached the bar of 0.330.",
        ),
    ],
)
def test_the_verdict_in_one_sentence(filled: CliHarness, article_id: str, sentence: str) -> None:
    assert filled.run("explain", article_id).stdout.splitlines()[4] == sentence


@pytest.mark.parametrize(
    ("kept_out", "sentence"),
    [
        (
            1,
            (
                f"It founded {A}: names, numbers or a period spoke against the best candidate; "
                "the next one scored 0.210, 0.120 below the bar of 0.330."
            ),
        ),
        (2, f"It founded {A}: names, numbers or a period spoke against the best 2 candidates."),
    ],
)
def test_the_verdict_on_an_article_that_evidence_kept_out_of_stories_above_the_bar(
    filled: CliHarness, kept_out: int, sentence: str
) -> None:
    decision = msgspec.structs.replace(
        decided(Verdict.FOUNDED, candidate(C, 0.71), candidate(B, 0.21)), kept_out=kept_out
    )
    filled.write([member_message(member("a-7", 8, decision))])
    assert filled.run("explain", "a-7").stdout.splitlines()[4] == sentence
    [row] = [line.split() for line in filled.run("explain", A).stdout.splitlines() if line.split()[:1] == ["8"]]
    assert row[1] == {1: "0.210", 2: "-"}[kept_out]


def test_the_verdict_on_a_copy_whose_original_has_left(filled: CliHarness) -> None:
    assert filled.run("explain", "c-1").stdout.splitlines()[4] == (
        "It came as a copy of an article that has left since: their Jaccard index was 0.833; the bar for copies was 0.500."
    )


def test_a_copy_whose_report_has_left_shows_the_one_that_took_its_place(filled: CliHarness) -> None:
    copies = [member(f"c-{number}", 7 + number, COPIED, copy_of="gone", story_id=C) for number in (2, 3)]
    filled.write(list(map(member_message, copies)))
    first, second = (filled.run("explain", copy.article_id).stdout.splitlines() for copy in copies)
    assert first[4].startswith("It came as a copy of gone: ")
    assert first[5] == "That article has left since, and this one has taken its place as the report."
    assert second[6:9] == [
        "Copy of",
        "2025-04-18 09:12Z  Morning Wire  c-2  Title of c-2",
        "The article that it was compared with has left since; this one has taken its place as the report.",
    ]


def test_boilerplate_is_explained(filled: CliHarness) -> None:
    filled.write([member_message(member("a-7", 8, FOUNDED, boilerplate_of="a-1"))])
    assert filled.run("explain", "a-7").stdout.splitlines()[5] == (
        "Its text is boilerplate: a-1 has the same text under another title. "
        "It was compared by its title and by the terms that the other article does not have."
    )


def test_a_copy_shows_its_original_with_hostile_text_escaped(filled: CliHarness) -> None:
    lines = filled.run("explain", "a-3").stdout.splitlines()
    assert lines[6:8] == ["Copy of", f"2025-04-18 09:12Z  Morning Wire  a-1  {HOSTILE_SHOWN}"]
    assert "Candidates, best first" not in lines
    assert "The bar" not in lines


def test_an_article_shows_every_merge_since_its_decision(filled: CliHarness) -> None:
    lines = filled.run("explain", "a-5").stdout.splitlines()
    start = lines.index("Merges since then (-: no longer recorded)")
    assert lines[start + 1 : start + 4] == [
        "affinity    bar  merged             story                into                 title",
        f"       -      -  2025-04-18 11:12Z  {AB}  {B}  Title of {AB}",
        f"   0.412  0.378  2025-04-18 12:12Z  {B}  {A}  Title of {B}",
    ]


def test_a_story_shows_the_decision_on_each_article(filled: CliHarness) -> None:
    result = filled.run("explain", "st-aaa")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[:2] == [f"Title of {A}", f"{A}, open, edition main, version 6"]
    assert lines[5:] == [
        "Articles in order of arrival: 2 founded, 2 joined, 1 copied, 1 kept, 2 of them by a merge",
        "sequence  score    bar  verdict  copy of  merged from          article  title",
        f"       1  0.210  0.330  founded                                a-1      {HOSTILE_SHOWN}",
        "       2  0.480  0.330  joined                                 a-2      Title of a-2",
        "       3  0.833  0.500  copied   a-1                           a-3      Title of a-3",
        f"       4      -      -  founded           {B}  a-4      Title of a-4",
        f"       5  0.390  0.330  joined            {B}  a-5      Title of a-5",
        "       6  0.400  0.330  kept                                   a-6      Title of a-6",
        "The score is the one with the story. For founded it is that of the best candidate that no evidence spoke against.",
        "For copied it is the Jaccard index with the original.",
        "",
        "Merges (-: no longer recorded)",
        "affinity    bar  merged             story                into                 title",
        f"   0.412  0.378  2025-04-18 12:12Z  {B}  {A}  Title of {B}",
        f"       -      -  2025-04-18 11:12Z  {AB}  {B}  Title of {AB}",
        "",
        "Related",
        f"{C}  Title of {C}",
    ]


def test_a_merged_story_shows_where_its_articles_went(filled: CliHarness) -> None:
    lines = filled.run("explain", B).stdout.splitlines()
    assert f"Merged into {A}  Title of {A}" in lines
    assert [line.split()[0] for line in lines if "joined  " in line or "founded  " in line] == ["4", "5"]
    assert f"   0.412  0.378  2025-04-18 12:12Z  {B}  {A}  Title of {B}" in lines


LOOK = msgspec.structs.replace(
    MERGE, affinity=0.35, bar=0.27, second_look=decided(Verdict.JOINED, candidate(A, 0.35), candidate(C, 0.11))
)


def test_a_second_look_shows_its_candidates_and_bar(harness: CliHarness) -> None:
    stories = [story(A, 3, merged_from=(B,)), story(B, 3, state=StoryState.MERGED, merged_into=A, articles=())]
    alone = member("a-7", 7, FOUNDED, merge=LOOK)
    harness.write([*map(story_message, stories), *map(member_message, [*MEMBERS[:3], alone])])
    merge = f"   0.350  0.270  2025-04-18 12:12Z  {B}  {A}  Title of {B}"
    message = f"{B}: a second look at the only report of {B}; its score is the affinity"
    lines = harness.run("explain", "a-7").stdout.splitlines()
    start = lines.index("Candidates of the second look, best first")
    assert lines[start - 3 : start - 1] == [merge, message]
    assert lines[start + 2 : start + 4] == [
        f"0.350     0.600  0.500  0.125  0.250  0.125  0.875  {A}  Title of {A}",
        f"0.110     0.600  0.500  0.125  0.250  0.125  0.875  {C}  (forgotten)",
    ]
    assert (
        "0.121  mean score of the background: 1 candidate behind the best one"
        in lines[lines.index("The bar of the second look") :]
    )
    for ident in (A, B):
        shown = harness.run("explain", ident).stdout.splitlines()
        assert shown[shown.index(merge) + 1] == message


def test_a_second_look_at_the_larger_story(harness: CliHarness) -> None:
    """The single report has so many copies that its story is the larger one and keeps its id."""
    stories = [story(A, 5, merged_from=(B,)), story(B, 3, state=StoryState.MERGED, merged_into=A, articles=())]
    fitted = msgspec.structs.replace(LOOK, second_look=decided(Verdict.JOINED, candidate(B, 0.35)))
    harness.write([*map(story_message, stories), member_message(member("b-1", 1, JOINED, merge=fitted))])
    assert (
        f"{B}: a second look at the only report of {A}; its score is the affinity" in harness.run("explain", A).stdout
    )


def test_both_stories_of_a_split_show_its_author_and_reason(harness: CliHarness) -> None:
    fields: dict[str, Any] = {"issued_at": NINE, "by": "Ann", "why": "another court"}
    split, move = (
        CommandRef(id=f"c-{kind.value}", kind=kind, **fields) for kind in (CommandKind.SPLIT, CommandKind.MOVE)
    )
    placed = Decision(verdict=Verdict.COMMANDED)
    members = [
        member("a-1", 1, FOUNDED),
        *(member(f"b-{number}", number, placed, story_id=B, placed_by=split) for number in (2, 3)),
        member("b-4", 4, placed, story_id=B, placed_by=move),
    ]
    stories = [story(A, 2, split_into=(B,)), story(B, 2, split_from=A)]
    harness.write([*map(story_message, stories), *map(member_message, members)])
    line = "split by Ann, 2025-04-18 09:12Z: another court (2 articles)"
    old, new = (harness.run("explain", ident).stdout.splitlines() for ident in (A, B))
    assert old[old.index("Commands") + 1 :][:2] == [line, ""]
    assert new[new.index("Commands") + 1 :][:2] == [line, "move by Ann, 2025-04-18 09:12Z: another court (1 article)"]


def test_json_is_the_stored_record(filled: CliHarness) -> None:
    assert filled.run("explain", "a-2", "--format", "json").stdout_bytes == encode(MEMBERS[1]) + b"\n"
    of_story = filled.run("explain", A, "--format", "json").stdout_bytes.splitlines()
    assert [decode_state(line) for line in of_story] == MEMBERS[:6]


def test_an_article_id_in_several_editions_needs_an_edition(filled: CliHarness) -> None:
    german = member("a-2", 1, FOUNDED, edition="de", story_id=GONE)
    filled.write([member_message(german)])
    result = filled.run("explain", "a-2")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "2 editions have an article 'a-2': de, main; choose one with --edition" in result.stderr
    chosen = filled.run("explain", "a-2", "--edition", "de", "--format", "json")
    assert chosen.stdout_bytes == encode(german) + b"\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a-99"], "there is no article 'a-99'"),
        (["st-zz"], "there is no story 'st-zz'"),
        (["st-aa"], f"2 stories begin with 'st-aa': {A}, {AB}"),
        (["a-1", "--edition", "fr"], "there is no article 'a-1'"),
        ([A, "--edition", "fr"], f"there is no story '{A}'"),
    ],
)
def test_a_missing_article_or_story_is_reported(filled: CliHarness, arguments: list[str], message: str) -> None:
    result = filled.run("explain", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr


def test_an_ambiguous_beginning_lists_some_of_the_stories(harness: CliHarness) -> None:
    ids = [f"st-{number:016}" for number in range(12)]
    harness.write([story_message(story(story_id, 1)) for story_id in ids])
    result = harness.run("explain", "st-0")
    assert result.stderr == f"Error: 12 stories begin with 'st-0': {', '.join(ids[:10])} and 2 more\n"


def test_an_article_id_may_look_like_the_beginning_of_a_story_id(filled: CliHarness) -> None:
    filled.write([member_message(member("st-aaa", 8, JOINED))])
    assert filled.run("explain", "st-aaa").stdout.splitlines()[0] == "Title of st-aaa"


@pytest.mark.parametrize("width", [60, 100, 200])
def test_a_terminal_of_any_width_shows_score_bar_and_verdict(width: int) -> None:
    stories = {value.id: value for value in STORIES}
    for shown in (
        render_article(MEMBERS[1], stories, MEMBERS, width),
        render_story(STORIES[0], MEMBERS, stories, width),
    ):
        assert all(Text.from_ansi(line).cell_len <= width for line in shown.splitlines())
        assert "0.480" in shown
        assert "0.330" in shown
        assert "joined" in shown


def test_a_joined_article_without_candidates_is_explained() -> None:
    bare = msgspec.structs.replace(MEMBERS[1], decision=Decision(verdict=Verdict.JOINED, bar=0.5))
    shown = render_article(bare, {A: STORIES[0]}, [bare], 200)
    assert "It joined its story; the bar was 0.500. Its candidates were not recorded." in shown
