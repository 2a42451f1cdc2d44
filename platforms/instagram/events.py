"""Turns the changes of Meta's deliveries into events: what each is about, and its dedupe key.

Source: Meta, webhooks reference `instagram`, and captured traffic, read 2026-11-22.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

from platforms.base import IGNORED_KIND, ParsedEvent
from platforms.comments import PlatformComment
from platforms.instagram.comment_values import MAX_COMMENT_LENGTH
from platforms.instagram.message_changes import MESSAGE_KINDS, ChangeValue, message_key
from platforms.json_body import MAX_ID_LENGTH, MAX_NAME_LENGTH, shorten_or_hash
from platforms.platform import Effect
from platforms.vendor_values import (
    MILLISECONDS_FROM,
    read_count,
    read_flag,
    read_id,
    read_number,
    read_object,
    read_text,
    read_time,
)

COMMENT_KIND = "comment.received"
LIVE_COMMENT_KIND = "comment.received_live"
MENTION_KIND = "mention.received"
STORY_METRICS_KIND = "story.metrics"
MEDIA_KIND = "media.changed"

EVENT_EFFECTS: Mapping[str, Effect] = {
    COMMENT_KIND: Effect.COMMENT,
    LIVE_COMMENT_KIND: Effect.COMMENT,
    MENTION_KIND: Effect.MENTION,
    STORY_METRICS_KIND: Effect.METRICS,
    MEDIA_KIND: Effect.MEDIA_CHANGED,
    **dict.fromkeys(MESSAGE_KINDS.values(), Effect.STORED),
}

TEST_ACCOUNT = "0"  # the account of the test deliveries of Meta's dashboard
MAX_METRICS = 30  # metrics that are read from one change
CANONICAL_JSON = json.JSONEncoder(sort_keys=True)  # made once: that takes as long as its use


@dataclass(frozen=True)
class EventContent:
    """What a change says, in the form all platforms share."""

    kind: str = IGNORED_KIND
    item_id: str | None = None
    comment: PlatformComment | None = None
    counts: Mapping[str, int] | None = None


NOTHING_KNOWN = EventContent()


def read_comment(value: ChangeValue, account_id: str | None) -> EventContent:
    """Return the comment of a change. Its id is `id`, in Meta's own sample `comment_id`."""
    comment_id = read_id(value.get("id") or value.get("comment_id"))
    if comment_id is None:
        return NOTHING_KNOWN
    author = read_object(value.get("from")) or {}
    author_id = read_id(author.get("id"))
    media = read_object(value.get("media")) or {}
    media_id = read_id(media.get("id") or value.get("media_id"))
    comment = PlatformComment(
        id=comment_id,
        post_id=media_id,
        parent_id=read_id(value.get("parent_id")),
        author_id=author_id,
        author_name=read_text(author.get("username"), MAX_NAME_LENGTH),
        text=read_text(value.get("text"), MAX_COMMENT_LENGTH),
        written_at=read_time(value.get("timestamp")),
        is_hidden=read_flag(value.get("hidden")),
        is_own=is_own_author(author, author_id, account_id),
    )
    return EventContent(COMMENT_KIND, media_id, comment)


def is_own_author(
    author: Mapping[str, Any], author_id: str | None, account_id: str | None
) -> bool | None:
    """Return whether the account wrote a comment; None if that is not clear.

    No page says whose `self_ig_scoped_id` is, so an author who has it as id may be the account.
    """
    if author_id is None:
        return None
    if author_id == account_id:
        return True
    return None if author_id == read_id(author.get("self_ig_scoped_id")) else False


def read_live_comment(value: ChangeValue, account_id: str | None) -> EventContent:
    content = read_comment(value, account_id)
    return content if content.comment is None else replace(content, kind=LIVE_COMMENT_KIND)


def read_mention(value: ChangeValue, _account_id: str | None) -> EventContent:
    """Return where the account was mentioned: ids only, the text is fetched."""
    media_id, comment_id = read_id(value.get("media_id")), read_id(value.get("comment_id"))
    if comment_id is not None:
        return EventContent(MENTION_KIND, media_id, PlatformComment(comment_id, media_id))
    return NOTHING_KNOWN if media_id is None else EventContent(MENTION_KIND, media_id)


