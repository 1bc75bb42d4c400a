"""The sentences of a story's reports as weighted words, and how alike they are.

All weights are whole numbers, so that sums do not depend on their order and are equal on every machine.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from newsloom.contracts.sentences import Sentence
from services.digest.core.frequencies import DocumentFrequencies, content_words
from services.digest.core.story import DigestStory, Report

UNIT: Final = 4_096
"""The length of a sentence's vector."""
WEIGHT_SCALE: Final = 256
CANDIDATES_MAX: Final = 1_500
"""Sentences that may be chosen. With more, each report gives its first ones: of 100 reports 15 each."""

CONTENT_WORDS_MIN: Final = 4
"""Distinct words with a meaning in a sentence that is chosen: fewer say too little."""

Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of a report, or its title. `position` counts the report's sentences from 0; that of the title is -1."""

    report: int
    position: int
    sentence: Sentence
    words: Counter[str]

    @property
    def is_title(self) -> bool:
        """Return whether the line is the report's title."""
        return self.position < 0


class StoryText:
    """The lines of all reports that are no copies, by article id; each report's title comes before its sentences."""

    def __init__(self, story: DigestStory, frequencies: DocumentFrequencies) -> None:
        """Index the lines of a story."""
        self.reports = sorted((one for one in story.reports if one.copy_of is None), key=lambda one: one.article_id)
        self.lines = [line for index, report in enumerate(self.reports) for line in _lines(index, report)]
        self._line_reports = np.array([line.report for line in self.lines], dtype=np.int64)
        self._starts = np.flatnonzero(np.diff(self._line_reports, prepend=-1))
        self._idf = {
            word: frequencies.inverse(word) for word in sorted({word for line in self.lines for word in line.words})
        }
        self._vectors = [self._vector(line.words) for line in self.lines]
        self._postings = _postings(self._vectors)
        self._pairs: dict[str, Whole] = {}
        self._word_reports: dict[str, Whole] = {}
        self._spread = Counter(word for words in self._report_words() for word in words)

    def candidates(self) -> list[int]:
        """Return the indexes of the sentences that may be chosen, in the order of lines: no titles, no questions."""
        share = max(1, CANDIDATES_MAX // max(1, len(self.reports)))
        return [
            index
            for index, line in enumerate(self.lines)
            if 0 <= line.position < share
            and len(line.words) >= CONTENT_WORDS_MIN
            and not line.sentence.text.endswith("?")
        ]

    def report_of(self, line: int) -> Report:
        """Return the report that a line is from."""
        return self.reports[self.lines[line].report]

    def cosines(self, line: int) -> Whole:
        """Return the cosine of a line with each line, times `UNIT` squared."""
        products = np.zeros(len(self.lines), dtype=np.int64)
        for word, weight in self._vectors[line].items():
            lines, weights = self._postings[word]
            products[lines] += weight * weights
        return products

    def best_by_report(self, by_line: Whole) -> Whole:
        """Return the largest value of each report's lines."""
        return np.maximum.reduceat(by_line, self._starts)

    def title_cosines(self) -> NDArray[np.float64]:
        """Return the cosine of each line with the mean of all titles."""
        mean: Counter[str] = Counter()
        for line, vector in zip(self.lines, self._vectors, strict=True):
            if line.is_title:
                mean.update(vector)
        length = math.sqrt(sum(weight * weight for weight in mean.values()))
        products = np.zeros(len(self.lines), dtype=np.int64)
        for word, weight in mean.items():
            lines, weights = self._postings[word]
            products[lines] += weight * weights
        return products / (UNIT * length) if length else np.zeros(len(self.lines))

    def containment(self, line: int) -> Whole:
        """Return how much of a line's weight the words of each other report have, in `UNIT`ths."""
        weights = {word: int(self._idf[word] * WEIGHT_SCALE) for word in self.lines[line].words}
        found = np.zeros(len(self.reports), dtype=np.int64)
        for word, weight in self._shared(weights):
            found[self._reports_with(word)] += weight
        return found * UNIT // max(1, sum(weights.values()))

    def coverage(self, line: int) -> Whole:
        """Return how much of a line's distinctive words two adjacent lines of each other report have at most, in `UNIT`ths.

        A word weighs its inverse document frequency in the language times that among the reports of the story.
        """
        weights = {word: self._distinctiveness(word) for word in self.lines[line].words}
        found = np.zeros(len(self.lines), dtype=np.int64)
        for word, weight in self._shared(weights):
            found[self._pair_lines(word)] += weight
        return self.best_by_report(found) * UNIT // max(1, sum(weights.values()))

    def _shared(self, weights: dict[str, int]) -> Iterator[tuple[str, int]]:
        """Yield the words that another report has, too: most words of a story are in one report alone."""
        return ((word, weight) for word, weight in weights.items() if self._spread[word] > 1)

    def _reports_with(self, word: str) -> Whole:
        if word not in self._word_reports:
            self._word_reports[word] = np.unique(self._line_reports[self._postings[word][0]])
        return self._word_reports[word]

    def _distinctiveness(self, word: str) -> int:
        return int(self._idf[word] * math.log(1 + len(self.reports) / self._spread[word]) * WEIGHT_SCALE)

    def _pair_lines(self, word: str) -> Whole:
        """Return the lines that have the word or come right before a line of the same report that has it."""
        if word not in self._pairs:
            lines = self._postings[word][0]
            before = lines[lines > 0] - 1
            before = before[self._line_reports[before] == self._line_reports[before + 1]]
            self._pairs[word] = np.union1d(lines, before)
        return self._pairs[word]

    def _vector(self, words: Counter[str]) -> dict[str, int]:
        weights = {word: count * self._idf[word] for word, count in sorted(words.items())}
        length = math.sqrt(math.fsum(weight * weight for weight in weights.values()))
        return {word: int(weight / length * UNIT) for word, weight in weights.items()}

    def _report_words(self) -> Iterable[set[str]]:
        words: list[set[str]] = [set() for _ in self.reports]
        for line in self.lines:
            words[line.report].update(line.words)
        return words


def _lines(index: int, report: Report) -> Iterable[Line]:
    yield Line(index, -1, Sentence(text=report.title or " ", offset=0), Counter(content_words(report.title)))
    for position, sentence in enumerate(sorted(report.sentences, key=lambda one: one.offset)):
        yield Line(index, position, sentence, Counter(content_words(sentence.text)))


def _postings(vectors: Sequence[dict[str, int]]) -> dict[str, tuple[Whole, Whole]]:
    """Return the lines of each word and its weight in them."""
    lines: dict[str, list[int]] = {}
    weights: dict[str, list[int]] = {}
    for index, vector in enumerate(vectors):
        for word, weight in vector.items():
            lines.setdefault(word, []).append(index)
            weights.setdefault(word, []).append(weight)
    return {word: (np.array(lines[word], dtype=np.int64), np.array(weights[word], dtype=np.int64)) for word in lines}
