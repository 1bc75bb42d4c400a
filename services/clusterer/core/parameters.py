"""Everything the decisions depend on, but for the encoder's calibration. One configuration serves every stream."""

from __future__ import annotations

import math
from datetime import timedelta

import msgspec


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """Similarities are sums of weighted cosines.

    Values without a source of their own lie halfway between the recipe the engine began from (evaluation/tuning/space.py) and
    what `python -m evaluation.tune` had found on four labelled streams together: in the articles' own order they score the same
    as the latter, in other orders more, and they differ by a third as much from one order to the next.
    """

    window: timedelta = timedelta(days=7)
    """A story silent for this long, in event time, closes. A news story rarely pauses for a week and goes on."""

    lead_weight: float = 0.407
    """Weight of the embedding of title and lead."""

    title_weight: float = 0.174
    """Weight of the embedding of the title."""

    terms_weight: float = 0.419
    """Weight of the TF-IDF terms: names, numbers and places, which embeddings blur."""

    idf_floor: float = 0.73
    """Added to ln(N / document frequency)."""

    short_text_factor: float = 0.655
    """How similar, by comparison, the shortest texts are to everything."""

    words_few: int = 8
    words_many: int = 130
    """Between these lengths the factor rises to 1, with the logarithm of the length."""

    centroid_share: float = 0.458
    """Share of the cosine with the centroid in a story's score; the rest is the mean similarity to its reports."""

    span_share: float = 0.432
    """Share of the decay over the distance to the story's span; the rest is over the distance to its mean time."""

    decay: timedelta = timedelta(hours=124)
    """The time over which similarity falls to 1/e."""

    candidates: int = 150
    """How many stories the index proposes, by direction alone."""

    scored: int = 20
    """How many of them, the best by direction and time, get their exact score. The bar needs 1 + `background` right ones."""

    background: int = 8
    """How many stories behind the best one tell how crowded this corner of the news is."""

    bar_base: float = 0.212
    bar_mean: float = 0.366
    bar_std: float = 1.64
    """An article joins at a score of base + these times mean and standard deviation of the background's scores..."""

    bar_size: float = 0.062
    """... + this times (1 - 1 / sqrt(reports of the story)): a mean over many reports is never as high as one over few."""

    second_look: timedelta = timedelta(days=1)
    """A story of a single report is compared with the others once more when its article is this old, twice as old, and so on."""

    second_look_discount: float = 0.06
    """The bar is so much lower then: once the articles around it have come, less is left to chance.

    Chosen apart, with all else as it was: on three streams of four the best where the fourth is left out.
    """

    merge_bar: float = 0.37
    """The affinity at which the story an article has joined and its runner-up become one. Higher: smaller stories."""

    cohesion_prior: float = 0.5
    cohesion_prior_pairs: float = 2.74
    """A story's cohesion is the mean similarity of its pairs, as if it had this many more pairs of this similarity."""

    copy_jaccard: float = 0.5
    """Share of common word 3-grams from which an article repeats another one's text."""

    copy_fit: float = 0.42
    """How well one's title has to fit the other's lead, as a cosine; a text under titles that do not is boilerplate.

    Between what boilerplate shows at the most and copies at the least: `python -m evaluation.near_duplicates`.
    """

    copy_shingles_min: int = 8
    """Texts with fewer 3-grams are never taken for copies: short headlines coincide by chance."""

    related_every: timedelta = timedelta(days=1)
    """Related stories are looked for whenever event time passes a multiple of this."""

    retention: timedelta = timedelta(days=365)
    """How long after its last change a closed or merged story stays known."""

    def at_second_look(self) -> Parameters:
        """These parameters as they hold for an article that is looked at again."""
        return msgspec.structs.replace(self, bar_base=self.bar_base - self.second_look_discount)

    def at_granularity(self, granularity: float) -> Parameters:
        """These parameters for finer stories (above 1) or broader ones (below 1); 1 changes nothing.

        Time is what a saga's episodes differ in: at 2 similarity falls twice as fast with it. Bars follow by the square root,
        for joining (what an article owes whatever its background) and for merging alike, so that neither undoes the other.
        """
        bars = math.sqrt(granularity)
        return msgspec.structs.replace(
            self,
            decay=self.decay / granularity,
            bar_base=self.bar_base * bars,
            second_look_discount=self.second_look_discount * bars,
            merge_bar=self.merge_bar * bars,
        )
