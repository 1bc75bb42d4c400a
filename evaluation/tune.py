"""How the shipped parameters are chosen, and what that choice is worth on a stream it never saw: `python -m evaluation.tune`.

For each stream the parameters are searched for on the other streams alone, and scored on it: the mean of these scores is the
honest figure. The shipped values are those found on all streams. The same seed, streams and code give the same values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

import click

from evaluation.command import Request, run_alone, stream_options
from evaluation.prepared import cached_encoder, counted_streams, prepare_stream, tell
from evaluation.report import provenance, share, table
from evaluation.search import Bounds, climb, known_bounds, random_points
from evaluation.space import SPACE
from evaluation.trials import TRIALS_FILE, Trials
from services.clusterer.core.parameters import Parameters

STREAMS_MIN: Final = 3
"""With fewer there is nothing to choose on once one is left out."""


@dataclass(frozen=True, slots=True)
class Search:
    """Where to look and how long: random points, then rounds of steps from the best."""

    bounds: Bounds
    points: int
    rounds: int
    seed: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen without a stream (None: on all streams): mean F1 where it was chosen, F1 where it was not."""

    held_out: str | None
    parameters: Parameters
    chosen_f1: float
    held_out_f1: float | None


@click.command(name="evaluation.tune")
@stream_options
@click.option("--points", metavar="N", type=click.IntRange(min=0), default=60, show_default=True, help="Random trials.")
@click.option(
    "--rounds", metavar="N", type=click.IntRange(min=0), default=6, show_default=True, help="Rounds of steps."
)
@click.option("--seed", metavar="N", type=int, default=1, show_default=True)
@click.option("--processes", metavar="N", type=click.IntRange(min=1), help="Replays at once. [one a core]")
def command(*, request: Request, points: int, rounds: int, seed: int, processes: int | None) -> None:
    """Search for parameters on all streams but one, score them on that one, for each; then on all streams together.

    Trials are kept in `trials.jsonl` in the cache: an interrupted search goes on where it was. Where to look is said in
    evaluation/space.py.
    """
    streams = counted_streams(request)
    if len(streams) < STREAMS_MIN:
        raise click.UsageError(f"leaving one stream out takes {STREAMS_MIN} or more; there are {len(streams)}")
    encoder = cached_encoder(request.cache)
    ready = [prepare_stream(stream, encoder) for stream in streams]
    names = [stream.name for stream in streams]
    search = Search(known_bounds(SPACE), points, rounds, seed)
    with Trials(ready, request.cache / TRIALS_FILE, processes=processes) as trials:
        choices = [_chosen(trials, names, held_out, search) for held_out in (*names, None)]
    click.echo(f"{provenance()}\n{render(choices)}", nl=False)


def _chosen(trials: Trials, names: Sequence[str], held_out: str | None, search: Search) -> Choice:
    training = [name for name in names if name != held_out]
    tell(f"choosing on {', '.join(training)}")

    def mean_f1(configurations: Sequence[Parameters]) -> list[float]:
        return [fmean(b3.f1 for b3 in found.values()) for found in trials.run(configurations, training)]

    # Each choice climbs on its own: nothing that was proposed with a stream in view is ever chosen without it.
    points = random_points(search.bounds, search.points, search.seed)
    parameters, height = climb(search.bounds, points, mean_f1, rounds=search.rounds)
    unseen = trials.run([parameters], [held_out])[0][held_out].f1 if held_out is not None else None
    return Choice(held_out, parameters, height, unseen)


def render(choices: Sequence[Choice]) -> str:
    """Two tables: the scores of each choice, and the values it came to."""
    unseen = [choice.held_out_f1 for choice in choices if choice.held_out_f1 is not None]
    scores = [
        [_name(choice), share(choice.chosen_f1), "" if choice.held_out_f1 is None else share(choice.held_out_f1)]
        for choice in choices
    ]
    scores.append(["mean over the streams left out", "", share(fmean(unseen))])
    values = [[name, *(str(getattr(choice.parameters, name)) for choice in choices)] for name in known_bounds(SPACE)]
    return (
        table(["chosen", "F1 where chosen", "F1 where left out"], scores)
        + "\n\n"
        + table(["value", *map(_name, choices)], values)
        + "\n"
    )


def _name(choice: Choice) -> str:
    return "on all: to be shipped" if choice.held_out is None else f"without {choice.held_out}"


if __name__ == "__main__":
    run_alone(command)
