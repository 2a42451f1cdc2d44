"""Instagram's comments as the API shows them and as reading them keeps them up to date."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true, tuple_, update
from sqlalchemy.orm import Session

from db.bulk import is_any_of
from db.comments.comments import (
    CommentFilter,
    CommentIdentity,
    DueComments,
    NewComment,
    StoredComment,
)
from db.insights.items import ListedRange, SampledAccount
from db.records.instagram_comments import upsert_comments
from db.records.instagram_tables import IgComment, IgMedia, InstagramAccount

PROVIDER = "instagram"
MAX_ROW_ID_DIGITS = 18
TABLE: Any = IgComment.__table__
MEDIA: Any = IgMedia.__table__
ACCOUNTS: Any = InstagramAccount.__table__
NEWEST_KEYS = (func.coalesce(TABLE.c.timestamp, TABLE.c.created_at), TABLE.c.id)
"""What lists are sorted by, as in their indexes."""

IS_OPEN = (
    TABLE.c.handled_at.is_(None),
    TABLE.c.deleted_at.is_(None),
    ~TABLE.c.hidden,
    ~TABLE.c.is_own,
)
"""Written as in the index of open comments: `IS false` would not lead to it."""


class InstagramCommentStore:
    """The `CommentStore` of Instagram."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def upsert(self, comments: Sequence[NewComment]) -> Sequence[CommentIdentity]:
        return upsert_comments(self._session, comments, were_read=True)

    def find(self, key: str, *, user_id: int) -> StoredComment | None:
        matches = matches_key(TABLE.c.id, TABLE.c.ig_id, key)
        query = owned_comments().where(ACCOUNTS.c.user_id == user_id, matches)
        row = self._session.execute(query.limit(1)).one_or_none()
        return None if row is None else to_stored_comment(row)

    def list_page(
        self, wanted: CommentFilter, *, limit: int, before: int | None
    ) -> Sequence[StoredComment]:
        conditions = comment_conditions(wanted)
        if before is not None:
            other: Any = TABLE.alias()
            written_at = func.coalesce(other.c.timestamp, other.c.created_at)
            last_seen = select(written_at, other.c.id).where(other.c.id == before)
            conditions.append(tuple_(*NEWEST_KEYS) < last_seen.scalar_subquery())
        ids = select_newest_ids(conditions, owner_conditions(wanted)).limit(limit)
        query = owned_comments().where(TABLE.c.id.in_(list(self._session.scalars(ids))))
        newest = query.order_by(*(key.desc() for key in NEWEST_KEYS))
        return [to_stored_comment(row) for row in self._session.execute(newest)]

    def list_thread(self, comment: StoredComment, *, limit: int) -> Sequence[StoredComment]:
        first_id = comment.parent_id or comment.comment_id
        in_thread = or_(TABLE.c.ig_id == first_id, TABLE.c.parent_ig_id == first_id)
        query = owned_comments().where(
            TABLE.c.ig_media_id == comment.item_row_id, in_thread, TABLE.c.deleted_at.is_(None)
        )
        written_at = func.coalesce(TABLE.c.timestamp, TABLE.c.created_at)
        replies = query.order_by(TABLE.c.parent_ig_id.is_not(None), written_at, TABLE.c.id)
        return [to_stored_comment(row) for row in self._session.execute(replies.limit(limit))]

    def find_newest_id(self, user_id: int) -> int:
        ids = owned_comments().with_only_columns(TABLE.c.id).where(ACCOUNTS.c.user_id == user_id)
        return self._session.scalar(ids.order_by(TABLE.c.id.desc()).limit(1)) or 0

    def count_newer(self, user_id: int, *, than: int, limit: int) -> int:
        is_newer = [TABLE.c.id > than, TABLE.c.is_own.is_(False), TABLE.c.deleted_at.is_(None)]
        return self._count(ACCOUNTS.c.user_id == user_id, *is_newer, limit=limit)

    def count_open(self, user_id: int, *, limit: int) -> int:
        ids = select_newest_ids(IS_OPEN, [ACCOUNTS.c.user_id == user_id]).limit(limit)
        return self._session.scalar(select(func.count()).select_from(ids.subquery())) or 0

    def set_handled(self, comment_row_id: int, *, by_user_id: int | None) -> None:
        handled_at = None if by_user_id is None else func.coalesce(TABLE.c.handled_at, func.now())
        self._update(comment_row_id, handled_at=handled_at, handled_by=by_user_id)

    def set_hidden(self, comment_row_id: int, *, is_hidden: bool) -> None:
        self._update(comment_row_id, hidden=is_hidden, last_seen_at=func.clock_timestamp())

    def mark_deleted(self, comment_row_id: int) -> None:
        self._update(comment_row_id, deleted_at=func.coalesce(TABLE.c.deleted_at, func.now()))

    def mark_absent(
        self, item_row_id: int, listed: ListedRange, *, threads: Collection[str], since: datetime
    ) -> int:
        is_top_level = [TABLE.c.parent_ig_id.is_(None), TABLE.c.timestamp.is_not(None)]
        if listed.oldest is not None:
            is_top_level.append(TABLE.c.timestamp >= listed.oldest)
        if listed.newest is not None:
            is_top_level.append(TABLE.c.timestamp <= listed.newest)
        is_expected = or_(and_(*is_top_level), TABLE.c.parent_ig_id.in_(list(threads)))
        statement = (
            update(TABLE)
            .where(
                TABLE.c.ig_media_id == item_row_id,
                TABLE.c.ig_id.not_in(listed.item_ids),
                TABLE.c.deleted_at.is_(None),
                or_(TABLE.c.last_seen_at.is_(None), TABLE.c.last_seen_at < since),
                is_expected,
            )
            .values(deleted_at=func.now())
            .returning(TABLE.c.id)
        )
        return len(self._session.execute(statement).all())

    def schedule_reading(self, item_row_ids: Collection[int]) -> None:
        condition = and_(is_any_of(item_row_ids, MEDIA.c.id), MEDIA.c.comments_due_at.is_(None))
        self._session.execute(update(MEDIA).where(condition).values(comments_due_at=func.now()))

    def find_due(self, account: SampledAccount, *, until: datetime) -> DueComments | None:
        query = select(MEDIA).where(
            MEDIA.c.instagram_account_id == account.row_id, MEDIA.c.comments_due_at <= until
        )
        row = self._session.execute(
            query.order_by(MEDIA.c.comments_due_at, MEDIA.c.id).limit(1)
        ).one_or_none()
        if row is None:
            return None
        posted_at = row.timestamp or row.created_at
        is_whole = row.comments_read_at is not None
        return DueComments(row.id, row.ig_id, posted_at, row.comments_cursor, is_whole)

    def next_due_at(self, account: SampledAccount) -> datetime | None:
        query = select(func.min(MEDIA.c.comments_due_at)).where(
            MEDIA.c.instagram_account_id == account.row_id, MEDIA.c.comments_due_at.is_not(None)
        )
        return self._session.scalar(query)

    def record_reading(
        self, item_row_id: int, *, cursor: str | None, delay: timedelta | None
    ) -> None:
        values: dict[str, Any] = {
            "comments_cursor": cursor,
            "comments_due_at": None if delay is None else func.now() + delay,
        }
        if cursor is None:
            values["comments_read_at"] = func.now()
        self._session.execute(update(MEDIA).where(MEDIA.c.id == item_row_id).values(values))

    def postpone(self, account: SampledAccount, delay: timedelta) -> None:
        is_earlier = and_(
            MEDIA.c.instagram_account_id == account.row_id,
            MEDIA.c.comments_due_at < func.now() + delay,
        )
        self._session.execute(
            update(MEDIA).where(is_earlier).values(comments_due_at=func.now() + delay)
        )

    def _count(self, *conditions: ColumnElement[bool], limit: int) -> int:
        rows = owned_comments().with_only_columns(TABLE.c.id).where(*conditions).limit(limit)
        return self._session.scalar(select(func.count()).select_from(rows.subquery())) or 0

    def _update(self, comment_row_id: int, **values: Any) -> None:
        self._session.execute(update(TABLE).where(TABLE.c.id == comment_row_id).values(values))


