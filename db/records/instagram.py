"""Instagram's posts: the rows of `ig_media`, written by publishing, by events and by listings."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Text,
    and_,
    func,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from db.bulk import execute_with_rows, is_any_of, rows_table
from db.insights.items import ListedRange, MissingItem, NewItem, SampledAccount, StoredItem
from db.records.instagram_tables import IgMedia, InstagramAccount

MEDIA_TYPES = frozenset({"IMAGE", "VIDEO", "CAROUSEL_ALBUM", "REELS"})
PRODUCTS = frozenset({"AD", "FEED", "STORY", "REELS"})
REELS, STORY = "REELS", "STORY"
ASSUMED_TYPE = "IMAGE"  # of media whose type nobody has said yet; a listing corrects it
MAX_PERMALINK_LENGTH = 500  # characters of the column
LIST_DELAY = timedelta(hours=1)  # new media may be missing from a listing for so long

TABLE: Any = IgMedia.__table__
COLUMN_TYPES: Mapping[str, Any] = {
    "instagram_account_id": BigInteger(),
    "ledger_id": BigInteger(),
    "ig_id": Text(),
    "media_type": Text(),
    "media_product_type": Text(),
    "caption": Text(),
    "permalink": Text(),
    "timestamp": DateTime(timezone=True),
    "shortcode": Text(),
    "thumbnail_url": Text(),
    "like_count": BigInteger(),
    "comments_count": BigInteger(),
}
MERGED_COLUMNS = tuple(COLUMN_TYPES)[4:]
"""Columns that keep their value when the platform leaves it out."""

NO_SESSION_SYNC = {"synchronize_session": False}


@dataclass(frozen=True)
class MediaRow:
    """What is known of one media. None means not said; `post_id`: our post that became it."""

    destination_id: int
    ig_id: str
    post_id: int | None = None
    media_type: str | None = None
    product: str | None = None
    caption: str | None = None
    permalink: str | None = None
    posted_at: datetime | None = None
    shortcode: str | None = None
    thumbnail_url: str | None = None
    like_count: int | None = None
    comments_count: int | None = None

    def to_columns(self) -> dict[str, Any]:
        product = self.product if self.product in PRODUCTS else None
        media_type = self.media_type if self.media_type in MEDIA_TYPES else None
        permalink = self.permalink
        if permalink is not None and len(permalink) > MAX_PERMALINK_LENGTH:
            permalink = None  # a cut address leads nowhere
        return {
            "instagram_account_id": self.destination_id,
            "ledger_id": self.post_id,
            "ig_id": self.ig_id,
            "media_type": REELS if product == REELS else media_type,
            "media_product_type": product,
            "caption": self.caption,
            "permalink": permalink,
            "timestamp": self.posted_at,
            "shortcode": self.shortcode,
            "thumbnail_url": self.thumbnail_url,
            "like_count": self.like_count,
            "comments_count": self.comments_count,
        }


def upsert_media(
    session: Session, rows: Iterable[MediaRow], *, is_listed: bool = False
) -> Sequence[StoredItem]:
    """Insert media, or fill in what is new of them; media of another account are left alone.

    `is_listed`: the platform shows them now, so that they are not deleted. Rows are locked in the
    order of their ids, and no media may come twice.
    """
    columns = [row.to_columns() for row in sorted(rows, key=lambda row: row.ig_id)]
    if not columns:
        return []
    stored: list[StoredItem] = []
    for has_type in (True, False):
        group = [row for row in columns if (row["media_type"] is not None) is has_type]
        if group:
            statement = build_upsert(is_listed=is_listed, has_type=has_type)
            stored += map(to_stored_item, execute_with_rows(session, statement, group))
    return stored


def to_stored_item(row: Any) -> StoredItem:
    return StoredItem(row.id, row.ig_id, row.posted_at, row.media_product_type, is_new=row.is_new)


@cache
def build_upsert(*, is_listed: bool, has_type: bool) -> Any:
    """Insert media or update them. `has_type`: whether the type of these rows is known."""
    rows = rows_table(COLUMN_TYPES)
    values = {name: rows.c[name] for name in COLUMN_TYPES}
    values["media_type"] = func.coalesce(rows.c.media_type, ASSUMED_TYPE)
    statement = insert(TABLE).from_select(
        list(COLUMN_TYPES), select(*values.values()).select_from(rows)
    )
    new, old = statement.excluded, TABLE.c
    changes: dict[str, Any] = {name: func.coalesce(new[name], old[name]) for name in MERGED_COLUMNS}
    if has_type:
        changes["media_type"] = new.media_type
    changes["ledger_id"] = func.coalesce(old.ledger_id, new.ledger_id)
    if is_listed:
        changes["deleted_at"] = None
    upsert = statement.on_conflict_do_update(
        index_elements=["ig_id"],
        set_=changes,
        where=old.instagram_account_id == new.instagram_account_id,
    )
    posted_at = func.coalesce(old.timestamp, old.created_at).label("posted_at")
    is_new = text("(xmax = 0) AS is_new")
    return upsert.returning(old.id, old.ig_id, old.media_product_type, posted_at, is_new)


class InstagramItems:
    """The `ItemStore` of Instagram."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def upsert(self, account: SampledAccount, items: Sequence[NewItem]) -> Sequence[StoredItem]:
        return upsert_media(
            self._session, (media_row(account, item) for item in items), is_listed=True
        )

    def add_metrics(
        self, account: SampledAccount, item_id: str, counts: Mapping[str, int]
    ) -> StoredItem | None:
        stored = func.coalesce(TABLE.c.metrics_json, literal({}, JSONB))
        statement = (
            update(TABLE)
            .where(TABLE.c.instagram_account_id == account.row_id, TABLE.c.ig_id == item_id)
            .values(
                metrics_json=stored.concat(literal(dict(counts), JSONB)),
                insights_updated_at=func.now(),
            )
            .returning(TABLE.c.id, TABLE.c.media_product_type, posted_time())
        )
        row = self._session.execute(statement).one_or_none()
        if row is None:
            return None
        return StoredItem(row.id, item_id, row.posted_at, row.media_product_type)

    def list_due(
        self, account: SampledAccount, *, until: datetime, limit: int, newest: int | None
    ) -> Sequence[StoredItem]:
        conditions = (*self._of_newest(account, newest), TABLE.c.insights_due_at <= until)
        query = select(TABLE.c.id, TABLE.c.ig_id, TABLE.c.media_product_type, posted_time())
        rows = self._session.execute(
            query.where(*conditions).order_by(TABLE.c.insights_due_at, TABLE.c.id).limit(limit)
        )
        return [
            StoredItem(row.id, row.ig_id, row.posted_at, row.media_product_type) for row in rows
        ]

    def next_due_at(self, account: SampledAccount, *, newest: int | None) -> datetime | None:
        conditions = (*self._of_newest(account, newest), TABLE.c.insights_due_at.is_not(None))
        query = select(func.min(TABLE.c.insights_due_at)).where(*conditions)
        return self._session.scalar(query)

    def newest_posted_at(self, account: SampledAccount) -> datetime | None:
        query = select(func.max(TABLE.c.timestamp)).where(of_account(account))
        return self._session.scalar(query)

    def schedule_next(self, delays: Mapping[int, timedelta | None]) -> None:
        ids_by_delay: dict[timedelta | None, list[int]] = {}
        for row_id, delay in delays.items():
            ids_by_delay.setdefault(delay, []).append(row_id)
        for delay, ids in ids_by_delay.items():
            due_at = None if delay is None else func.now() + delay
            statement = update(TABLE).where(is_any_of(ids, TABLE.c.id))
            self._session.execute(statement.values(insights_due_at=due_at))

    def schedule_first(self, row_ids: Collection[int]) -> None:
        condition = and_(is_any_of(row_ids, TABLE.c.id), TABLE.c.insights_due_at.is_(None))
        self._session.execute(update(TABLE).where(condition).values(insights_due_at=func.now()))

    def mark_missing(
        self, account: SampledAccount, item_ids: Collection[str]
    ) -> Sequence[MissingItem]:
        return self._mark(of_account(account), TABLE.c.ig_id.in_(list(item_ids)))

    def mark_absent(self, account: SampledAccount, listed: ListedRange) -> int:
        """Stories are on another list; new media may not be on the list yet."""
        conditions = [
            of_account(account),
            TABLE.c.ig_id.not_in(listed.item_ids),
            TABLE.c.timestamp.is_not(None),
            TABLE.c.deleted_at.is_(None),
            TABLE.c.media_product_type.is_distinct_from(STORY),
            TABLE.c.created_at < func.now() - LIST_DELAY,
        ]
        if listed.oldest is not None:
            conditions.append(TABLE.c.timestamp >= listed.oldest)
        if listed.newest is not None:
            conditions.append(TABLE.c.timestamp <= listed.newest)
        return len(self._mark(*conditions))

    def postpone(self, account: SampledAccount, delay: timedelta) -> None:
        is_earlier = and_(of_account(account), TABLE.c.insights_due_at < func.now() + delay)
        self._session.execute(
            update(TABLE).where(is_earlier).values(insights_due_at=func.now() + delay)
        )

    def _mark(self, *conditions: ColumnElement[bool]) -> list[MissingItem]:
        statement = (
            update(TABLE)
            .where(*conditions)
            .values(
                deleted_at=func.coalesce(TABLE.c.deleted_at, func.now()),
                insights_due_at=None,
                comments_due_at=None,
            )
            .returning(TABLE.c.id, TABLE.c.deleted_at)
        )
        return [MissingItem(row.id, row.deleted_at) for row in self._session.execute(statement)]

    def _of_newest(
        self, account: SampledAccount, newest: int | None
    ) -> tuple[ColumnElement[bool], ...]:
        """Stories count apart: they end by themselves."""
        if newest is None:
            return (of_account(account),)
        ids = (
            select(TABLE.c.id)
            .where(of_account(account), TABLE.c.deleted_at.is_(None))
            .where(TABLE.c.media_product_type.is_distinct_from(STORY))
            .order_by(TABLE.c.timestamp.desc().nulls_last())
            .limit(newest)
        )
        is_wanted = or_(TABLE.c.media_product_type == STORY, TABLE.c.id.in_(ids.scalar_subquery()))
        return of_account(account), is_wanted


