"""TikTok's events in our words: which exist, what each says. Pure; judges no signature.

Source: TikTok, webhooks-events and get-video-status, read 2026-11-22.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from platforms.base import Phase, Progress
from platforms.bodies import MAX_NAME, text

CANCELLED = "publish_cancelled"
REMOVALS = {
    "1": "removed_in_app",
    "2": "account_deleted",
    "3": "age_changed",
    "4": "account_banned",
    "5": "removed_by_us",
}
"""Why a grant has ended, by the number in `authorization.removed`; 0 and the rest say nothing."""


def moment(value: Any) -> datetime | None:
    """Units: seconds since 1970. None if it is no time that a calendar knows."""
    try:
        return datetime.fromtimestamp(int(text(value) or ""), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def removal(content: Mapping[str, Any]) -> str:
    return REMOVALS.get(text(content.get("reason")) or "", "removed")


def completed(content: Mapping[str, Any]) -> Progress:
    """The id of the post comes with another event; in the compatibility format already here."""
    return seen(content, public=None)


def failed(content: Mapping[str, Any]) -> Progress:
    reason = text(content.get("reason"), MAX_NAME)
    return Progress(Phase.CANCELLED if reason == CANCELLED else Phase.FAILED, "FAILED", reason)


def delivered(_content: Mapping[str, Any]) -> Progress:
    return Progress(Phase.DELIVERED, "SEND_TO_USER_INBOX")


def available(content: Mapping[str, Any]) -> Progress:
    return seen(content, public=True)


def withdrawn(content: Mapping[str, Any]) -> Progress:
    return seen(content, public=False)


def seen(content: Mapping[str, Any], *, public: bool | None) -> Progress:
    """Whether the public sees it, no longer does, or nobody says: either way it was published."""
    post_id = text(content.get("post_id"))
    ids = (post_id,) if post_id else ()
    return Progress(Phase.PUBLISHED, "PUBLISH_COMPLETE", post_ids=ids, public=public)


@dataclass(frozen=True)
class Event:
    """`tells` makes news of a publication; None where the event is about the account."""

    kind: str
    tells: Callable[[Mapping[str, Any]], Progress] | None = None


# what is not listed (tiktok.ping, Share Kit, Data Portability, the unknown) is stored and ignored
EVENTS = {
    "post.publish.complete": Event("video.publish.complete", completed),
    "post.publish.failed": Event("video.publish.failed", failed),
    "post.publish.inbox_delivered": Event("video.inbox.received", delivered),
    "post.publish.publicly_available": Event("post.publish.publicly_available", available),
    # the vendor's spelling
    "post.publish.no_longer_publicaly_available": Event(
        "post.publish.no_longer_publicaly_available", withdrawn
    ),
    "authorization.removed": Event("authorization.removed"),
}
RENAMED = {event.kind: event for name, event in EVENTS.items() if event.kind != name}
