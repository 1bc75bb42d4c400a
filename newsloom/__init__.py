"""Subscribe to stories, and correct them, from a program.

    from newsloom import subscribe

    with subscribe("kafka://host:9092") as newsloom:
        for update in newsloom.updates():
            print(f"{update.article_count} articles: {update.title}")

`newsloom.subscribe` describes reading, `newsloom.command_client` commands, `newsloom.contracts` every field.
"""

from newsloom.command_client import Applied, Rejected, new_command, send_command
from newsloom.contracts.codec import InvalidValue
from newsloom.contracts.command import MergeStories, MoveArticle, PinStory, SplitStory, UnpinStory
from newsloom.contracts.membership import Membership
from newsloom.contracts.story import Story, StoryUpdate
from newsloom.streaming.errors import CommitFailed, ConfigurationError, Fenced, LogError, LogUnavailable
from newsloom.subscribe import Newsloom, Subscription, UnreadableRecord, UpdateBatch, subscribe

__all__ = [
    "Applied",
    "CommitFailed",
    "ConfigurationError",
    "Fenced",
    "InvalidValue",
    "LogError",
    "LogUnavailable",
    "Membership",
    "MergeStories",
    "MoveArticle",
    "Newsloom",
    "PinStory",
    "Rejected",
    "SplitStory",
    "Story",
    "StoryUpdate",
    "Subscription",
    "UnpinStory",
    "UnreadableRecord",
    "UpdateBatch",
    "new_command",
    "send_command",
    "subscribe",
]
