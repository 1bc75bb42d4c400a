"""Compare Overviews with round-ups by editors: `python -m evaluation.overview --data DIR --roundups FILE SET`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, NamedTuple

import click
import numpy as np

from evaluation.cli.options import default_data_folder
from evaluation.cli.program import run_program
from evaluation.output.tables import share, table
from evaluation.overviews.rouge import Rouge, rouge
from evaluation.overviews.simple_methods import lead, lexrank
from evaluation.overviews.stories import ReferenceStory, read_roundups, reference_stories
from evaluation.streams.files import read_streams
from newsloom.streaming.errors import ConfigurationError
from services.digest.core.frequencies import DocumentFrequencies
from services.digest.core.overview import choose_overview, score_candidates
from services.digest.core.story_text import StoryText
from services.digest.document_frequencies import load_frequencies

METHODS: Final = ("newsloom", "lead", "lexrank")
RESAMPLES: Final = 10_000
FOLDER: Final = click.Path(path_type=Path, file_okay=False)


class Comparison(NamedTuple):
    """The result of a comparison: the number of stories, and the mean scores of each method in the order of `METHODS`.

    `p` is, for each other method, the share of bootstrap samples of the stories in which its ROUGE-1 is at least newsloom's.
    """

    stories: int
    means: tuple[Rouge, ...]
    p: dict[str, float]


@click.command(name="evaluation.overview")
@click.argument("name", metavar="SET")
@click.option("--data", metavar="DIR", type=FOLDER, help="Folder of the streams. [as for newsloom evaluate]")
@click.option(
    "--roundups", metavar="FILE", type=click.Path(path_type=Path), required=True, help="JSON lines: story, roundup."
)
@click.option("--words", metavar="N", type=click.IntRange(5, 500), default=50, help="Length of the texts. [50]")
@click.option(
    "--half",
    type=click.Choice(["choice", "report"]),
    help="Only the half by which parameters were chosen, or the other.",
)
@click.option("--format", "output", type=click.Choice(["table", "json"]), default="table", help="[table]")
def command(*, name: str, data: Path | None, roundups: Path, words: int, half: str | None, output: str) -> None:
    """Compare the Overview of each story with the round-up that an editor wrote, by ROUGE F1; the same for lead and LexRank."""
    references = read_roundups(roundups)
    stream = read_streams(data or default_data_folder(), (name,))[0]
    stories = [one for one in reference_stories(stream, references) if half in {None, _half(one)}]
    if not stories:
        raise ConfigurationError(f"{name}: no story has a round-up in {roundups} and three articles of a hundred words")
    found = compare(stories, words, load_frequencies())
    print(_as_json(found, words) if output == "json" else _as_table(found))


def compare(stories: list[ReferenceStory], words: int, frequencies: DocumentFrequencies) -> Comparison:
    """Score all methods, with texts of at most `words` words."""
    scores = np.array(
        [[rouge(_cut(text, words), one.roundup) for text in _texts(one, words, frequencies)] for one in stories]
    )
    means = tuple(Rouge(*row) for row in scores.mean(axis=0).tolist())
    p = {method: _bootstrap(scores[:, 0, 0] - scores[:, other, 0]) for other, method in enumerate(METHODS) if other}
    return Comparison(len(stories), means, p)


def _texts(story: ReferenceStory, words: int, frequencies: DocumentFrequencies) -> tuple[str, ...]:
    text = StoryText(story.digest, frequencies)
    chosen = " ".join(text.lines[index].sentence.text for index in choose_overview(text, score_candidates(text), words))
    return chosen, lead(story), lexrank(story, frequencies)


def _cut(text: str, words: int) -> str:
    return " ".join(text.split()[:words])


def _bootstrap(differences: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Return the share of samples of the stories, drawn with repetition, whose mean difference is not above 0."""
    samples = np.random.default_rng(1).integers(len(differences), size=(RESAMPLES, len(differences)))
    return float((differences[samples].mean(axis=1) <= 0).mean())


def _half(story: ReferenceStory) -> str:
    return "choice" if story.is_for_choice else "report"


def _as_json(found: Comparison, words: int) -> str:
    own, *others = ({measure: round(value, 4) for measure, value in mean._asdict().items()} for mean in found.means)
    compared = {method: {**scores, "p": found.p[method]} for method, scores in zip(METHODS[1:], others, strict=True)}
    return json.dumps({**own, **compared, "stories": found.stories, "words": words})


def _as_table(found: Comparison) -> str:
    rows = [
        (method, *map(share, mean), f"{found.p[method]:.4f}" if method in found.p else "")
        for method, mean in zip(METHODS, found.means, strict=True)
    ]
    return f"{found.stories} stories\n\n" + table(("method", "ROUGE-1", "ROUGE-2", "ROUGE-L", "p"), rows)


if __name__ == "__main__":
    run_program(command)
