"""Stories of invented words, from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from newsloom.contracts.article import Leaning
from newsloom.contracts.sentences import Sentence
from services.digest.core.frequencies import DocumentFrequencies
from services.digest.core.story import DigestStory, Report

FREQUENCIES = DocumentFrequencies(1_000, np.array([], dtype=np.uint32), np.array([], dtype=np.uint32))
"""All words are equally rare."""
START = datetime(2026, 12, 1, tzinfo=UTC)
LEFT, CENTER, RIGHT = Leaning.LEFT, Leaning.CENTER, Leaning.RIGHT


def report(
    name: str,
    *texts: str,
    title: str = "Harbour opens",
    leaning: Leaning | None = None,
    outlet: str | None = None,
    copy_of: str | None = None,
    hour: int = 8,
) -> Report:
    """Return a report whose sentences follow one another, with one space between them."""
    offsets = [sum(len(text) + 1 for text in texts[:index]) for index in range(len(texts))]
    return Report(
        article_id=name,
        title=title,
        published_at=START + timedelta(hours=hour),
        outlet=outlet if outlet is not None else f"Outlet {name}",
        leaning=leaning,
        copy_of=copy_of,
        sentences=tuple(Sentence(text=text, offset=at) for text, at in zip(texts, offsets, strict=True)),
    )


def story(*reports: Report) -> DigestStory:
    """Return a story of these reports."""
    return DigestStory(story_id="st-1", title="Harbour opens", reports=tuple(reports))


def invented_sentence(source: random.Random, words: int = 12) -> str:
    """Return a sentence of words that occur nowhere else."""
    syllables = ["ba", "do", "fi", "gu", "ke", "la", "mo", "ni", "pu", "ra", "se", "ti", "vo", "wu", "xa", "zo"]
    return " ".join("".join(source.choices(syllables, k=4)) for _ in range(words)).capitalize() + "."


def invented_story(seed: int, leanings: Sequence[Leaning], planted: Sequence[int] = (), plant: str = "") -> DigestStory:
    """Return a story of reports that share facts at random. `plant` is a sentence of the reports in `planted`."""
    source = random.Random(seed)  # noqa: S311 - a seed, no secret
    facts = [invented_sentence(source) for _ in range(20)]
    reports = []
    for index, leaning in enumerate(leanings):
        texts = [fact for fact in facts if source.random() < 0.25]
        texts += [invented_sentence(source) for _ in range(8)] + ([plant] if index in planted else [])
        source.shuffle(texts)
        reports.append(report(f"a{index:03}", *texts, title=facts[0][:40], leaning=leaning))
    return story(*reports)
