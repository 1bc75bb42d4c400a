"""A labelled stream that is ready for compiled replays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np

from evaluation.scores.metrics import b_cubed
from evaluation.streams.event_stream import EventStream
from evaluation.tuning.compiled_rules import replay_compiled
from evaluation.tuning.pairs import Integers, Pairs, build_pairs
from services.clusterer.core.parameters import Parameters

OWN_ORDER: Final = 0
"""The seed that keeps the stream's own order."""
MINUTE: Final = timedelta(minutes=1) / timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CompiledStream:
    """A stream's pairs, and the number of each article's gold story, (articles,); negative for background."""

    pairs: Pairs
    gold: Integers

    def order(self, seed: int) -> Integers:
        """Return the articles' indexes by minute, shuffled by the seed within each minute, (articles,)."""
        minutes = np.floor(self.pairs.times / MINUTE)
        ties = np.zeros(minutes.size) if seed == OWN_ORDER else np.random.default_rng(seed).random(minutes.size)
        return np.lexsort((ties, minutes)).astype(np.int32)

    def replay(self, parameters: Parameters, seed: int) -> Integers | None:
        """Return each article's story, (articles,), after a replay in this order; None as for `replay_compiled`.

        The pairs are those of the stream's own order: unlike in the core, term weights and boilerplate ignore the shuffle.
        """
        return replay_compiled(self.pairs, parameters, self.order(seed))

    def f1(self, parameters: Parameters, seed: int) -> float:
        """Return B-cubed F1 after such a replay; 0 if too many stories are open at once."""
        found = self.replay(parameters, seed)
        if found is None:
            return 0.0
        labelled = self.gold >= 0
        return b_cubed(self.gold[labelled].tolist(), found[labelled].tolist()).f1


def compile_stream(stream: EventStream) -> CompiledStream:
    """Compute the stream's pairs and number its gold stories."""
    numbers = {story: number for number, story in enumerate(dict.fromkeys(stream.gold.stories))}
    gold = stream.gold.by_article()
    labels = [numbers[gold[event.article_id]] if event.article_id in gold else -1 for event in stream.events]
    return CompiledStream(build_pairs(stream.events), np.array(labels, dtype=np.int32))
