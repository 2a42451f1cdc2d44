"""App events about comments and mentions: their JSON. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.outbox.enqueue import AppEvent

COMMENT_RECEIVED = "comment.received"
MENTION_RECEIVED = "mention.received"


@dataclass(frozen=True)
class EventSource:
    """The account that an app event is about: its owner, its login and its own row."""

    user_id: int
    platform: str
    account_id: int | None
    destination_id: int | None = None

    def to_fields(self) -> dict[str, Any]:
        return {
            "account_id": self.account_id,
            "destination_id": self.destination_id,
            "platform": self.platform,
        }


@dataclass(frozen=True)
class ReceivedComment:
    """A comment of somebody else. `id` is that of our row, `post_id` that of our post."""

    id: int
    external_id: str
    item_external_id: str | None
    post_id: int | None = None
    parent_id: str | None = None
    author_id: str | None = None
    author_name: str | None = None
    text: str | None = None
    written_at: datetime | None = None


def build_comment_event(source: EventSource, comment: ReceivedComment) -> AppEvent:
    """Return the event for a comment that was not known before."""
    author = {"id": comment.author_id, "name": comment.author_name}
    data: Mapping[str, Any] = {
        "comment_id": comment.id,
        "platform_comment_id": comment.external_id,
        "parent_platform_comment_id": comment.parent_id,
        "post_id": comment.post_id,
        "platform_post_id": comment.item_external_id,
        **source.to_fields(),
        "author": author,
        "text": comment.text,
        "written_at": comment.written_at,
    }
    return AppEvent(source.user_id, COMMENT_RECEIVED, f"comment:{comment.id}", data)


def build_mention_event(
    source: EventSource,
    mention_id: int,
    *,
    item_external_id: str | None,
    comment_external_id: str | None,
) -> AppEvent:
    """Return the event for a mention. Its text is not known yet: it has to be fetched."""
    data: Mapping[str, Any] = {
        "mention_id": mention_id,
        "platform_post_id": item_external_id,
        "platform_comment_id": comment_external_id,
        **source.to_fields(),
    }
    return AppEvent(source.user_id, MENTION_RECEIVED, f"mention:{mention_id}", data)