class InstagramAccountRecords:
    """The `AccountStore` of Instagram."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record_metrics(self, account: SampledAccount, values: Mapping[str, Any]) -> None:
        rows: Any = InstagramAccount.__table__
        followers = values.get("latest", {}).get("followers")
        statement = update(rows).where(rows.c.id == account.row_id)
        self._session.execute(
            statement.values(
                account_insights=func.coalesce(rows.c.account_insights, literal({}, JSONB)).concat(
                    literal(dict(values), JSONB)
                ),
                followers_count=func.coalesce(followers, rows.c.followers_count),
                last_synced_at=func.now(),
            )
        )

    def record_sync(self, account: SampledAccount) -> None:
        rows: Any = InstagramAccount.__table__
        statement = update(rows).where(rows.c.id == account.row_id)
        self._session.execute(statement.values(last_synced_at=func.now()))


def of_account(account: SampledAccount) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = TABLE.c.instagram_account_id == account.row_id
    return condition


def posted_time() -> Any:
    return func.coalesce(TABLE.c.timestamp, TABLE.c.created_at).label("posted_at")


def media_row(account: SampledAccount, item: NewItem) -> MediaRow:
    return MediaRow(
        destination_id=account.row_id,
        ig_id=item.item_id,
        media_type=item.media_type,
        product=item.product,
        caption=item.text,
        permalink=item.url,
        posted_at=item.posted_at,
        shortcode=item.shortcode,
        thumbnail_url=item.thumbnail_url,
        like_count=item.counts.get("likes"),
        comments_count=item.counts.get("comments"),
    )
