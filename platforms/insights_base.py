"""Values and the protocol for metrics: counts of videos and accounts, pages of public videos.

A count that the platform did not report is absent; it is never replaced, least of all by zero.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from platforms.secret import Secret

MetricCounts = Mapping[str, int]
"""Name of a metric → its value. All platforms share the names: views, likes, followers …"""


@dataclass(frozen=True)
class PlatformVideo:
    """A public video as the platform lists it."""

    id: str
    counts: MetricCounts = field(default_factory=dict)
    posted_at: datetime | None = None
    title: str | None = None
    duration: timedelta | None = None
    url: str | None = None


@dataclass(frozen=True)
class VideoPage:
    """One page of an account's public videos, newest first."""

    videos: tuple[PlatformVideo, ...]
    next_cursor: int | None = None  # cursor of the page with older videos; None on the last page


class Insights(Protocol):
    """Fetches metrics of one platform. All calls are safe to repeat.

    `scopes` are the granted ones.
    Errors: Rejected `scope_not_authorized` if a call needs a scope that was not granted.
    """

    def fetch_account_totals(self, token: Secret, scopes: Iterable[str]) -> MetricCounts:
        """Return the counts of the account as a whole, since it was created."""
        ...

    def fetch_video_page(
        self, token: Secret, scopes: Iterable[str], *, cursor: int | None = None
    ) -> VideoPage: ...
    def fetch_videos(
        self, token: Secret, scopes: Iterable[str], *, ids: Sequence[str]
    ) -> tuple[PlatformVideo, ...]:
        """Return these videos, at most 20; those no longer public are missing from the result."""
        ...
