"""Reads, answers, hides and deletes the comments on an account's media.

Source: Meta, IG Comment, media/comments, comment moderation, text of 2026-09-11, read 2026-11-22.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from platforms.comments import CommentPage, PlatformComment
from platforms.errors import NotReadable, UnreadableResponse
from platforms.http import SAFE_RETRY
from platforms.insights_base import PublicItem
from platforms.instagram.comment_values import parse_comment
from platforms.instagram.graph import GraphClient
from platforms.instagram.mentions import fetch_mentioned_comment, fetch_mentioned_media
from platforms.instagram.node_reads import (
    check_node_id,
    check_success,
    node_path,
    read_data,
    read_next_cursor,
    read_node,
)
from platforms.secret import Secret
from platforms.vendor_values import read_id, read_list, read_named_id, read_object

PAGE_SIZE = 50  # comments per query; Meta gives no more
MAX_REPLY_PAGES = 20  # of one thread: a thousand replies
CLOCK_TOLERANCE = timedelta(seconds=30)  # between Meta's clock and ours
COMMENT_FIELDS = "id,text,timestamp,username,from{id,username},user{id},like_count,hidden,parent_id"
LIST_FIELDS = f"{COMMENT_FIELDS},replies.limit({PAGE_SIZE}){{{COMMENT_FIELDS}}}"
NODE_FIELDS = f"{COMMENT_FIELDS},media{{id}}"


@dataclass(frozen=True)
class InstagramComments:
    """Implements `Comments`."""

    client: GraphClient

    def list_comments(
        self,
        post_id: str,
        token: Secret,
        *,
        cursor: str | None = None,
        fallback_token: Secret | None = None,
    ) -> CommentPage:
        """Return a page of top-level comments, newest first, each with all its replies."""
        body = self._read_list(
            node_path(post_id, "comments"), token, fallback_token, LIST_FIELDS, cursor
        )
        comments = []
        for node in read_data(body):
            check_thread(node, post_id=post_id)
            comment = parse_comment(node, post_id)
            if comment is not None:
                comments.append(self._add_replies(comment, node, token, fallback_token))
        return CommentPage(tuple(comments), read_next_cursor(body, cursor))

    def fetch_comment(
        self,
        comment_id: str,
        token: Secret,
        *,
        account_id: str,
        is_mention: bool = False,
        fallback_token: Secret | None = None,
    ) -> PlatformComment | None:
        """Return one comment; None if it cannot be read.

        With Facebook Login a comment on media of others is read through the account.
        """
        if is_mention and self.client.flavour == "facebook":
            return fetch_mentioned_comment(
                self.client, comment_id, token, fallback_token, account_id=account_id
            )
        try:
            body = read_node(
                self.client,
                node_path(comment_id),
                token,
                fallback_token,
                endpoint="comment_node",
                params={"fields": NODE_FIELDS},
            )
        except NotReadable:
            return None
        check_node_id(body, comment_id)
        return parse_comment(body)

    def fetch_mentioned_post(
        self,
        post_id: str,
        token: Secret,
        *,
        account_id: str,
        fallback_token: Secret | None = None,
    ) -> PublicItem | None:
        """Return a post whose text mentions the account; None if it cannot be read."""
        if self.client.flavour != "facebook":
            return None
        return fetch_mentioned_media(
            self.client, post_id, token, fallback_token, account_id=account_id
        )

    def reply(self, comment: PlatformComment, text: str, token: Secret) -> str:
        """Answer a comment; an answer to a reply goes to the comment above it.

        Sent without `fields`: with them Meta makes the reply and then refuses the request.
        Errors: Unavailable if the reply may have been posted.
        """
        path = node_path(thread_id(comment), "replies")
        body = self.client.post(
            path, token, endpoint="comment_reply", params={"message": text}
        ).body
        reply_id = read_named_id(body.get("id"))
        if reply_id is None:
            raise UnreadableResponse("the response has no id of the reply")
        return reply_id

    def find_own_reply(
        self, comment: PlatformComment, text: str, token: Secret, *, since: datetime
    ) -> str | None:
        """Return the id of our newest reply with this text since then; None if there is none."""
        earliest = since - CLOCK_TOLERANCE
        found = [
            reply
            for reply in self._iter_replies(thread_id(comment), token, None)
            if reply.is_own is not False
            and fold_text(reply.text or "") == fold_text(text)
            and reply.written_at is not None
            and reply.written_at >= earliest
        ]
        newest = max(found, key=lambda reply: reply.written_at or earliest, default=None)
        return None if newest is None else newest.id

    def set_hidden(self, comment_id: str, is_hidden: bool, token: Secret) -> None:  # noqa: FBT001 - the value itself
        """Hide a comment or show it. The account's own comments stay visible."""
        self._change(comment_id, token, "comment_hide", {"hide": is_hidden})

    def delete(self, comment_id: str, token: Secret) -> None:
        """Delete a comment on the account's own media. One that is gone counts as deleted."""
        try:
            body = self.client.delete(node_path(comment_id), token, endpoint="comment_delete").body
        except NotReadable:
            return
        check_success(body)

    def set_enabled(self, post_id: str, is_enabled: bool, token: Secret) -> None:  # noqa: FBT001 - the value itself
        self._change(post_id, token, "media_comment_enabled", {"comment_enabled": is_enabled})

    def _change(
        self, node_id: str, token: Secret, endpoint: str, params: Mapping[str, Any]
    ) -> None:
        body = self.client.post(
            node_path(node_id), token, endpoint=endpoint, params=params, retry=SAFE_RETRY
        ).body
        check_success(body)

    def _add_replies(
        self,
        comment: PlatformComment,
        node: Mapping[str, Any],
        token: Secret,
        fallback_token: Secret | None,
    ) -> PlatformComment:
        """Return the comment with the replies that its expansion left out."""
        expansion = read_object(node.get("replies")) or {}
        cursor = read_next_cursor(expansion, None)
        if cursor is None:
            return comment
        more = self._iter_replies(comment.id, token, fallback_token, cursor, comment.post_id)
        replies = {reply.id: reply for reply in (*comment.replies, *more)}
        return replace(comment, replies=tuple(replies.values()))

    def _iter_replies(
        self,
        parent_id: str,
        token: Secret,
        fallback_token: Secret | None,
        cursor: str | None = None,
        post_id: str | None = None,
    ) -> Iterator[PlatformComment]:
        path = node_path(parent_id, "replies")
        for _ in range(MAX_REPLY_PAGES):
            body = self._read_list(path, token, fallback_token, COMMENT_FIELDS, cursor)
            for node in read_data(body):
                check_thread(node, post_id=post_id, parent_id=parent_id)
                reply = parse_comment({**node, "parent_id": parent_id}, post_id)
                if reply is not None:
                    yield reply
            cursor = read_next_cursor(body, cursor)
            if cursor is None:
                return

    def _read_list(
        self,
        path: str,
        token: Secret,
        fallback_token: Secret | None,
        fields: str,
        cursor: str | None,
    ) -> Mapping[str, Any]:
        return read_node(
            self.client,
            path,
            token,
            fallback_token,
            endpoint="comment_list",
            params={"fields": fields, "limit": PAGE_SIZE, "after": cursor},
        )


def check_thread(
    node: Mapping[str, Any], *, post_id: str | None, parent_id: str | None = None
) -> None:
    """Check that a comment is of the post, or the thread, that was asked for, if it says so.

    Errors: MisdirectedResponse.
    """
    media = read_object(node.get("media")) or {}
    if post_id is not None:
        check_node_id(media, post_id)
    if parent_id is not None:
        check_node_id(node, parent_id, key="parent_id")
    for reply in read_list((read_object(node.get("replies")) or {}).get("data")):
        fields = read_object(reply) or {}
        check_node_id(fields, str(read_id(node.get("id"))), key="parent_id")


def thread_id(comment: PlatformComment) -> str:
    """Return the id of the top-level comment: threads are one level deep."""
    return comment.parent_id or comment.id


def fold_text(text: str) -> str:
    """Return a text without what Meta changes in it: `@` signs and white space."""
    return " ".join(text.replace("@", "").split()).casefold()
