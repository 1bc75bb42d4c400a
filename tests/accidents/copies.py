"""A crawler mints new ids for one text, and a take-down or a correction of all of them follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

import msgspec
import numpy as np

from benchmarks.core import stream
from newsloom.contracts.vector import ArticleRetraction, ArticleVector
from tests.accidents.clusterer_run import ClustererRun, Cost

ORDERS: Final[dict[str, Callable[[list[int]], list[int]]]] = {
    "in order": list,
    "reversed": lambda numbers: numbers[::-1],
    "at random": lambda numbers: np.random.default_rng(7).permutation(numbers).tolist(),
}


def copies(count: int) -> Iterator[ArticleVector]:
    """Yield a report and its copies, one a second."""
    report = next(stream(1, window=1))
    for number in range(count):
        at = report.published_at + timedelta(seconds=number)
        yield msgspec.structs.replace(report, article_id=f"a{number}", digest=str(number), published_at=at)


def withdraw_all(run: ClustererRun, count: int, order: str) -> tuple[Cost, Cost]:
    """Publish copies and withdraw all of them; return what both cost."""
    published = run.send(copies(count))
    numbers = ORDERS[order](list(range(count)))
    return published, run.send(ArticleRetraction(article_id=f"a{number}", edition="main") for number in numbers)


def correct(run: ClustererRun, count: int, corrections: int) -> tuple[Cost, Cost]:
    """Publish copies and correct the first of them; return what both cost."""
    published = run.send(copies(count))
    corrected = (
        msgspec.structs.replace(article, digest=f"{article.digest} corrected")
        for article, _ in zip(copies(count), range(corrections), strict=False)
    )
    return published, run.send(corrected)
