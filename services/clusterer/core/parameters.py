"""The parameters of all decisions, apart from the encoder's calibration. One set of them serves every stream."""

from __future__ import annotations

import math
from datetime import timedelta

import msgspec


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """Similarities are sums of weighted cosines.

    Values without a source of their own lie halfway between the engine's first values and what a search on four labelled streams
    together found, before the evidence of names. In the articles' own order they scored the same as the latter and in other
    orders more; their scores varied a third as much between orders. `python -m evaluation.tune` compares them with others.
    """

    window: timedelta = timedelta(days=7)
    """A story without new articles for this long, in event time, closes. A news story rarely goes on after a week's pause."""

    lead_weight: float = 0.407
    """Weight of the embedding of title and lead."""

    title_weight: float = 0.174
    """Weight of the embedding of the title."""

    terms_weight: float = 0.419
    """Weight of the TF-IDF terms: they distinguish names, numbers and places, which embeddings blur."""

    idf_floor: float = 0.73
    """Added to ln(N / document frequency)."""

    short_text_factor: float = 0.655
    """The similarity of the shortest texts to all others, relative to that of long texts."""

    words_few: int = 8
    words_many: int = 130
    """Between these lengths the factor rises to 1, linearly in the logarithm of the length."""

    centroid_share: float = 0.458
    """Weight of the cosine with the centroid in a story's score; the rest is for the mean similarity to its reports."""

    span_share: float = 0.432
    """Weight of the decay over the distance to the story's time span; the rest is for the distance to its mean time."""

    decay: timedelta = timedelta(hours=124)
    """The distance in time over which similarity falls to 1/e."""

    candidates: int = 150
    """Number of stories that the index proposes, by direction alone."""

    scored: int = 20
    """Number of these that are scored exactly: the best by direction and time. The bar needs the true best 1 + `background`."""

    background: int = 8
    """Number of stories after the best one whose scores set the bar: high where many stories are similar."""

    bar_base: float = 0.212
    bar_mean: float = 0.366
    bar_std: float = 1.64
    """The bar is `bar_base` + `bar_mean` x mean + `bar_std` x standard deviation of the background's scores..."""

    bar_size: float = 0.062
    """... + `bar_size` x (1 - 1 / sqrt(reports)): the mean over many reports varies less than that over few..."""

    loose_reports_min: int = 8
    loose_below: float = 0.3
    """The bar of a story of so many reports rises by what its cohesion lacks to `loose_below`: it holds several events."""

    late_after: timedelta = timedelta(days=1)
    """An article dated longer than this before the watermark is late: closed stories of its time can take it."""

    comparable_articles: int = 20_000
    """A closed story stays comparable while its latest article is among so many of the latest articles of its edition. An open
    story whose latest one is not closes by that article's date, however late that article was."""

    second_look: timedelta = timedelta(days=1)
    """A story of a single report is compared with the others again when its article is this old, twice as old, and so on."""

    late_second_look: int = 64
    """The story of a single late report is compared again too when so many articles have arrived after it, twice as many, and so
    on: in an archive, event time stands still. 32 and 128 score within .006 of this in each order of arrival."""

    second_look_discount: float = 0.06
    """`bar_base` is lower by this at a second look, because more articles to compare with have arrived.

    Chosen separately from the other values, by leaving out one of the four streams in turn: the best on three of them.
    """

    merge_bar: float = 0.37
    """The affinity at which the story that an article has joined is merged with the runner-up. Higher: smaller stories."""

    cohesion_prior: float = 0.5
    cohesion_prior_pairs: float = 2.74
    """The cohesion of a story is the mean similarity of its pairs of reports and this many additional ones of this similarity."""

    copy_jaccard: float = 0.5
    """Jaccard index of the word 3-grams from which two texts count as the same."""

    copy_fit: float = 0.42
    """Cosine of one's title with the other's lead from which an article with the same text is a copy; below, it is boilerplate.

    Between the highest value of boilerplate and the lowest of copies: `python -m evaluation.near_duplicates`.
    """

    copy_shingles_min: int = 8
    """Texts with fewer 3-grams are copies only if they are equal: short headlines are alike by chance."""

    title_told_min: float = 0.2
    """An article with the same text is a copy only if this share of one title's words is in the other's text..."""

    title_equal_min: float = 0.9
    """... or this share of the words of each title in the other..."""

    title_alike_min: float = 0.6
    """... and this share, if one of the two has no text."""

    copy_title_cover_min: float = 0.5
    """A copy has this share of the other title's names and numbers, or the other way round..."""

    template_alike_min: float = 0.4
    copy_template_cover_min: float = 0.6
    """... and this share, if each title has at least `template_alike_min` of the other's words: templates have such titles."""

    copy_cover_min: float = 0.6
    """A copy has this share of the names and numbers of the other's title and lead, or the other way round."""

    cover_min: float = 0.3
    """Two articles are about different events if less than this share of a title's names and numbers is in the other's text."""

    cover_template_min: float = 0.7
    """... or less than this share, if they are known to share a template."""

    missing_min: float = 0.6
    """... unless what is missing weighs less than this share of a name that no other text has. Such names are no evidence."""

    missing_documents_min: int = 20
    """With fewer articles, every name is rare, and any missing one counts."""

    cover_text_min: float = 0.5
    """... or unless this share of the names and numbers of title and lead is in the other's text."""

    rare_reports_max: int = 2
    """Two reports are about different events if each title has a name that the other report lacks and at most so many have..."""

    rare_cover_min: float = 0.3
    """... and each has less than this share of the other title's names, a name that n others have counting 1 / (1 + n)²..."""

    rare_text_min: float = 0.4
    """... and less than this share of the names in either title and lead."""

    apart_pairs_min: float = 0.5
    """Evidence speaks against joining two groups of reports if this share of their pairs is about different events."""

    related_every: timedelta = timedelta(days=1)
    """Related stories are updated whenever the watermark passes a multiple of this."""

    retention: timedelta = timedelta(days=365)
    """How long after the arrival of its last change a closed or merged story stays known."""

    def at_second_look(self) -> Parameters:
        """Return the parameters for a second look."""
        return msgspec.structs.replace(self, bar_base=self.bar_base - self.second_look_discount)

    def at_granularity(self, granularity: float) -> Parameters:
        """Return the parameters for finer stories (above 1) or broader ones (below 1); 1 changes nothing.

        The episodes of a saga differ in time: at 2, similarity falls twice as fast with time. The bars for joining and for
        merging both rise with the square root, so that merges do not undo the finer decisions.
        """
        bars = math.sqrt(granularity)
        return msgspec.structs.replace(
            self,
            decay=self.decay / granularity,
            bar_base=self.bar_base * bars,
            second_look_discount=self.second_look_discount * bars,
            merge_bar=self.merge_bar * bars,
        )
