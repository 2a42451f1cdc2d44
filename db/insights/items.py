"""The public posts of accounts whose metrics are sampled, whichever table a platform keeps them in.

The stores are listed in `db/records/items.py`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol


@dataclass(frozen=True)
class SampledAccount:
    """An account that is sampled. `destination_id` of None: the login itself is the account."""

    provider: str
    account_id: int  # row of the login
    user_id: int
    destination_id: int | None = None

    @property
    def row_id(self) -> int:
        """The id of its own row, by which its posts are found."""
        return self.account_id if self.destination_id is None else self.destination_id


@dataclass(frozen=True)
class NewItem:
    """A public post as a platform listed it. None means not said."""

    item_id: str
    posted_at: datetime | None = None
    text: str | None = None
    url: str | None = None
    duration_seconds: int | None = None
    product: str | None = None
    media_type: str | None = None
    shortcode: str | None = None
    thumbnail_url: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredItem:
    """A post after it was stored."""

    id: int
    item_id: str
    posted_at: datetime
    product: str | None = None
    is_new: bool = False


@dataclass(frozen=True)
class MissingItem:
    """A post that the platform no longer returns."""

    id: int
    missing_since: datetime


@dataclass(frozen=True)
class ListedRange:
    """What one page of a list covers: posts published between these times that are not on it are
    gone. None: without a bound.
    """

    item_ids: frozenset[str]
    oldest: datetime | None
    newest: datetime | None


class ItemStore(Protocol):
    """The table of one platform's posts."""

    def upsert(self, account: SampledAccount, items: Sequence[NewItem]) -> Sequence[StoredItem]:
        """Insert or update posts; no post comes twice. What was not said keeps its value."""
        ...

    def add_metrics(
        self, account: SampledAccount, item_id: str, counts: Mapping[str, int]
    ) -> StoredItem | None:
        """Merge metrics into those of a post; None if it is not stored."""
        ...

    def list_due(
        self, account: SampledAccount, *, until: datetime, limit: int, newest: int | None
    ) -> Sequence[StoredItem]:
        """List posts whose metrics are due by `until`, earliest first, of the `newest` ones."""
        ...

    def next_due_at(self, account: SampledAccount, *, newest: int | None) -> datetime | None: ...
    def newest_posted_at(self, account: SampledAccount) -> datetime | None: ...
    def schedule_next(self, delays: Mapping[int, timedelta | None]) -> None:
        """Set when the metrics of each post are due next. Shapes: row id → delay from now."""
        ...

    def schedule_first(self, row_ids: Collection[int]) -> None:
        """Make the metrics of these posts due now, unless they are scheduled."""
        ...

    def mark_missing(
        self, account: SampledAccount, item_ids: Collection[str]
    ) -> Sequence[MissingItem]:
        """Mark posts that the platform no longer returns. Keeps the first time."""
        ...

    def mark_absent(self, account: SampledAccount, listed: ListedRange) -> int:
        """Mark the posts that a page should have contained; return how many."""
        ...

    def postpone(self, account: SampledAccount, delay: timedelta) -> None:
        """Make no post of this account due before the delay is over."""
        ...


@dataclass(frozen=True)
class ListedItem:
    """A post as it is shown to its owner; `counts`: its latest metrics."""

    id: int
    item_id: str
    destination_id: int
    account_name: str
    post_id: int | None
    product: str | None
    media_type: str | None
    text: str | None
    url: str | None
    thumbnail_url: str | None
    shortcode: str | None
    posted_at: datetime | None
    counts: Mapping[str, int]
    counted_at: datetime | None
    missing_since: datetime | None


class NewestItem(NamedTuple):
    """A public post by our id; None: the platform has not said when it was published."""

    id: int
    posted_at: datetime | None


class ItemReader(Protocol):
    """Reads the posts of a user's destinations, for display."""

    def list_newest(
        self, destination_id: int | None, *, user_id: int, limit: int
    ) -> Sequence[NewestItem]:
        """List the first of `list_page`."""
        ...

    def list_page(
        self, *, user_id: int, destination_id: int | None, limit: int, before: int | None
    ) -> Sequence[ListedItem]:
        """List posts, newest first; `before` is our id of the last one seen."""
        ...

    def find(self, key: str, *, user_id: int) -> ListedItem | None:
        """Find a post by our id or the platform's."""
        ...

    def get_account_metrics(self, destination_id: int) -> Mapping[str, Any]:
        """Return what was last read of an account: window, series, parts, what is unavailable, and
        its audience.
        """
        ...


class AccountStore(Protocol):
    """The table in which a platform's accounts keep what was last read of them."""

    def record_metrics(self, account: SampledAccount, values: Mapping[str, Any]) -> None:
        """Store the latest metrics of an account, and that it was read now."""
        ...

    def record_sync(self, account: SampledAccount) -> None:
        """Store that the account's posts were listed now."""
        ...
