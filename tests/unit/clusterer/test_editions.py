"""How many editions a clusterer holds, and in which form."""

from __future__ import annotations

import msgspec

from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.editions import Editions
from tests.laws.streams import article
from tests.laws.test_engine import CALIBRATION, PARAMETERS


def in_edition(event: ArticleVector, name: str) -> ArticleVector:
    return msgspec.structs.replace(event, edition=name)


def edition(name: str, articles: int) -> Engine:
    engine = Engine(EditionState(name, CALIBRATION, PARAMETERS))
    for number in range(articles):
        engine.apply(in_edition(article(number, hour=number), name))
    return engine


def test_the_least_recently_used_small_editions_are_dormant() -> None:
    editions = Editions(CALIBRATION, PARAMETERS, awake_max=2, dormant_articles_max=2)
    engines = {name: edition(name, articles) for name, articles in (("a", 1), ("b", 2), ("c", 3), ("d", 1), ("e", 1))}
    for engine in engines.values():
        editions.put(engine)
    assert editions["a"] is engines["a"]
    editions.settle()
    # The order of use is b, c, d, e, a: b to d are too many, and c is too large.
    assert {name for name in engines if editions[name] is engines[name]} == {"a", "c", "e"}
    assert len(editions) == 5
    assert editions.articles() == 8
    assert editions.get("f") is None
    assert set(editions["b"].edition.articles) == {"a0", "a1"}
