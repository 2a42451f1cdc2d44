"""Lists the comments on the posts of a user's accounts. Ownership is part of the query."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import NotFound
from db.comments.comments import CommentFilter, CommentStore, StoredComment
from db.comments.replies import CommentReplies, CommentReply
from db.records.items import find_comment_store
from db.session import Database, Session
from platforms.registry import PLATFORMS

MAX_THREAD_LENGTH = 100  # comments of one conversation that a page shows
MAX_COUNT = 100


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


@dataclass(frozen=True)
class Conversation:
    """A comment with those around it, oldest first, and replies whose outcome is not known."""

    chosen: StoredComment
    thread: Sequence[StoredComment]
    unsettled: Sequence[CommentReply]


def load_conversation(database: Database, provider: str, key: str, *, user_id: int) -> Conversation:
    """Return a comment of the user's accounts with its conversation. Errors: NotFound."""
    with database.transaction() as session:
        chosen = find_own_comment(session, provider, key, user_id=user_id)
        thread = get_comment_store(session, provider).list_thread(chosen, limit=MAX_THREAD_LENGTH)
        comment_ids = [comment.comment_id for comment in thread]
        unsettled = CommentReplies(session).list_unsettled(provider, comment_ids, user_id=user_id)
    return Conversation(chosen, thread, unsettled)


def find_newest_comment_id(database: Database, provider: str, *, user_id: int) -> int:
    """Return our id of the user's comment that was stored last; 0 if there is none."""
    with database.transaction() as session:
        return get_comment_store(session, provider).find_newest_id(user_id)


def count_newer_comments(database: Database, provider: str, *, user_id: int, than: int) -> int:
    """Count comments of others that were stored after this one; at most `MAX_COUNT`."""
    with database.transaction() as session:
        store = get_comment_store(session, provider)
        return store.count_newer(user_id, than=than, limit=MAX_COUNT)


def count_open_comments(session: Session, *, user_id: int) -> int:
    """Count comments of all platforms that nobody has handled; at most `MAX_COUNT` of each."""
    stores = (find_comment_store(session, provider) for provider in PLATFORMS)
    return sum(store.count_open(user_id, limit=MAX_COUNT) for store in stores if store)


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
