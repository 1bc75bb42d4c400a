"""What the newsroom under chaos is fed: real articles in several editions, and what real feeds do to them afterwards."""

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
"""What the files call otherwise."""
RULES: Final = ParseOptions(sources=NAMES)
GOLD: Final = ("story", "story_title", "syndicated")
"""The labels of the files: no part of an article."""
REAL: Final = ("groundnews2025.jsonl.gz", "allsides_dev.jsonl.gz")
REPEATED_EVERY, CORRECTED_EVERY, RETRACTED_EVERY = 20, 25, 40
LOOK_BACK: Final = 300
"""How far back an article may lie that comes again, is corrected or withdrawn."""

Row = dict[str, Any]
Pair = tuple[bytes | None, bytes | None]
"""Key and value of a record."""


def traffic(files: list[Path], *, seed: int, articles_max: int | None = None) -> list[bytes]:
    """Lines for `newsloom ingest`: the files woven into one, and between them repeats, corrections and retractions.

    A correction takes the text of another article of its edition: texts that no file holds would have to be encoded first.
    """
    choice = random.Random(seed)  # noqa: S311 - nothing secret
    rows = _woven([_rows(file) for file in files])[:articles_max]
    return [json.dumps(row).encode() + b"\n" for row in _stirred(rows, choice)]


def real_files(folder: Path) -> list[Path]:
    """The files of real articles in the folder, if all of them are there."""
    files = [folder / name for name in REAL]
    return files if all(file.exists() for file in files) else []


def pair_of(line: bytes) -> Pair:
    """What a line is on `articles`."""
    event = parse_line(line, RULES)
    return event.id.encode(), None if isinstance(event, Retraction) else encode(event)


def _rows(file: Path) -> list[Row]:
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
        return [row for line in lines if (row := _row(file, line)) is not None]


def _row(file: Path, line: bytes) -> Row | None:
    try:
        row: Row = json.loads(line)
    except ValueError:
        return None  # The sample holds a line that is none; ingest's own tests say what becomes of it.
    plain = {name: value for name, value in row.items() if name not in GOLD and value is not None}
    return {**plain, "edition": plain.get("edition", _edition(file, plain))}


def _edition(file: Path, row: Mapping[str, Any]) -> str:
    """A few worlds out of two files: more editions than partitions, which is what is to be shown."""
    return f"{file.name.partition('.')[0]}-{row.get('leaning', 'unknown')}"


def _woven(streams: list[list[Row]]) -> list[Row]:
    """All of them at once, each at the pace at which all end together; in its own order each."""
    placed = [
        ((place + 1) / len(rows), number, row) for number, rows in enumerate(streams) for place, row in enumerate(rows)
    ]
    return [row for _, _, row in sorted(placed, key=lambda item: item[:2])]


def _stirred(rows: list[Row], choice: random.Random) -> Iterator[Row]:
    for place, row in enumerate(rows):
        yield row
        past = rows[max(0, place - LOOK_BACK) : place + 1]
        if place % REPEATED_EVERY == REPEATED_EVERY - 1:
            yield choice.choice(past)
        if place % CORRECTED_EVERY == CORRECTED_EVERY - 1:
            yield _correction(choice.choice(past), choice.choice(past))
        if place % RETRACTED_EVERY == RETRACTED_EVERY - 1:
            withdrawn = choice.choice(past)
            yield {"id": withdrawn["id"], "edition": withdrawn["edition"], "retracted": True}


def _correction(row: Row, other: Row) -> Row:
    return {**row, "title": other.get("title", ""), "text": other.get("text", "")}
