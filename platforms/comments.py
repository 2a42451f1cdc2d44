"""Values and the protocol for comments on an account's own posts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from platforms.insights_base import PublicItem
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

    def to_stored(self) -> dict[str, Any]:
        """Return the fields that are set, as JSON values."""
        stored = {
            "id": self.id,
            "post_id": self.post_id,
            "parent_id": self.parent_id,
            "author_id": self.author_id,
            "author_name": self.author_name,
            "text": self.text,
            "written_at": self.written_at and self.written_at.isoformat(),
            "is_hidden": self.is_hidden,
            "like_count": self.like_count,
            "is_own": self.is_own,
            "replies": [reply.to_stored() for reply in self.replies] or None,
        }
        return {name: value for name, value in stored.items() if value is not None}

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> "PlatformComment":
        """Return the comment that `to_stored` wrote. Errors: KeyError, ValueError."""
        if not isinstance(stored, Mapping):
            raise ValueError("the stored comment is not an object")  # noqa: TRY004 - bad data
        values = {name: stored.get(name) for name in STORED_AS_THEY_ARE}
        written_at = stored.get("written_at")
        return cls(
            **values,
            id=stored["id"],
            written_at=None if written_at is None else datetime.fromisoformat(written_at),
            replies=tuple(map(cls.from_stored, stored.get("replies", ()))),
        )


STORED_AS_THEY_ARE = (
    "post_id",
    "parent_id",
    "author_id",
    "author_name",
    "text",
    "is_hidden",
    "like_count",
    "is_own",
)
"""Fields of a comment that are JSON values themselves."""


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

    def fetch_mentioned_post(
        self,
        post_id: str,
        token: Secret,
        *,
        account_id: str,
        fallback_token: Secret | None = None,
    ) -> PublicItem | None:
        """Return a post of others whose text mentions the account; None if it is not shown."""
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
