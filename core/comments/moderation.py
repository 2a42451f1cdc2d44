"""Hides, shows and deletes comments, and allows or forbids them. All of it may be repeated."""

from core.audit import record_action
from core.bootstrap import Services
from core.comments.access import CommentAccess, call_platform, open_access
from core.comments.listing import find_own_comment, get_comment_store
from core.errors import NotFound
from db.accounts.destinations import StoredDestination
from db.comments.comments import StoredComment
from db.records.destinations import find_destination_store
from db.records.items import find_item_reader
from db.session import Database
from platforms.publishing import Capability


def set_hidden(
    database: Database,
    services: Services,
    provider: str,
    key: str,
    *,
    is_hidden: bool,
    user_id: int,
) -> StoredComment:
    """Hide a comment from others, or show it again; return it as it was.

    Errors: NotFound, and those of `open_access` and the platform.
    """
    comment = load_comment(database, provider, key, user_id=user_id)
    access = open_comment_access(database, services, comment)
    call_platform(
        database,
        access,
        lambda: access.comments.set_hidden(comment.comment_id, is_hidden, access.token),
    )
    with database.transaction() as session:
        get_comment_store(session, provider).set_hidden(comment.id, is_hidden=is_hidden)
        action = "comment.hidden" if is_hidden else "comment.unhidden"
        record_action(session, action, user_id=user_id, subject=f"comment:{comment.id}")
    return comment


def set_handled(
    database: Database, provider: str, key: str, *, is_handled: bool, user_id: int
) -> StoredComment:
    """Mark a comment as handled, or as open again; return it as it is now. Errors: NotFound.

    It is a note of the user's: the platform does not learn of it.
    """
    with database.transaction() as session:
        comment = find_own_comment(session, provider, key, user_id=user_id)
        store = get_comment_store(session, provider)
        store.set_handled(comment.id, by_user_id=user_id if is_handled else None)
        action = "comment.handled" if is_handled else "comment.reopened"
        record_action(session, action, user_id=user_id, subject=f"comment:{comment.id}")
        return find_own_comment(session, provider, key, user_id=user_id)


def delete_comment(
    database: Database, services: Services, provider: str, key: str, *, user_id: int
) -> StoredComment:
    """Delete a comment at the platform; a comment that is gone there counts as deleted.

    Errors: NotFound, and those of `open_access` and the platform.
    """
    comment = load_comment(database, provider, key, user_id=user_id)
    access = open_comment_access(database, services, comment)
    call_platform(
        database, access, lambda: access.comments.delete(comment.comment_id, access.token)
    )
    with database.transaction() as session:
        get_comment_store(session, provider).mark_deleted(comment.id)
        details = {"comment": comment.comment_id}
        record_action(
            session,
            "comment.deleted",
            user_id=user_id,
            subject=f"comment:{comment.id}",
            details=details,
        )
    return comment


def set_comments_enabled(
    database: Database,
    services: Services,
    provider: str,
    item_key: str,
    *,
    is_enabled: bool,
    user_id: int,
) -> None:
    """Allow or forbid comments on a post of the user's accounts. Errors: as `set_hidden`."""
    with database.transaction() as session:
        reader = find_item_reader(session, provider)
        item = None if reader is None else reader.find(item_key, user_id=user_id)
        store = find_destination_store(session, provider)
        destination: StoredDestination | None = None
        if item is not None and store is not None:
            destination = store.get(item.destination_id)
    if item is None or destination is None:
        raise NotFound("this user has no such post")
    access = open_access(
        database,
        services,
        provider=provider,
        account_id=destination.account_id,
        destination_id=destination.id,
        capability=Capability.COMMENTS,
    )
    call_platform(
        database,
        access,
        lambda: access.comments.set_enabled(item.item_id, is_enabled, access.token),
    )
    with database.transaction() as session:
        action = "comments.enabled" if is_enabled else "comments.disabled"
        record_action(session, action, user_id=user_id, subject=f"media:{item.id}")


def load_comment(database: Database, provider: str, key: str, *, user_id: int) -> StoredComment:
    with database.transaction() as session:
        return find_own_comment(session, provider, key, user_id=user_id)


def open_comment_access(
    database: Database,
    services: Services,
    comment: StoredComment,
    capability: Capability = Capability.COMMENTS,
) -> CommentAccess:
    return open_access(
        database,
        services,
        provider=comment.provider,
        account_id=comment.account_id,
        destination_id=comment.destination_id,
        capability=capability,
    )
