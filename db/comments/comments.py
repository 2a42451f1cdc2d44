"""Comments on the public posts of connected accounts, whichever table a platform keeps them in.

The stores are listed in `db/records/items.py`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from db.insights.items import ListedRange, SampledAccount


@dataclass(frozen=True)
class NewComment:
    """A comment as the platform said at `seen_at`. None means not said."""

    item_row_id: int  # row of the post
    comment_id: str
    seen_at: datetime
    parent_id: str | None = None
    author_id: str | None = None
    author_name: str | None = None
    text: str | None = None
    written_at: datetime | None = None
    is_hidden: bool | None = None
    like_count: int | None = None
    is_own: bool | None = None

    def merge_older(self, older: "NewComment") -> "NewComment":
        """Fill in what an older statement about the same comment says."""
        missing = {
            name: getattr(older, name)
            for name in (*MERGED_FIELDS, "is_hidden", "is_own")
            if getattr(self, name) is None
        }
        return replace(self, **missing)


MERGED_FIELDS = ("parent_id", "author_id", "author_name", "text", "written_at", "like_count")


@dataclass(frozen=True)
class StoredComment:
    """A comment with the account that it was written to."""

    id: int
    comment_id: str
    item_row_id: int
    item_id: str
    item_url: str | None
    provider: str
    user_id: int
    account_id: int | None  # row of the login; None: disconnected
    destination_id: int
    account_name: str
    parent_id: str | None
    author_id: str | None
    author_name: str | None
    text: str | None
    written_at: datetime | None
    is_hidden: bool
    like_count: int | None
    is_own: bool
    deleted_at: datetime | None
    handled_at: datetime | None = None
    item_caption: str | None = None
    post_id: int | None = None  # our post that the commented one was published by


@dataclass(frozen=True)
class CommentIdentity:
    """A comment that was stored, and whether it was not known before."""

    id: int
    comment_id: str
    is_new: bool


@dataclass(frozen=True)
class DueComments:
    """A post whose comments are due. `is_whole`: they were read to their end before."""

    item_row_id: int
    item_id: str
    posted_at: datetime
    cursor: str | None
    is_whole: bool


@dataclass(frozen=True)
class CommentFilter:
    """Which comments of a user are listed. None: no condition."""

    user_id: int
    destination_id: int | None = None
    item_key: str | None = None  # our id of the post, or the platform's
    is_hidden: bool | None = None
    is_handled: bool | None = None
    is_own: bool | None = None
    text: str | None = None  # contained in the comment, in upper or lower case


class CommentStore(Protocol):
    """The table of one platform's comments."""

    def upsert(self, comments: Sequence[NewComment]) -> Sequence[CommentIdentity]:
        """Insert or update comments; of two statements about one the newer wins."""
        ...

    def find(self, key: str, *, user_id: int) -> StoredComment | None:
        """Find a comment on the user's accounts by our id or the platform's."""
        ...

    def list_page(
        self, wanted: CommentFilter, *, limit: int, before: int | None
    ) -> Sequence[StoredComment]:
        """List comments, newest first; `before` is our id of the last one seen."""
        ...

    def list_thread(self, comment: StoredComment, *, limit: int) -> Sequence[StoredComment]:
        """List the first comment of the conversation and the replies to it, oldest first."""
        ...

    def find_newest_id(self, user_id: int) -> int:
        """Return our id of the comment that was stored last; 0 if there is none."""
        ...

    def count_newer(self, user_id: int, *, than: int, limit: int) -> int:
        """Count comments of others that were stored after the one with this id of ours."""
        ...

    def count_open(self, user_id: int, *, limit: int) -> int:
        """Count comments of others that are visible and not handled; at most `limit`."""
        ...

    def set_hidden(self, comment_row_id: int, *, is_hidden: bool) -> None: ...
    def set_handled(self, comment_row_id: int, *, by_user_id: int | None) -> None:
        """Mark a comment as handled by a user; None: it is open again."""
        ...

    def mark_deleted(self, comment_row_id: int) -> None: ...
    def mark_absent(
        self, item_row_id: int, listed: ListedRange, *, threads: Collection[str], since: datetime
    ) -> int:
        """Mark comments that a page should have contained, and replies of its `threads`.

        Those that were stored after `since` are left alone. Return how many were marked.
        """
        ...

    def schedule_reading(self, item_row_ids: Collection[int]) -> None:
        """Make the comments of these posts due, unless they are scheduled."""
        ...

    def find_due(self, account: SampledAccount, *, until: datetime) -> DueComments | None: ...
    def next_due_at(self, account: SampledAccount) -> datetime | None: ...
    def record_reading(
        self, item_row_id: int, *, cursor: str | None, delay: timedelta | None
    ) -> None:
        """Store where to go on, or that all was read, and when it is due next: None: never."""
        ...

    def postpone(self, account: SampledAccount, delay: timedelta) -> None:
        """Make no comments of this account due before the delay is over."""
        ...
