"""TikTok's webhook events: their shared names, and the progress that each reports.

Source: TikTok, webhooks-events and get-video-status, read 2026-11-22.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from platforms.base import Phase, PublishProgress
from platforms.json_body import MAX_NAME_LENGTH
from platforms.vendor_values import read_id, read_ids

CANCELLED_REASON = "publish_cancelled"
REMOVAL_REASONS = {
    "1": "removed_in_app",
    "2": "account_deleted",
    "3": "age_changed",
    "4": "account_banned",
    "5": "removed_by_us",
}
"""Why a grant has ended, by the number in `authorization.removed`; 0 and others mean unknown."""


UNKNOWN_REMOVAL = "removed"


def removal_reason(content: Mapping[str, Any]) -> str:
    return REMOVAL_REASONS.get(read_id(content.get("reason")) or "", UNKNOWN_REMOVAL)


def parse_completed(content: Mapping[str, Any], occurred_at: datetime | None) -> PublishProgress:
    """The id of the post comes with another event; only the legacy format has it already."""
    return published_progress(content, occurred_at, public=None)


def parse_failed(content: Mapping[str, Any], occurred_at: datetime | None) -> PublishProgress:
    reason = read_id(content.get("reason"), MAX_NAME_LENGTH) or read_id(
        content.get("fail_reason"), MAX_NAME_LENGTH
    )
    phase = Phase.CANCELLED if reason == CANCELLED_REASON else Phase.FAILED
    return PublishProgress(phase, "FAILED", reason, occurred_at=occurred_at)


def parse_delivered(_content: Mapping[str, Any], occurred_at: datetime | None) -> PublishProgress:
    return PublishProgress(Phase.DELIVERED, "SEND_TO_USER_INBOX", occurred_at=occurred_at)


def parse_available(content: Mapping[str, Any], occurred_at: datetime | None) -> PublishProgress:
    return published_progress(content, occurred_at, public=True)


def parse_withdrawn(content: Mapping[str, Any], occurred_at: datetime | None) -> PublishProgress:
    return published_progress(content, occurred_at, public=False)


def published_progress(
    content: Mapping[str, Any], occurred_at: datetime | None, *, public: bool | None
) -> PublishProgress:
    """Progress of a published post; `public` is None if the event does not say."""
    ids = read_ids(content.get("post_id"))
    return PublishProgress(
        Phase.PUBLISHED,
        "PUBLISH_COMPLETE",
        post_ids=ids,
        is_public=public,
        occurred_at=occurred_at,
    )


ParseProgress = Callable[[Mapping[str, Any], datetime | None], PublishProgress]
"""Returns the progress that the content of an event reports, with the vendor's time of it."""


@dataclass(frozen=True)
class EventType:
    """`parse_progress` is None if the event is about the account and not about a publication."""

    kind: str
    parse_progress: ParseProgress | None = None


# other events (tiktok.ping, Share Kit, Data Portability, unknown ones) are stored and ignored
EVENT_TYPES = {
    "post.publish.complete": EventType("video.publish.complete", parse_completed),
    "post.publish.failed": EventType("video.publish.failed", parse_failed),
    "post.publish.inbox_delivered": EventType("video.inbox.received", parse_delivered),
    "post.publish.publicly_available": EventType(
        "post.publish.publicly_available", parse_available
    ),
    # the vendor's spelling
    "post.publish.no_longer_publicaly_available": EventType(
        "post.publish.no_longer_publicaly_available", parse_withdrawn
    ),
    "authorization.removed": EventType("authorization.removed"),
}
LEGACY_EVENT_TYPES = {
    event.kind: event for name, event in EVENT_TYPES.items() if event.kind != name
}
OTHER_SPELLINGS = {
    "post.publish.publicaly_available": "post.publish.publicly_available",
    "post.publish.no_longer_publicly_available": "post.publish.no_longer_publicaly_available",
}
"""The vendor spells its two availability events differently: the other spelling → the vendor's."""
