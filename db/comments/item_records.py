"""What webhook events about an account's posts change, whichever tables a platform keeps them in.

The tables of each platform are listed in `db/records/event_records.py`. All methods work on many
rows, and lock them in the order of the platform's ids.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from db.comments.comments import CommentIdentity, NewComment


@dataclass(frozen=True)
class EventAccount:
    """A connected account that events name. `login_id` is the row of its login."""

    id: int
    external_id: str
    user_id: int
    login_id: int | None
    handle: str | None


@dataclass(frozen=True)
class EventItem:
    """A public post of an account. `post_id`: our post that it was published by."""

    id: int
    external_id: str
    account_id: int
    user_id: int
    post_id: int | None = None


@dataclass(frozen=True)
class ItemCounts:
    """Metrics of a public post as they were at `at`."""

    item_id: int
    counts: Mapping[str, int]
    at: datetime


@dataclass(frozen=True)
class MentionPlace:
    """Where an account was mentioned: in a comment, or in the text of a post of others."""

    account_id: int
    item_external_id: str | None
    comment_external_id: str | None


@dataclass(frozen=True)
class SavedMention:
    id: int
    account_id: int
    item_external_id: str | None
    comment_external_id: str | None


class ItemRecords(Protocol):
    """The tables of one platform."""

    def find_accounts(self, external_ids: Collection[str]) -> Mapping[str, EventAccount]:
        """Return the accounts that are connected and chosen, by the platform's id."""
        ...

    def find_items(self, external_ids: Collection[str]) -> Mapping[str, EventItem]: ...
    def add_items(self, accounts_by_item: Mapping[str, EventAccount]) -> None:
        """Add posts of which only the platform's id is known; what they are is fetched later."""
        ...

    def find_items_of_comments(self, comment_ids: Collection[str]) -> Mapping[str, EventItem]:
        """Return the post of each of these comments that is stored."""
        ...

    def save_comments(self, comments: Sequence[NewComment]) -> Sequence[CommentIdentity]:
        """Insert or update comments; what is older than the stored row only fills gaps."""
        ...

    def save_counts(self, counts: Sequence[ItemCounts]) -> None:
        """Merge metrics into those stored, one entry per post; the newest value of each stays."""
        ...

    def add_mentions(self, mentions: Sequence[MentionPlace]) -> Sequence[SavedMention]:
        """Add mentions to be fetched; return those that are new."""
        ...

    def request_listing(self, account_ids: Collection[int]) -> None:
        """Let the posts of these accounts be listed at the platform as soon as possible."""
        ...

    def make_due(self, account_ids: Collection[int]) -> None:
        """Let what is due for these accounts be fetched as soon as possible."""
        ...

    def erase_comments_by(self, author_ids: Collection[str]) -> None:
        """Delete the comments that these authors wrote, on whichever account's posts."""
        ...
