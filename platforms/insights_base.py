"""Values and protocols for metrics: counts of posts and accounts, and lists of public posts.

A count that the platform did not report is absent; it is never replaced, least of all by zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from platforms.secret import Secret

MetricCounts = Mapping[str, int]
"""Name of a metric → its value. All platforms share the names: views, likes, followers …"""

MetricParts = Mapping[str, Mapping[str, Mapping[str, int]]]
"""Name of a metric → name of a breakdown → value of the breakdown → its share of the metric."""


@dataclass(frozen=True)
class AccountAccess:
    """The account that a call is about, and with what it is made.

    `scopes` are the granted ones. `account_id` is the platform's id of the account; None: that of
    the token. `fallback_token` is the login's own token, for what the account's does not show.
    """

    token: Secret
    scopes: tuple[str, ...] = ()
    account_id: str | None = None
    fallback_token: Secret | None = None


@dataclass(frozen=True)
class PublicItem:
    """A public post of the account, as a listing of the platform showed it.

    None means not said. `counts` are the metrics that the listing tells: likes, comments, views.
    """

    id: str
    posted_at: datetime | None = None
    text: str | None = None
    url: str | None = None
    duration: timedelta | None = None
    product: str | None = None  # where it is shown, the vendor's name: FEED, REELS, STORY
    counts: MetricCounts = field(default_factory=dict)
    media_type: str | None = None  # what it is, the vendor's name: IMAGE, VIDEO, CAROUSEL_ALBUM
    shortcode: str | None = None
    thumbnail_url: str | None = None
    part_count: int | None = None  # items of a collection
    is_comment_enabled: bool | None = None


@dataclass(frozen=True)
class ItemPage:
    """One page of an account's public posts, newest first."""

    items: tuple[PublicItem, ...]
    next_cursor: str | None = None  # cursor of the page with older posts; None on the last page


@dataclass(frozen=True)
class MetricPoint:
    """The value of a metric in the period that ends at `ends_at`."""

    ends_at: datetime
    value: int


@dataclass(frozen=True)
class MetricReport:
    """What a platform answered to a question for metrics.

    `counts` are totals of what was asked for: of an item since it was posted, of an account in the
    window of the question. `unavailable` are metrics that the platform does not offer for this
    item or account; a metric that is in none of the fields has no value yet.
    """

    counts: MetricCounts = field(default_factory=dict)
    series: Mapping[str, tuple[MetricPoint, ...]] = field(default_factory=dict)  # oldest first
    parts: MetricParts = field(default_factory=dict)
    unavailable: tuple[str, ...] = ()


class Insights(Protocol):
    """Lists the posts of an account and fetches what the listings tell. All calls are safe to
    repeat.

    Errors: Rejected `scope_not_authorized` if a call needs a scope that was not granted.
    """

    @property
    def listings(self) -> tuple[str, ...]:
        """The lists that the platform keeps of an account's posts; the first has them for good."""
        ...

    @property
    def max_items_per_query(self) -> int:
        """How many ids `fetch_items` takes."""
        ...

    def fetch_account_totals(self, access: AccountAccess) -> MetricCounts:
        """Return the counts of the account as a whole, since it was created."""
        ...

    def fetch_item_page(
        self, access: AccountAccess, *, listing: str | None = None, cursor: str | None = None
    ) -> ItemPage:
        """Return a page of a listing, by default of the first. No cursor leads back to itself."""
        ...

    def fetch_items(self, access: AccountAccess, *, ids: Sequence[str]) -> tuple[PublicItem, ...]:
        """Return these posts; those no longer public are missing from the result."""
        ...


class DetailedInsights(Protocol):
    """Fetches the metrics that listings do not tell. All calls are safe to repeat.

    Errors: Rejected `scope_not_authorized` without the scope; Rejected `permission_missing` if the
    platform refuses all metrics for lack of a permission.
    """

    def fetch_item_metrics(self, item: PublicItem, access: AccountAccess) -> MetricReport: ...
    def fetch_account_metrics(
        self, access: AccountAccess, *, since: datetime, until: datetime
    ) -> MetricReport: ...
    def fetch_audience_metrics(self, access: AccountAccess) -> MetricReport:
        """Return who follows the account and reacts to it, by age, place and gender (`parts`)."""
        ...
