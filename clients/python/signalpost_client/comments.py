"""Comments on the media of connected accounts."""

from dataclasses import dataclass

from signalpost_client.data_types import (
    CommentData,
    CommentsSwitchData,
    DeletedCommentData,
    ReplyData,
)
from signalpost_client.pages import PagedList
from signalpost_client.transport import IDEMPOTENCY_HEADER, Transport, create_key


@dataclass(frozen=True)
class CommentsApi:
    """`comment_id` is the platform's own id, the field `commentId`."""

    transport: Transport

    def list(
        self,
        platform: str,
        *,
        account_id: int | None = None,
        media_id: str | None = None,
        hidden: bool | None = None,
        handled: bool | None = None,
        own: bool | None = None,
        text: str | None = None,
        page_size: int = 100,
    ) -> PagedList[CommentData]:
        """List the comments on my media, newest first, replies among them."""
        query = {
            "accountId": account_id,
            "mediaId": media_id,
            "hidden": hidden,
            "handled": handled,
            "own": own,
            "q": text,
            "limit": page_size,
        }
        values = {"platform": platform}
        return PagedList(self.transport, "/api/{platform}/comments", values, query)

    def hide(self, platform: str, comment_id: str, *, hide: bool = True) -> CommentData:
        """Hide a comment from others, or show it again."""
        return self.transport.fetch_data(
            CommentData,
            "POST",
            "/api/{platform}/comments/{comment_id}/hide",
            values={"platform": platform, "comment_id": comment_id},
            body={"hide": hide},
        )

    def mark_handled(self, platform: str, comment_id: str, *, handled: bool = True) -> CommentData:
        """Mark a comment as handled, for us only."""
        return self.transport.fetch_data(
            CommentData,
            "POST",
            "/api/{platform}/comments/{comment_id}/handled",
            values={"platform": platform, "comment_id": comment_id},
            body={"handled": handled},
        )

    def reply(
        self, platform: str, comment_id: str, message: str, *, idempotency_key: str | None = None
    ) -> ReplyData:
        """Reply to a comment; one key means one reply, however often it is sent."""
        return self.transport.fetch_data(
            ReplyData,
            "POST",
            "/api/{platform}/comments/{comment_id}/reply",
            values={"platform": platform, "comment_id": comment_id},
            body={"message": message},
            headers={IDEMPOTENCY_HEADER: idempotency_key or create_key()},
        )

    def delete(self, platform: str, comment_id: str) -> DeletedCommentData:
        return self.transport.fetch_data(
            DeletedCommentData,
            "DELETE",
            "/api/{platform}/comments/{comment_id}",
            values={"platform": platform, "comment_id": comment_id},
        )

    def enable(self, platform: str, media_id: str, *, enabled: bool = True) -> CommentsSwitchData:
        """Allow comments on one of my media, or switch them off."""
        return self.transport.fetch_data(
            CommentsSwitchData,
            "POST",
            "/api/{platform}/media/{media_id}/comments",
            values={"platform": platform, "media_id": media_id},
            body={"enabled": enabled},
        )
