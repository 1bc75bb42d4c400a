from __future__ import annotations

from newsloom.contracts.article import TEXT_CHARACTERS_MAX
from tests.accidents.long_article import longest_article, prepare

RECORD_BYTES_MAX = 65_536


def test_the_record_of_the_longest_article_is_no_larger_than_that_of_others() -> None:
    article = longest_article()
    assert len(article.text) == TEXT_CHARACTERS_MAX
    size, _ = prepare(article)
    assert size <= RECORD_BYTES_MAX
