"""Comments, the posts they were written to, and replies as the fields that templates show."""

from collections.abc import Sequence
from typing import Any

from app.http.context import current_principal
from app.http.i18n import current_locale, gettext_noop
from app.http.messages import find_message
from app.http.replica_reads import reading_database
from app.pages.badges import Badge, localize_badge
from app.pages.thumbnails import post_thumbnail
from core import publishing
from core.errors import NotFound
from db.comments.comments import StoredComment
from db.comments.replies import CommentReply, ReplyState

REPLY_BADGES = {
    ReplyState.SENDING: Badge("busy", gettext_noop("Sending"), "send"),
    ReplyState.UNCONFIRMED: Badge("ask", gettext_noop("Being confirmed"), "circle-question-mark"),
    ReplyState.FAILED: Badge("bad", gettext_noop("Not sent"), "circle-x"),
}


def comment_fields(comment: StoredComment) -> dict[str, Any]:
    return {
        "id": comment.id,
        "author": comment.author_name,
        "text": comment.text,
        "at": comment.written_at,
        "account": comment.account_name,
        "caption": comment.item_caption,
        "likes": comment.like_count,
        "is_hidden": comment.is_hidden,
        "is_own": comment.is_own,
        "is_reply": comment.parent_id is not None,
        "handled_at": comment.handled_at,
    }


def list_unsettled(replies: Sequence[CommentReply]) -> list[dict[str, Any]]:
    """Return replies that are not known to be public; a failed one with the reason."""
    return [
        {
            "text": reply.text,
            "at": reply.created_at,
            "badge": localize_badge(REPLY_BADGES[ReplyState(reply.state)]),
            "is_unconfirmed": reply.state == ReplyState.UNCONFIRMED,
            "reason": explain_code(reply.error_code) if reply.state == ReplyState.FAILED else None,
        }
        for reply in replies
    ]


def explain_code(code: str | None) -> str | None:
    message = find_message(code or "", current_locale())
    return message.message if message else None


def post_fields(comment: StoredComment) -> dict[str, Any]:
    """Return what is known of the commented post: ours with its picture, others by their text."""
    fields: dict[str, Any] = {
        "caption": comment.item_caption,
        "url": comment.item_url,
        "key": comment.item_row_id,
        "id": None,
        "thumbnail": None,
    }
    if comment.post_id is None:
        return fields
    try:
        details = publishing.get_post(
            reading_database(), comment.post_id, user_id=current_principal().user_id
        )
    except NotFound:
        return fields
    return {**fields, "id": comment.post_id, "thumbnail": post_thumbnail(details.post)}
