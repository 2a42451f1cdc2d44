"""Instagram's posts as their owner sees them. Read-only."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, func, select, true, tuple_
from sqlalchemy.orm import Session

from db.insights.items import ListedItem, NewestItem
from db.records.instagram_comment_store import matches_key
from db.records.instagram_tables import IgMedia, InstagramAccount

MEDIA: Any = IgMedia.__table__
ACCOUNTS: Any = InstagramAccount.__table__
POSTED_AT = func.coalesce(MEDIA.c.timestamp, MEDIA.c.created_at)
NEWEST_FIRST = (POSTED_AT.desc(), MEDIA.c.id.desc())


class InstagramItemReader:
    """The `ItemReader` of Instagram."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list_page(
        self, *, user_id: int, destination_id: int | None, limit: int, before: int | None
    ) -> Sequence[ListedItem]:
        query = select_newest(
            user_id=user_id, destination_id=destination_id, limit=limit, before=before
        )
        found = [row.id for row in self._session.execute(query)]
        query = owned_media().where(MEDIA.c.id.in_(found)).order_by(*NEWEST_FIRST)
        return [to_listed_item(row) for row in self._session.execute(query)] if found else []

    def list_newest(
        self, destination_id: int | None, *, user_id: int, limit: int
    ) -> Sequence[NewestItem]:
        query = select_newest(user_id=user_id, destination_id=destination_id, limit=limit)
        return [NewestItem(*row) for row in self._session.execute(query)]

    def find(self, key: str, *, user_id: int) -> ListedItem | None:
        matches = matches_key(MEDIA.c.id, MEDIA.c.ig_id, key)
        query = owned_media().where(ACCOUNTS.c.user_id == user_id, matches)
        row = self._session.execute(query.limit(1)).one_or_none()
        return None if row is None else to_listed_item(row)

    def get_account_metrics(self, destination_id: int) -> Mapping[str, Any]:
        query = select(ACCOUNTS.c.account_insights).where(ACCOUNTS.c.id == destination_id)
        stored = self._session.scalar(query)
        return stored if isinstance(stored, dict) else {}


def select_newest(
    *, user_id: int, destination_id: int | None, limit: int, before: int | None = None
) -> Select[Any]:
    """Query of id and time of the newest of each account, from an index, and of these the newest.

    The time is NULL if the platform has not said it.
    """
    conditions = [MEDIA.c.instagram_account_id == ACCOUNTS.c.id, MEDIA.c.deleted_at.is_(None)]
    if before is not None:
        last_seen = select(POSTED_AT, MEDIA.c.id).where(MEDIA.c.id == before).correlate(None)
        conditions.append(tuple_(POSTED_AT, MEDIA.c.id) < last_seen.scalar_subquery())
    of_account = select(MEDIA.c.id, MEDIA.c.timestamp, POSTED_AT.label("at")).where(*conditions)
    newest = of_account.order_by(*NEWEST_FIRST).limit(limit).lateral()
    accounts = [ACCOUNTS.c.user_id == user_id]
    if destination_id is not None:
        accounts.append(ACCOUNTS.c.id == destination_id)
    query: Select[Any] = select(newest.c.id, newest.c.timestamp)
    query = query.select_from(ACCOUNTS).join(newest, true()).where(*accounts)
    return query.order_by(newest.c.at.desc(), newest.c.id.desc()).limit(limit)


def owned_media() -> Select[Any]:
    query: Select[Any] = select(MEDIA, ACCOUNTS.c.id.label("destination_id"), ACCOUNTS.c.username)
    return query.join(ACCOUNTS, ACCOUNTS.c.id == MEDIA.c.instagram_account_id)


def to_listed_item(row: Any) -> ListedItem:
    listed = {"likes": row.like_count, "comments": row.comments_count}
    counts = {name: count for name, count in listed.items() if count is not None}
    stored = row.metrics_json if isinstance(row.metrics_json, dict) else {}
    return ListedItem(
        id=row.id,
        item_id=row.ig_id,
        destination_id=row.destination_id,
        account_name=row.username,
        post_id=row.ledger_id,
        product=row.media_product_type,
        media_type=row.media_type,
        text=row.caption,
        url=row.permalink,
        thumbnail_url=row.thumbnail_url,
        shortcode=row.shortcode,
        posted_at=row.timestamp,
        counts={**stored, **counts},
        counted_at=row.insights_updated_at,
        missing_since=row.deleted_at,
    )
