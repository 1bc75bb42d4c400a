"""Find stories and articles, and build what the endpoints give of them."""

from __future__ import annotations

from newsloom.contracts.story import Story, StoryState
from services.storypage.cursor import InvalidCursor
from services.storypage.problems import MergedStory, bad_request, gone, not_found
from services.storypage.read_model.queries import MemberRow, Queries
from services.storypage.read_model.times import from_ms
from services.storypage.reasons import reason_of
from services.storypage.resources import ArticleQuery, ArticleResource, StoryArticle, StoryQuery, StorySummary
from services.storypage.summary import split_text
from services.storypage.wording import is_sample, web_address


def find_story(queries: Queries, story_id: str) -> Story:
    """Return the story.

    Raises:
        MergedStory: it is part of another story now.
        HttpProblem: it is unknown (404) or forgotten (410).

    """
    story = queries.story(story_id)
    if story is not None and story.state is not StoryState.MERGED:
        return story
    successor = queries.successor(story_id)
    if successor is not None:
        raise MergedStory(successor)
    if queries.is_forgotten(story_id):
        raise gone("The story is forgotten: it ended long ago.")
    raise not_found("There is no story of this id.")


def list_stories(queries: Queries, query: StoryQuery) -> tuple[list[StorySummary], str | None]:
    """Return a page of stories and the cursor of the next one; raise `HttpProblem` if the query's cursor is wrong."""
    try:
        return queries.list_stories(query)
    except InvalidCursor as error:
        raise bad_request(str(error)) from error


def find_article(queries: Queries, query: ArticleQuery) -> ArticleResource:
    """Return the article with its text; raise `HttpProblem` if it is in no story."""
    member = queries.member(query.edition, query.id)
    if member is None:
        raise not_found("There is no article of this id in a story of this edition: it was withdrawn, or is forgotten.")
    article = queries.article(query.edition, query.id)
    paragraphs, left_out = split_text(article) if article is not None else ([], [])
    return ArticleResource(
        article=story_article(member),
        has_text=article is not None,
        paragraphs=paragraphs,
        left_out=left_out,
        author=None if article is None else article.author,
    )


def story_article(member: MemberRow) -> StoryArticle:
    """Return the article as a story lists it."""
    return StoryArticle(
        id=member.article_id,
        edition=member.edition,
        story_id=member.story_id,
        title=member.title,
        published_at=from_ms(member.published_ms),
        reason=reason_of(member.placement),
        outlet=member.outlet,
        leaning=member.leaning,
        language=member.language,
        url=web_address(member.url),
        copy_of=member.copy_of,
        sample=is_sample(member.url),
    )
