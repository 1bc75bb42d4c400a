"""`newsloom calibrate`: measure the mean embeddings of a model on a sample of unlabelled news."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from newsloom.contracts.article import Article
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from services.cli.commands.ingest import InputError, parse_mapping
from services.ingest.article_parser import InvalidLine, ParseOptions, parse_line
from services.ingest.lines import UnreadableInput, open_lines

if TYPE_CHECKING:
    from services.embedder.preparation import PreparedText

ARTICLES_MIN: Final = 100
LINES: Final = 256


@click.command()
@click.argument("file", metavar="FILE|-")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to write.")
@click.option(
    "--map",
    "sources",
    multiple=True,
    callback=parse_mapping,
    metavar="FIELD=NAME",
    help="The name of FIELD in the file, as for `newsloom ingest`. Repeatable.",
)
@click.pass_obj
def command(settings: Settings, file: str, output: Path, sources: dict[str, str]) -> None:
    """Measure the mean embeddings of a model.

    Needed for a model that newsloom ships no calibration for. FILE contains articles as `newsloom ingest` reads them: some
    thousands of your own news, on many subjects. The model is the one that NEWSLOOM_MODEL names. Set NEWSLOOM_CALIBRATION to
    the written file, for the clusterer, before the first article.

    \b
        NEWSLOOM_MODEL=/models/mine newsloom calibrate archive.jsonl.gz --output mine.json
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    from services.clusterer.calibration_files import encode_calibration, measure_calibration  # noqa: PLC0415 - NumPy
    from services.embedder.backends import load_encoder  # noqa: PLC0415 - NumPy

    # Check this before the texts are encoded, which may take hours.
    if not os.access(output.parent, os.W_OK):
        raise ConfigurationError(f"--output {output}: the folder {output.parent} does not exist or is not writable")
    try:
        texts = list(read_texts(file, ParseOptions(sources=sources)))
    except UnreadableInput as error:
        raise InputError(str(error)) from error
    if len(texts) < ARTICLES_MIN:
        raise ConfigurationError(f"{file} contains {len(texts)} articles with text; at least {ARTICLES_MIN} are needed")
    encoder = load_encoder(settings.model, settings.backend, settings.model_cache)
    titles = encoder.encode([text.title or text.passage for text in texts])
    leads = encoder.encode([text.passage for text in texts])
    calibration = measure_calibration(settings.model, titles, leads)
    output.write_bytes(encode_calibration(calibration, articles=len(texts)))
    click.echo(f"{len(texts):,} articles measured; use the file with NEWSLOOM_CALIBRATION={output}")


def read_texts(file: str, options: ParseOptions) -> Iterator[PreparedText]:
    """Yield the prepared text of each valid article of the file that has one; raise `UnreadableInput`."""
    from services.embedder.preparation import prepare  # noqa: PLC0415 - the embedder's extra may not be installed

    with closing(open_lines(file)) as source:
        while lines := source.read(LINES):
            for line in lines:
                try:
                    article = parse_line(line.raw, options).event
                except InvalidLine:
                    continue
                text = prepare(article) if isinstance(article, Article) else None
                if text is not None and text.passage:
                    yield text
