"""Values and the protocol for comments on an account's own posts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from platforms.secret import Secret


@dataclass(frozen=True)
class PlatformComment:
    """A comment as the platform reports it. None means not said, never "no"."""

    id: str
    post_id: str | None = None  # the platform's id of the post
    parent_id: str | None = None
    author_id: str | None = None
    author_name: str | None = None
    text: str | None = None
    written_at: datetime | None = None
    is_hidden: bool | None = None
    like_count: int | None = None
    is_own: bool | None = None
    replies: tuple["PlatformComment", ...] = ()


@dataclass(frozen=True)
class CommentPage:
    """One page of comments, newest first."""

    comments: tuple[PlatformComment, ...]
    next_cursor: str | None = None  # None on the last page


class Comments(Protocol):
    """Reads and moderates the comments of one platform.

    `token` is that of the destination, `fallback_token` that of its login.
    """

    def list_comments(
        self,
        post_id: str,
        token: Secret,
        *,
        cursor: str | None = None,
        fallback_token: Secret | None = None,
    ) -> CommentPage: ...
    def fetch_comment(
        self,
        comment_id: str,
        token: Secret,
        *,
        account_id: str,
        is_mention: bool = False,
        fallback_token: Secret | None = None,
    ) -> PlatformComment | None:
        """Return one comment; None if the platform does not show it."""
        ...

    def reply(self, comment: PlatformComment, text: str, token: Secret) -> str:
        """Answer a comment; return the id of the reply. Unsafe: sent once and never repeated.

        Errors: Unavailable if the reply may have been posted.
        """
        ...

    def find_own_reply(
        self, comment: PlatformComment, text: str, token: Secret, *, since: datetime
    ) -> str | None:
        """Return the id of our own reply with this text; None if there is none. Safe."""
        ...

    def set_hidden(self, comment_id: str, is_hidden: bool, token: Secret) -> None:  # noqa: FBT001 - the value itself
        """Safe to repeat."""
        ...

    def delete(self, comment_id: str, token: Secret) -> None:
        """Safe to repeat: a comment that is gone counts as deleted."""
        ...

    def set_enabled(self, post_id: str, is_enabled: bool, token: Secret) -> None:  # noqa: FBT001 - the value itself
        """Allow or forbid comments on a post. Safe to repeat."""
        ...


def flatten_comments(comments: Sequence[PlatformComment]) -> list[PlatformComment]:
    """Return the comments and their replies, parents first."""
    return [item for comment in comments for item in (comment, *comment.replies)]