def select_newest_ids(
    conditions: Collection[ColumnElement[bool]], owner: Collection[ColumnElement[bool]]
) -> Select[Any]:
    """Query of the ids of comments, the newest first; `owner`: conditions on media and account.

    Comments are read in the order of their index, and the media of each are looked up: Postgres
    would rather begin with all media of a user, because it takes each user's share for the same.
    """
    owned = (
        select(ACCOUNTS.c.id)
        .join(MEDIA, MEDIA.c.instagram_account_id == ACCOUNTS.c.id)
        .where(MEDIA.c.id == TABLE.c.ig_media_id, *owner)
        .offset(0)
        .correlate(TABLE)
        .lateral()
    )
    query = select(TABLE.c.id).join_from(TABLE, owned, true()).where(*conditions)
    return query.order_by(*(key.desc() for key in NEWEST_KEYS))


def owner_conditions(wanted: CommentFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [ACCOUNTS.c.user_id == wanted.user_id]
    if wanted.destination_id is not None:
        conditions.append(ACCOUNTS.c.id == wanted.destination_id)
    if wanted.item_key is not None:
        conditions.append(matches_key(MEDIA.c.id, MEDIA.c.ig_id, wanted.item_key))
    return conditions


def comment_conditions(wanted: CommentFilter) -> list[ColumnElement[bool]]:
    conditions = [TABLE.c.deleted_at.is_(None)]
    if wanted.item_key is not None:
        of_item = matches_key(MEDIA.c.id, MEDIA.c.ig_id, wanted.item_key)
        conditions.append(TABLE.c.ig_media_id.in_(select(MEDIA.c.id).where(of_item)))
    if wanted.is_hidden is not None:
        conditions.append(TABLE.c.hidden if wanted.is_hidden else ~TABLE.c.hidden)
    if wanted.is_handled is not None:
        is_handled = TABLE.c.handled_at.is_not(None)
        conditions.append(is_handled if wanted.is_handled else ~is_handled)
    if wanted.is_own is not None:
        conditions.append(TABLE.c.is_own if wanted.is_own else ~TABLE.c.is_own)
    if wanted.text:
        conditions.append(TABLE.c.text.icontains(wanted.text, autoescape=True))
    return conditions


def owned_comments() -> Select[Any]:
    """Select comments of connected accounts, with what `to_stored_comment` reads."""
    query: Select[Any] = select(
        TABLE,
        MEDIA.c.ig_id.label("media_ig_id"),
        MEDIA.c.permalink,
        MEDIA.c.caption,
        MEDIA.c.ledger_id,
        ACCOUNTS.c.id.label("destination_id"),
        ACCOUNTS.c.oauth_account_id,
        ACCOUNTS.c.user_id,
        ACCOUNTS.c.username,
    )
    return query.join(MEDIA, MEDIA.c.id == TABLE.c.ig_media_id).join(
        ACCOUNTS, ACCOUNTS.c.id == MEDIA.c.instagram_account_id
    )


def to_stored_comment(row: Any) -> StoredComment:
    return StoredComment(
        id=row.id,
        comment_id=row.ig_id,
        item_row_id=row.ig_media_id,
        item_id=row.media_ig_id,
        item_url=row.permalink,
        provider=PROVIDER,
        user_id=row.user_id,
        account_id=row.oauth_account_id,
        destination_id=row.destination_id,
        account_name=row.username,
        parent_id=row.parent_ig_id,
        author_id=row.from_id,
        author_name=row.from_user,
        text=row.text,
        written_at=row.timestamp,
        is_hidden=row.hidden,
        like_count=row.like_count,
        is_own=row.is_own,
        deleted_at=row.deleted_at,
        handled_at=row.handled_at,
        item_caption=row.caption,
        post_id=row.ledger_id,
    )


def matches_key(row_id: Any, external_id: Any, key: str) -> ColumnElement[bool]:
    """Condition: the row has this id of ours, or this id of the platform."""
    is_external: ColumnElement[bool] = external_id == key
    is_row_id = key.isascii() and key.isdigit() and len(key) <= MAX_ROW_ID_DIGITS
    return or_(is_external, row_id == int(key)) if is_row_id else is_external
