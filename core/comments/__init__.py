"""The comments capability: what app may use of it."""

from core.comments.listing import (
    MAX_COUNT,
    CommentListPage,
    Conversation,
    count_newer_comments,
    count_open_comments,
    find_newest_comment_id,
    list_comments,
    load_conversation,
)
from core.comments.moderation import (
    delete_comment,
    set_comments_enabled,
    set_handled,
    set_hidden,
)
from core.comments.replies import MAX_REPLY_LENGTH, ReplyRequest, SentReply, reply_to_comment

__all__ = [
    "MAX_COUNT",
    "MAX_REPLY_LENGTH",
    "CommentListPage",
    "Conversation",
    "ReplyRequest",
    "SentReply",
    "count_newer_comments",
    "count_open_comments",
    "delete_comment",
    "find_newest_comment_id",
    "list_comments",
    "load_conversation",
    "reply_to_comment",
    "set_comments_enabled",
    "set_handled",
    "set_hidden",
]
