"""`newsloom calibrate`: what belongs to an encoder, measured on a sample of news without labels."""

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
from services.cli.commands.ingest import IngestError, parse_mapping
from services.ingest.article_parser import LineRejected, Rules, read_line
from services.ingest.lines import InputUnreadable, open_lines

if TYPE_CHECKING:
    from services.embedder.preparation import PreparedText

ARTICLES_MIN: Final = 100
LINES: Final = 256


@click.command()
@click.argument("file", metavar="FILE|-")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Where to write it.")
@click.option(
    "--map",
    "sources",
    multiple=True,
    callback=parse_mapping,
    metavar="FIELD=NAME",
    help="The file calls FIELD by another NAME, as for `newsloom ingest`. Repeatable.",
)
@click.pass_obj
def command(settings: Settings, file: str, output: Path, sources: dict[str, str]) -> None:
    """Measure the mean embeddings of a model that newsloom brings no calibration for.

    FILE holds articles as `newsloom ingest` reads them: some thousands of your own news, of many subjects. The model is the one
    that NEWSLOOM_MODEL names. Name the file written in NEWSLOOM_CALIBRATION, for the clusterer, before the first article.

    \b
        NEWSLOOM_MODEL=/models/mine newsloom calibrate archive.jsonl.gz --output mine.json
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    from services.clusterer.calibration_files import encode_calibration, measure_calibration  # noqa: PLC0415 - NumPy
    from services.embedder.sentence_encoder import load_encoder  # noqa: PLC0415 - torch takes seconds to load

    # Before the texts are encoded, which may take hours.
    if not os.access(output.parent, os.W_OK):
        raise ConfigurationError(f"--output {output}: there is no folder {output.parent} to write it into")
    try:
        texts = list(_texts(file, Rules(sources=sources)))
    except InputUnreadable as error:
        raise IngestError(str(error)) from error
    if len(texts) < ARTICLES_MIN:
        raise ConfigurationError(
            f"{file} holds {len(texts)} articles with a text; a mean needs {ARTICLES_MIN} at least"
        )
    encoder = load_encoder(settings.model)
    titles = encoder.encode([text.title or text.passage for text in texts])
    leads = encoder.encode([text.passage for text in texts])
    calibration = measure_calibration(settings.model, titles, leads)
    output.write_bytes(encode_calibration(calibration, articles=len(texts)))
    click.echo(f"{len(texts):,} articles measured; use it with NEWSLOOM_CALIBRATION={output}")


def _texts(file: str, rules: Rules) -> Iterator[PreparedText]:
    from services.embedder.preparation import prepare  # noqa: PLC0415 - of the embedder, which need not be installed

    with closing(open_lines(file)) as source:
        while lines := source.take(LINES):
            for line in lines:
                try:
                    article = read_line(line.raw, rules)
                except LineRejected:
                    continue
                text = prepare(article) if isinstance(article, Article) else None
                if text is not None and text.passage:
                    yield text
