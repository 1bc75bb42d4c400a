"""The lines to ingest: real articles in several editions, with the duplicates, corrections and retractions of real feeds."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from newsloom.contracts.codec import encode
from services.ingest.article_parser import ParseOptions, Retraction, parse_line

NAMES: Final = {"outlet": "source", "language": "lang"}
"""Fields that have other names in the files."""
RULES: Final = ParseOptions(sources=NAMES)
GOLD: Final = ("story", "story_title", "syndicated")
"""Labels in the files that are not part of an article."""
REAL: Final = ("groundnews2025.jsonl.gz", "allsides_dev.jsonl.gz")
DUPLICATED_EVERY, CORRECTED_EVERY, RETRACTED_EVERY = 20, 25, 40
LOOK_BACK_ROWS: Final = 300
"""How many rows back an article that is duplicated, corrected or retracted may be."""

Row = dict[str, Any]
Pair = tuple[bytes | None, bytes | None]
"""Key and value of a record."""


def traffic(files: list[Path], *, seed: int, articles_max: int | None = None) -> list[bytes]:
    """Return lines for `newsloom ingest`: the files interleaved, with duplicates, corrections and retractions.

    A correction takes the text of another article: new texts would have to be encoded first.
    """
    rng = random.Random(seed)  # noqa: S311 - nothing secret
    rows = _interleave([_rows(file) for file in files])[:articles_max]
    return [json.dumps(row).encode() + b"\n" for row in _with_changes(rows, rng)]


def real_files(folder: Path) -> list[Path]:
    """Return the files of real articles in the folder, or an empty list if one is missing."""
    files = [folder / name for name in REAL]
    return files if all(file.exists() for file in files) else []


def pair_of(line: bytes) -> Pair:
    """Return the key and value of a line on `articles`."""
    event = parse_line(line, RULES).event
    return event.id.encode(), None if isinstance(event, Retraction) else encode(event)


def _rows(file: Path) -> list[Row]:
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
        return [row for line in lines if (row := _row(file, line)) is not None]


def _row(file: Path, line: bytes) -> Row | None:
    try:
        row: Row = json.loads(line)
    except ValueError:
        return None  # The sample has one invalid line, which the tests of ingest cover.
    plain = {name: value for name, value in row.items() if name not in GOLD and value is not None}
    return {**plain, "edition": plain.get("edition", _edition(file, plain))}


def _edition(file: Path, row: Mapping[str, Any]) -> str:
    """Return an edition by file and leaning, so that there are more editions than partitions."""
    return f"{file.name.partition('.')[0]}-{row.get('leaning', 'unknown')}"


def _interleave(streams: list[list[Row]]) -> list[Row]:
    """Merge the streams, each in its own order, so that all end together."""
    ranked = [
        ((index + 1) / len(rows), number, row) for number, rows in enumerate(streams) for index, row in enumerate(rows)
    ]
    return [row for _, _, row in sorted(ranked, key=lambda item: item[:2])]


def _with_changes(rows: list[Row], rng: random.Random) -> Iterator[Row]:
    for index, row in enumerate(rows):
        yield row
        past = rows[max(0, index - LOOK_BACK_ROWS) : index + 1]
        if index % DUPLICATED_EVERY == DUPLICATED_EVERY - 1:
            yield rng.choice(past)
        if index % CORRECTED_EVERY == CORRECTED_EVERY - 1:
            yield _correction(rng.choice(past), rng.choice(past))
        if index % RETRACTED_EVERY == RETRACTED_EVERY - 1:
            retracted = rng.choice(past)
            yield {"id": retracted["id"], "edition": retracted["edition"], "retracted": True}


def _correction(row: Row, other: Row) -> Row:
    return {**row, "title": other.get("title", ""), "text": other.get("text", "")}
