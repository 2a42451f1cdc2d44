"""The comments capability: what app may use of it."""

from core.comments.listing import CommentListPage, list_comments
from core.comments.moderation import delete_comment, set_comments_enabled, set_hidden
from core.comments.replies import ReplyRequest, SentReply, reply_to_comment

__all__ = [
    "CommentListPage",
    "ReplyRequest",
    "SentReply",
    "delete_comment",
    "list_comments",
    "reply_to_comment",
    "set_comments_enabled",
    "set_hidden",
]
