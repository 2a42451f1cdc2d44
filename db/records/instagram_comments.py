"""Stores comments on Instagram media: many with a few statements, the newest state of each wins."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, DateTime, Text, case, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.bulk import execute_with_rows, rows_table
from db.comments.comments import CommentIdentity, NewComment
from db.records.instagram_tables import IgComment

TABLE: Any = IgComment.__table__
COLUMN_TYPES: Mapping[str, Any] = {
    "ig_media_id": BigInteger(),
    "ig_id": Text(),
    "from_user": Text(),
    "from_id": Text(),
    "text": Text(),
    "hidden": Boolean(),
    "timestamp": DateTime(timezone=True),
    "parent_ig_id": Text(),
    "like_count": BigInteger(),
    "is_own": Boolean(),
    "last_seen_at": DateTime(timezone=True),
}
MERGED_COLUMNS = ("from_user", "from_id", "text", "timestamp", "parent_ig_id", "like_count")
"""Nullable columns: a value that is missing in the newest state keeps the stored one."""


def upsert_comments(
    session: Session, comments: Sequence[NewComment], *, were_read: bool = False
) -> list[CommentIdentity]:
    """Insert or update comments; return their rows.

    Several statements about one comment become one. What is older than the stored row only fills
    what is missing there. `were_read`: the platform was asked for the comments, so that one which
    was marked as deleted is there again.
    """
    rows = [comment_row(comment) for comment in merge_comments(comments)]
    if not rows:
        return []
    new_ids = {row.ig_id: row.id for row in execute_with_rows(session, INSERT_STATEMENT, rows)}
    known_rows = [row for row in rows if row["ig_id"] not in new_ids]
    saved = [CommentIdentity(row_id, ig_id, is_new=True) for ig_id, row_id in new_ids.items()]
    if known_rows:
        locked = lock_comments(session, [str(row["ig_id"]) for row in known_rows])
        execute_with_rows(session, UPDATE_READ if were_read else UPDATE_STATEMENT, known_rows)
        saved += [CommentIdentity(row_id, ig_id, is_new=False) for ig_id, row_id in locked.items()]
    return saved


def lock_comments(session: Session, ig_ids: Sequence[str]) -> dict[str, int]:
    """Lock rows in the order of their ids, so that two batches cannot deadlock."""
    query = select(IgComment.ig_id, IgComment.id).where(IgComment.ig_id.in_(ig_ids))
    rows = session.execute(query.order_by(IgComment.ig_id).with_for_update())
    return {row.ig_id: row.id for row in rows}


def merge_comments(comments: Sequence[NewComment]) -> list[NewComment]:
    """Return one statement about each comment, in the order of the comments' ids.

    Of two statements of the same time the later one in `comments` wins.
    """
    merged: dict[str, NewComment] = {}
    for comment in sorted(comments, key=lambda comment: comment.seen_at):
        older = merged.get(comment.comment_id)
        merged[comment.comment_id] = comment if older is None else comment.merge_older(older)
    return [merged[comment_id] for comment_id in sorted(merged)]


def comment_row(comment: NewComment) -> dict[str, Any]:
    return {
        "ig_media_id": comment.item_row_id,
        "ig_id": comment.comment_id,
        "from_user": comment.author_name,
        "from_id": comment.author_id,
        "text": comment.text,
        "hidden": comment.is_hidden,
        "timestamp": comment.written_at,
        "parent_ig_id": comment.parent_id,
        "like_count": comment.like_count,
        "is_own": comment.is_own,
        "last_seen_at": comment.seen_at,
    }


def build_insert_statement() -> Any:
    rows = rows_table(COLUMN_TYPES)
    values = {
        **{name: rows.c[name] for name in COLUMN_TYPES},
        "hidden": func.coalesce(rows.c.hidden, False),
        "is_own": func.coalesce(rows.c.is_own, False),
    }
    query = select(*values.values()).order_by(rows.c.ig_id)
    statement = insert(TABLE).from_select(list(values), query)
    return statement.on_conflict_do_nothing().returning(TABLE.c.ig_id, TABLE.c.id)


def build_update_statement(*, were_read: bool) -> Any:
    rows = rows_table(COLUMN_TYPES)
    is_newer = func.coalesce(TABLE.c.last_seen_at, "-infinity") <= rows.c.last_seen_at
    values: dict[str, Any] = {
        name: case(
            (is_newer, func.coalesce(rows.c[name], TABLE.c[name])),
            else_=func.coalesce(TABLE.c[name], rows.c[name]),
        )
        for name in MERGED_COLUMNS
    }
    values["hidden"] = case(
        (is_newer, func.coalesce(rows.c.hidden, TABLE.c.hidden)), else_=TABLE.c.hidden
    )
    values["is_own"] = TABLE.c.is_own | func.coalesce(rows.c.is_own, False)
    values["last_seen_at"] = func.greatest(TABLE.c.last_seen_at, rows.c.last_seen_at)
    if were_read:
        values["deleted_at"] = case((is_newer, None), else_=TABLE.c.deleted_at)
    return update(TABLE).where(TABLE.c.ig_id == rows.c.ig_id).values(values)


INSERT_STATEMENT = build_insert_statement()
UPDATE_STATEMENT = build_update_statement(were_read=False)
UPDATE_READ = build_update_statement(were_read=True)