def read_story_metrics(value: ChangeValue, _account_id: str | None) -> EventContent:
    """Return the metrics of an ended story, under the names that Meta sends."""
    media_id = read_id(value.get("media_id"))
    if media_id is None:
        return NOTHING_KNOWN
    names = [name for name in value if name != "media_id" and len(name) <= MAX_NAME_LENGTH]
    counts = {name: read_count(value[name]) for name in names[:MAX_METRICS]}
    known_counts = {name: count for name, count in counts.items() if count is not None}
    return EventContent(STORY_METRICS_KIND, media_id, counts=known_counts)


def read_media_change(value: ChangeValue, _account_id: str | None) -> EventContent:
    """Return which media changed. Meta does not document this field; media come by polling."""
    return EventContent(MEDIA_KIND, read_id(value.get("id") or value.get("media_id")))


CONTENT_READERS: Mapping[str, Callable[[ChangeValue, str | None], EventContent]] = {
    "comments": read_comment,
    "live_comments": read_live_comment,
    "mentions": read_mention,
    "story_insights": read_story_metrics,
    "media": read_media_change,
}


def comment_key(value: ChangeValue) -> str:
    return read_id(value.get("id") or value.get("comment_id")) or ""


def mention_key(value: ChangeValue) -> str:
    return f"{read_id(value.get('media_id')) or ''}:{read_id(value.get('comment_id')) or ''}"


def media_key(value: ChangeValue) -> str:
    return read_id(value.get("media_id")) or ""


def no_key(_value: ChangeValue) -> str:
    return ""


NATURAL_KEYS: Mapping[str, Callable[[ChangeValue], str]] = {
    "comments": comment_key,
    "live_comments": comment_key,
    "mentions": mention_key,
    "story_insights": media_key,
    **dict.fromkeys(MESSAGE_KINDS, message_key),
}
"""The part of a field's value that identifies a change; for other fields the whole value does."""


def parse_entry(entry: Mapping[str, Any], changes: list[dict[str, Any]]) -> Iterator[ParsedEvent]:
    """Yield the event of each change of an entry. `entry` has its `id` and `time`."""
    account_id, sent_at = read_id(entry.get("id")), read_sent_time(entry.get("time"))
    for change in changes:
        yield parse_change(entry, change, account_id=account_id, sent_at=sent_at)


def parse_change(
    entry: Mapping[str, Any],
    change: Mapping[str, Any],
    *,
    account_id: str | None,
    sent_at: datetime | None,
) -> ParsedEvent:
    """Return the event of one change.

    The key leaves out the entry's time, which Meta sets anew in every redelivery. Only a change
    without a value has it in its key: it says no more than that something happened just then.
    """
    field, value = change["field"], change.get("value")
    name = shorten_or_hash(field, MAX_NAME_LENGTH)
    fields = read_object(value)
    content = read_content(field, fields, account_id)
    natural_key = NATURAL_KEYS.get(field, no_key)(fields or {})
    if value is None:
        natural_key = read_id(entry.get("time")) or ""
    digest = sha256(CANONICAL_JSON.encode(value).encode()).hexdigest()
    return ParsedEvent(
        key=shorten_or_hash(f"{name}:{account_id}:{natural_key}:{digest}", MAX_ID_LENGTH),
        kind=content.kind,
        vendor_event=name,
        payload={"entry": entry, "change": change},
        platform_user_id=account_id,
        occurred_at=message_time(field, fields) or sent_at,
        item_id=content.item_id,
        comment=content.comment,
        counts=content.counts,
    )


def read_content(field: str, value: ChangeValue | None, account_id: str | None) -> EventContent:
    """Return what a change says. It has no effect without an account, nor in a test delivery.

    A name without a value that can be read (`changed_fields`) says that media or comments have to
    be fetched.
    """
    if account_id is None or account_id == TEST_ACCOUNT:
        return NOTHING_KNOWN
    if field in MESSAGE_KINDS:
        return EventContent(MESSAGE_KINDS[field])
    if field not in CONTENT_READERS:
        return NOTHING_KNOWN
    if value is None:
        return NOTHING_KNOWN if field == "mentions" else EventContent(MEDIA_KIND)
    return CONTENT_READERS[field](value, account_id)


def message_time(field: str, value: ChangeValue | None) -> datetime | None:
    if value is None or field not in MESSAGE_KINDS:
        return None
    return read_sent_time(value.get("timestamp"))


def read_sent_time(value: Any) -> datetime | None:
    """Return a time in seconds or milliseconds since 1970: entries of messages have the latter."""
    number = read_number(value)
    if not isinstance(number, int) or number <= 0:
        return None
    return from_timestamp(number // 1000 if number > MILLISECONDS_FROM else number)


@lru_cache(maxsize=64)
def from_timestamp(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
