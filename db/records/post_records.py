"""Which table has what a platform reported about a post, beside the columns of the post."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from db.posts.posts import Post
from db.records.record_table import (
    PostRecord,
    RecordProjection,
    RecordStore,
    RecordTable,
    WebhookReport,
)
from db.records.tiktok_posts import TIKTOK_RECORDS

RECORD_TABLES: Mapping[str, RecordTable] = {"tiktok": TIKTOK_RECORDS}
"""Platform → its table. Of the others everything known is in the post and its parts."""


def has_record_table(provider: str) -> bool:
    return provider in RECORD_TABLES


def find_record_store(session: Session, provider: str) -> RecordStore | None:
    table = RECORD_TABLES.get(provider)
    return None if table is None else table.store(session)


def get_projection(provider: str) -> RecordProjection:
    """Errors: KeyError if the platform has no records."""
    return RECORD_TABLES[provider].projection


def list_webhook_reports(provider: str, record: Any | None) -> Sequence[WebhookReport]:
    """What the last webhooks about a post reported, the latest last."""
    return () if record is None else get_projection(provider).list_webhook_reports(record)


def find_post_record(session: Session, provider: str, post_id: int) -> Any | None:
    """The `PostRecord` of a post, if its platform has one."""
    store = find_record_store(session, provider)
    return None if store is None else store.get_by_post(post_id)


def find_post_records(session: Session, posts: Iterable[Post]) -> dict[int, Any | None]:
    """The records of posts by post id, with one query for each table; None if there is none."""
    ids_by_provider: dict[str, list[int]] = {}
    for post in posts:
        ids_by_provider.setdefault(post.provider, []).append(post.id)
    records: dict[int, Any | None] = {}
    for provider, post_ids in ids_by_provider.items():
        store = find_record_store(session, provider)
        records |= dict.fromkeys(post_ids) if store is None else store.get_by_posts(post_ids)
    return records


def open_publication(session: Session, post: Post) -> None:
    """The platform knows the post now, by its publish_id."""
    store = find_record_store(session, post.provider)
    if store is not None:
        store.create(post)


def close_publication(session: Session, post: Post) -> None:
    """The platform has nothing of the post any more."""
    store = find_record_store(session, post.provider)
    if store is not None:
        store.detach_failed(post)


def was_record_updated_within(
    session: Session, provider: str, record: PostRecord | None, window: timedelta
) -> bool:
    store = find_record_store(session, provider)
    if store is None or record is None:
        return False
    return store.was_updated_within(record, window)


def record_updated_at(record: PostRecord | None, fallback: datetime) -> datetime:
    moment: datetime = fallback if record is None else record.updated_at
    return moment


def recorded_public_ids(provider: str, record: PostRecord | None) -> tuple[str, ...]:
    """The ids of a post that its platform has reported; there may be several."""
    table = RECORD_TABLES.get(provider)
    if table is None or record is None:
        return ()
    return tuple(record.details.get(table.public_ids_key, ()))
