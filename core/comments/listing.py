"""Lists the comments on the posts of a user's accounts. Ownership is part of the query."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import NotFound
from db.comments.comments import CommentFilter, CommentStore, StoredComment
from db.records.items import find_comment_store
from db.session import Database, Session


@dataclass(frozen=True)
class CommentListPage:
    """A page of comments; `next_before` is the cursor."""

    comments: Sequence[StoredComment]
    next_before: int | None


def list_comments(
    database: Database,
    provider: str,
    wanted: CommentFilter,
    *,
    limit: int,
    before: int | None = None,
) -> CommentListPage:
    """List comments, newest first, replies among them; deleted ones are left out."""
    with database.transaction() as session:
        comments = get_comment_store(session, provider).list_page(
            wanted, limit=limit + 1, before=before
        )
    page = comments[:limit]
    return CommentListPage(page, page[-1].id if len(comments) > limit else None)


def find_own_comment(session: Session, provider: str, key: str, *, user_id: int) -> StoredComment:
    """Return a comment on the user's accounts. Errors: NotFound."""
    comment = get_comment_store(session, provider).find(key, user_id=user_id)
    if comment is None or comment.deleted_at is not None:
        raise NotFound("this user's accounts have no such comment")
    return comment


def get_comment_store(session: Session, provider: str) -> CommentStore:
    store = find_comment_store(session, provider)
    if store is None:
        raise NotFound("this platform has no comments")
    return store
