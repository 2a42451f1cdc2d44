"""Reads comments as the Graph API answers them.

Source: Meta, IG Comment, text of 2026-09-11, read 2026-11-22.
"""

from collections.abc import Mapping
from typing import Any

from platforms.comments import PlatformComment
from platforms.vendor_values import (
    read_count,
    read_flag,
    read_id,
    read_list,
    read_object,
    read_text,
    read_time,
)

MAX_COMMENT_LENGTH = 2200  # characters; Instagram accepts no longer ones
MAX_AUTHOR_LENGTH = 100  # characters


def parse_comment(node: Mapping[str, Any], post_id: str | None = None) -> PlatformComment | None:
    """Return the comment and its expanded replies; None without an id.

    Who wrote it is left out by Meta without the permission to moderate. `post_id`: of the list
    that the comment is in.
    """
    comment_id = read_id(node.get("id"))
    if comment_id is None:
        return None
    author = read_object(node.get("from")) or {}
    author_id = read_id(author.get("id"))
    media = read_object(node.get("media")) or {}
    media_id = post_id or read_id(media.get("id"))
    return PlatformComment(
        id=comment_id,
        post_id=media_id,
        parent_id=read_id(node.get("parent_id")),
        author_id=author_id,
        author_name=read_text(node.get("username"), MAX_AUTHOR_LENGTH)
        or read_text(author.get("username"), MAX_AUTHOR_LENGTH),
        text=read_text(node.get("text"), MAX_COMMENT_LENGTH),
        written_at=read_time(node.get("timestamp")),
        is_hidden=read_flag(node.get("hidden")),
        like_count=read_count(node.get("like_count")),
        is_own=is_own_comment(node, author_id),
        replies=parse_replies(node, comment_id, media_id),
    )


def is_own_comment(node: Mapping[str, Any], author_id: str | None) -> bool | None:
    """Return whether the account wrote it: Meta answers `user` only then.

    Without an author nothing is known: `user` is left out for lack of the permission as well.
    """
    if read_object(node.get("user")):
        return True
    return None if author_id is None else False


def parse_replies(
    node: Mapping[str, Any], parent_id: str, media_id: str | None
) -> tuple[PlatformComment, ...]:
    """Return the replies of a comment's expansion, each with its parent."""
    replies = read_object(node.get("replies")) or {}
    nodes = [item for item in map(read_object, read_list(replies.get("data"))) if item]
    comments = (parse_comment({**item, "parent_id": parent_id}, media_id) for item in nodes)
    return tuple(comment for comment in comments if comment is not None)
