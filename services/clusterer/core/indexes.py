"""The indexes over the reports of comparable stories: what a new article is compared with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from newsloom.contracts.membership import Membership
from services.clusterer.core.calibration import Calibration
from services.clusterer.core.evidence import Evidence, JointEvidence, StemStatistics, stored_evidence
from services.clusterer.core.features import Features, combined_embeddings, combined_vector, stored_features
from services.clusterer.core.fixed_point import ExactVector
from services.clusterer.core.frequencies import DocumentFrequencies
from services.clusterer.core.hashes import Hashes, stored_hashes
from services.clusterer.core.languages import language_of
from services.clusterer.core.minhash_index import Bands, MinHashIndex
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.space import StorySpace, unix_ms
from services.clusterer.core.title_parts import TitleParts
from services.clusterer.core.zero_point import ZeroPoints, initial_zero_points


class Representation(NamedTuple):
    """An article in the forms in which it is compared."""

    features: Features
    vector: ExactVector
    bands: Bands


class Indexes:
    """The sums of comparable stories, the texts of their reports, and the frequencies of terms and titles in the open ones.

    Copies are in none of them. `languages` counts the reports in each language.
    """

    def __init__(self, calibration: Calibration, parameters: Parameters) -> None:
        self.zero_points = initial_zero_points(calibration)
        self.languages: Counter[str] = Counter()
        self._parameters = parameters
        self.space = StorySpace(calibration.dimension)
        self.frequencies = DocumentFrequencies(idf_floor=parameters.idf_floor)
        self.titles = TitleParts()
        self.statistics = StemStatistics()
        self._evidence: dict[int, JointEvidence] = {}
        self.texts = MinHashIndex(jaccard_min=parameters.copy_jaccard, shingles_min=parameters.copy_shingles_min)

    def represent(self, features: Features) -> Representation:
        """Return the forms in which an article with these features is compared."""
        vector = combined_vector(features, self._parameters, self.zero_points)
        return Representation(features, vector, self.texts.bands(features.shingles))

    def add(self, slot: int, report: Membership, known: Representation | None = None) -> None:
        """Add a report to the story in this slot. A representation that is `known` is not computed again."""
        features, vector, bands = known or self.represent(stored_features(report))
        self.space.add(slot, vector, unix_ms(report.published_at))
        self._add_text(slot, report, features, bands)

    def fill(self, slot: int, reports: Sequence[Membership]) -> None:
        """Add all reports of a restored story to its empty slot."""
        vectors = []
        for report in reports:
            features, vector, bands = self.represent(stored_features(report))
            vectors.append(vector)
            self._add_text(slot, report, features, bands)
        self.space.fill(slot, vectors, [unix_ms(report.published_at) for report in reports])

    def recentre(self, zero_points: ZeroPoints, stories: Iterable[tuple[int, Sequence[Membership]]]) -> None:
        """Compare these stories from other zero points; they are given as slots and reports, empty ones left out."""
        before, self.zero_points = self.zero_points, zero_points
        for slot, reports in stories:
            old = combined_embeddings(reports, self._parameters, before)
            new = combined_embeddings(reports, self._parameters, zero_points)
            self.space.replace_embeddings(slot, old, new)

    def remove(self, slot: int, report: Membership, remaining: Sequence[Membership]) -> None:
        """Remove a report from the story in this slot, whose `remaining` reports stay."""
        features, vector, _ = self.represent(stored_features(report))
        times = [unix_ms(other.published_at) for other in remaining]
        self.space.remove(slot, vector, unix_ms(report.published_at), times)
        is_counted = not self.space.is_closed(slot)
        if is_counted:
            self._uncount(report, features.terms, features.evidence)
        self._evidence[slot] = JointEvidence(*map(stored_evidence, remaining), is_counted=is_counted)
        self._remove_text(report)

    def absorb(self, slot: int, other: int) -> None:
        """Add the reports of another story, and close that one."""
        self.space.absorb(slot, other)
        self._evidence[slot].absorb(self._evidence.pop(other))

    def evidence(self, slot: int) -> JointEvidence:
        """Return the joint evidence of the reports in this slot."""
        return self._evidence[slot]

    def close(self, slot: int, reports: Sequence[Membership]) -> None:
        """Record that a story has closed: its terms and titles no longer count, and only late articles are compared with it."""
        self.space.close(slot)
        self._evidence[slot].uncount()
        for report in reports:
            self._uncount(report, stored_hashes(report.terms), stored_evidence(report))

    def release(self, slot: int, reports: Sequence[Membership]) -> None:
        """Remove a closed story and its reports."""
        self.space.release(slot)
        self._evidence.pop(slot, None)
        for report in reports:
            self._remove_text(report)

    def _uncount(self, report: Membership, terms: Hashes, evidence: Evidence) -> None:
        self.frequencies.remove(terms)
        self.titles.remove(report)
        self.statistics.remove(evidence)

    def _add_text(self, slot: int, report: Membership, features: Features, bands: Bands) -> None:
        is_counted = not self.space.is_closed(slot)
        # Keep the bytes of the membership alive and not those of the event too.
        evidence = stored_evidence(report)
        if is_counted:
            self.frequencies.add(features.terms)
            self.titles.add(report)
            self.statistics.add(evidence)
        self._evidence.setdefault(slot, JointEvidence(is_counted=is_counted)).add(evidence)
        self.texts.add(report.article_id, features.shingles, bands)
        self.languages[features.language] += 1

    def _remove_text(self, report: Membership) -> None:
        self.texts.remove(report.article_id)
        language = language_of(report.language, report.title)
        self.languages[language] -= 1
        if not self.languages[language]:
            del self.languages[language]
