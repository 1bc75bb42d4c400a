"""How the shipped parameters are chosen, and what that choice is worth on a stream it never saw: `python -m evaluation.tune`.

For each stream the parameters are searched for on the other streams alone, and scored on it: the mean of these scores is the
honest figure. The values found on all streams stand beside them. The same seed, streams and code give the same values.

The search (CMA-ES, Hansen and Ostermeier 2001) asks for the mean B-cubed F1 over several orders of the articles of each moment,
alone and within a background, by the compiled rules; what it comes to is scored by the core. One order alone says little:
where dates are by the day, F1 differs by .01 between orders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import repeat
from pathlib import Path
from statistics import fmean
from typing import Any, Final

import click
import cma
import msgspec
import numpy as np
import numpy.typing as npt

from evaluation.evaluate import Request, run_alone, stream_options, trial_options
from evaluation.output.summary import provenance, share, table
from evaluation.replays.compiled_rules import stories_of
from evaluation.replays.pairs import Numbers, Pairs, pairs_of
from evaluation.scores.metrics import b_cubed
from evaluation.scores.trials import TRIALS_FILE, Trials
from evaluation.streams.background import within_background
from evaluation.streams.event_stream import Prepared, cached_encoder, counted_streams, prepare_stream, tell
from evaluation.streams.stream import Stream, shuffled_within_ties
from evaluation.tuning.space import ORIGIN, SPACE
from services.clusterer.core.parameters import Parameters
from services.embedder.encoder import Encoder

STREAMS_MIN: Final = 3
"""With fewer there is nothing to choose on once one is left out."""
ORDERS: Final = 3
"""Orders that each candidate is tried in: the stream's own and others, new ones in each generation, so that none is learnt by
heart."""
OWN_ORDER: Final = 0
POPULATION: Final = 12
FIRST_STEP: Final = 0.2
"""Of the distance between the bounds."""
PULL: Final = 0.3
"""What a third of that distance away from `ORIGIN` has to gain: .002 of F1 in one coordinate, .033 in all fifteen.

Three streams do not settle fifteen numbers: what a freer search wins on them, it loses on the stream left out.
"""
FINALISTS: Final = 12
FINAL_ORDERS: Final = 6
MINUTE: Final = timedelta(minutes=1) / timedelta(days=1)
SCORED_ORDERS: Final = 3
WEIGHTS: Final = ("lead_weight", "title_weight", "terms_weight")


@dataclass(frozen=True, slots=True)
class Ground:
    """A stream the search is scored on: its pairs, and the gold story of each article, negative for background."""

    pairs: Pairs
    gold: Numbers

    def f1(self, parameters: Parameters, seed: int) -> float:
        """B-cubed F1 after a replay in the seed's order of the articles of each minute; 0 if stories fall to pieces."""
        found = self.found(parameters, seed)
        if found is None:
            return 0.0
        labelled = self.gold >= 0
        return b_cubed(self.gold[labelled].tolist(), found[labelled].tolist()).f1

    def found(self, parameters: Parameters, seed: int) -> Numbers | None:
        """The story of each article after a replay in the seed's order of the articles of each minute; None as `stories_of`."""
        moments = np.floor(self.pairs.times / MINUTE)
        lots = np.random.default_rng(seed).random(moments.size) if seed != OWN_ORDER else np.zeros(moments.size)
        return stories_of(self.pairs, parameters, np.lexsort((lots, moments)).astype(np.int32))


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen without a stream (None: on all): the core's F1 by stream, in the streams' order and in others."""

    held_out: str | None
    parameters: Parameters
    in_order: dict[str, float]
    shuffled: dict[str, float]


@click.command(name="evaluation.tune")
@stream_options
@click.option("--generations", metavar="N", type=click.IntRange(min=1), default=60, show_default=True)
@click.option("--seed", metavar="N", type=int, default=1, show_default=True)
@trial_options
def command(*, request: Request, generations: int, seed: int, processes: int | None, keep: Path) -> None:
    """Search for parameters on all streams but one, score them on that one, for each; then on all streams together.

    Where to look is said in evaluation/tuning/space.py. The replays that score are kept in `trials.jsonl` in the cache.
    """
    streams = counted_streams(request)
    if len(streams) < STREAMS_MIN:
        raise click.UsageError(f"leaving one stream out takes {STREAMS_MIN} or more; there are {len(streams)}")
    encoder = cached_encoder(request.cache)
    ready = [prepare_stream(stream, encoder) for stream in streams]
    found: dict[str | None, Parameters] = {
        stream.name: _searched([one for one in ready if one is not stream], generations, seed) for stream in ready
    }
    # With all streams in view, the shipped values stay until others are better; without one of them they have no say.
    found[None] = _searched(ready, generations, seed, known=[Parameters()])
    in_order = _scored(ready, list(found.values()), request, processes)
    orders = [
        _scored(_shuffled(streams, encoder, number), list(found.values()), request, processes)
        for number in range(1, SCORED_ORDERS + 1)
    ]
    choices = [
        Choice(held_out, parameters, in_order[place], _means([order[place] for order in orders]))
        for place, (held_out, parameters) in enumerate(found.items())
    ]
    text = f"# Tuning\n\n{provenance()}\n{render(choices)}"
    (keep / "tune.md").write_text(text)
    click.echo(text, nl=False)


def _searched(streams: Sequence[Prepared], generations: int, seed: int, known: Sequence[Parameters] = ()) -> Parameters:
    tell(f"choosing on {', '.join(stream.name for stream in streams)}")
    grounds = [
        (ground_of(stream), ground_of(within_background(stream, [other for other in streams if other is not stream])))
        for stream in streams
    ]

    def mean_f1(parameters: Parameters, seeds: Sequence[int]) -> float:
        quoted, *others = (fmean(own.f1(parameters, number) for own, _ in grounds) for number in seeds)
        within = fmean(background.f1(parameters, seeds[-1]) for _, background in grounds)
        # The stream's own order, in which figures are quoted, counts as much as all others together.
        return ((quoted + fmean(others)) / 2 + within) / 2

    return search(mean_f1, generations=generations, seed=seed, known=known)


def ground_of(stream: Prepared) -> Ground:
    """The stream's pairs and labels."""
    numbers = {story: number for number, story in enumerate(dict.fromkeys(stream.gold.stories))}
    gold = dict(zip(stream.gold.ids, stream.gold.stories, strict=True))
    labels = [numbers[gold[event.article_id]] if event.article_id in gold else -1 for event in stream.events]
    return Ground(pairs_of(stream), np.array(labels, dtype=np.int32))


