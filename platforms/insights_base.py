"""How often something was seen and liked: values and a Protocol. No I/O, no vendor names.

A number that was not told is not there: nothing here stands for one, least of all a zero.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from platforms.secret import Secret

MetricCounts = Mapping[str, int]
"""Name of a number → the number. Names are shared by all platforms: views, likes, followers …"""


@dataclass(frozen=True)
class PlatformVideo:
    """A public video as the platform shows it."""

    id: str
    counts: MetricCounts = field(default_factory=dict)
    posted_at: datetime | None = None
    title: str | None = None
    duration: timedelta | None = None
    url: str | None = None


@dataclass(frozen=True)
class VideoPage:
    """Some of an account's public videos, the newest first."""

    videos: tuple[PlatformVideo, ...]
    next_cursor: int | None = None  # where older ones begin; None at the end


class Insights(Protocol):
    """All calls are safe. `scopes` are those granted: what they do not cover is not asked for.

    Errors: Rejected `scope_not_authorized` if a call needs a scope that was not granted.
    """

    def fetch_account_totals(self, token: Secret, scopes: Iterable[str]) -> MetricCounts:
        """Of the account as a whole, since it exists."""
        ...

    def fetch_video_page(
        self, token: Secret, scopes: Iterable[str], *, cursor: int | None = None
    ) -> VideoPage: ...
    def fetch_videos(
        self, token: Secret, scopes: Iterable[str], *, ids: Sequence[str]
    ) -> tuple[PlatformVideo, ...]:
        """These videos, at most 20; what the platform does not show any more is missing."""
        ...