def search(
    objective: Callable[[Parameters, Sequence[int]], float],
    *,
    generations: int,
    seed: int,
    known: Sequence[Parameters] = (),
) -> Parameters:
    """The parameters within `SPACE` at which the objective, asked with seeds of orders, is highest on average.

    CMA-ES from `ORIGIN`, with `PULL` back to it. The answer is the best, over `FINAL_ORDERS` orders that are the same for all and
    without the pull, of the means of its last distributions, since single points owe too much to the orders that they were
    tried in, and of those that are `known`.
    """
    strategy = cma.CMAEvolutionStrategy(
        list(_positions(ORIGIN)), FIRST_STEP, {"bounds": [0, 1], "popsize": POPULATION, "seed": seed, "verbose": -9}
    )
    means: list[npt.NDArray[np.float64]] = []
    with ThreadPoolExecutor() as threads:

        def heights(points: Sequence[npt.NDArray[np.float64]], seeds: Sequence[int]) -> list[float]:
            return list(threads.map(objective, map(parameters_at, points), repeat(seeds)))

        for generation in range(generations):
            points = strategy.ask()
            others = (1 + (seed * generations + generation) * ORDERS + number for number in range(1, ORDERS))
            found = heights(points, [OWN_ORDER, *others])
            strategy.tell(points, [_pull(point) - height for height, point in zip(found, points, strict=True)])
            means.append(np.array(strategy.result.xfavorite))
        last = [*means[-FINALISTS:], *map(_positions, known)]
        final = heights(last, [OWN_ORDER, *range(10**6, 10**6 + FINAL_ORDERS - 1)])
    return parameters_at(last[max(range(len(last)), key=final.__getitem__)])


def _positions(parameters: Parameters) -> npt.NDArray[np.float64]:
    bounds: Mapping[str, tuple[Any, Any]] = SPACE
    return np.array([(getattr(parameters, name) - low) / (high - low) for name, (low, high) in bounds.items()])


def _pull(point: npt.NDArray[np.float64]) -> float:
    return PULL * float(np.mean((point - _positions(ORIGIN)) ** 2))


def parameters_at(point: npt.NDArray[np.float64]) -> Parameters:
    """The shipped parameters with those of `SPACE` at these positions between their bounds; the voices' weights add up to 1."""
    bounds: Mapping[str, tuple[Any, Any]] = SPACE
    values = {name: low + (high - low) * float(x) for (name, (low, high)), x in zip(bounds.items(), point, strict=True)}
    total = sum(values[name] for name in WEIGHTS)
    values.update({name: values[name] / total for name in WEIGHTS})
    return msgspec.structs.replace(Parameters(), **{name: _rounded(value) for name, value in values.items()})


def _rounded(value: Any) -> Any:
    """The value with as many digits as a person would write."""
    return timedelta(hours=round(value / timedelta(hours=1))) if isinstance(value, timedelta) else round(value, 3)


def _shuffled(streams: Sequence[Stream], encoder: Encoder, seed: int) -> list[Prepared]:
    return [prepare_stream(shuffled_within_ties(stream, seed), encoder) for stream in streams]


def _scored(
    streams: Sequence[Prepared], found: Sequence[Parameters], request: Request, processes: int | None
) -> list[dict[str, float]]:
    with Trials(streams, request.cache / TRIALS_FILE, processes=processes) as trials:
        scores = trials.run(found, [stream.name for stream in streams])
    return [{name: b3.f1 for name, b3 in by_stream.items()} for by_stream in scores]


def _means(scores: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: fmean(score[name] for score in scores) for name in scores[0]}


def render(choices: Sequence[Choice]) -> str:
    """Two tables: what each choice scores where it was not made (the last row: where it was), and the values it came to."""
    unseen = [
        (f"without {choice.held_out}", choice.in_order[choice.held_out], choice.shuffled[choice.held_out])
        for choice in choices
        if choice.held_out is not None
    ]
    rows = [*unseen, ("mean where left out", fmean(row[1] for row in unseen), fmean(row[2] for row in unseen))]
    rows += [
        ("on all, where chosen", fmean(choice.in_order.values()), fmean(choice.shuffled.values()))
        for choice in choices
        if choice.held_out is None
    ]
    values = [[name, *(_written(getattr(choice.parameters, name)) for choice in choices)] for name in SPACE]
    return (
        table(
            ["chosen", "F1 in order", f"mean of {SCORED_ORDERS} shuffles"],
            [[name, share(own), share(others)] for name, own, others in rows],
        )
        + "\n\n"
        + table(["value", *(_name(choice) for choice in choices)], values)
        + "\n"
    )


def _written(value: float | timedelta) -> str:
    return f"{value / timedelta(days=1):.3g} days" if isinstance(value, timedelta) else f"{value:.3g}"


def _name(choice: Choice) -> str:
    return "on all" if choice.held_out is None else f"without {choice.held_out}"


if __name__ == "__main__":
    run_alone(command)
