"""Public videos of logins with their latest metrics, whether we posted them or not.

The readers are listed in `db/records/items.py`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from db.insights.items import NewestItem

VIDEO_METRICS = ("views", "likes", "comments", "shares")
VIDEO_COUNT = "videos"
"""Key of the number of videos in a sum of metrics."""

VideoKey = tuple[int, str]
"""Our id of the login, and the platform's id of the video."""


@dataclass(frozen=True)
class Video:
    """A public video. None means that the platform has not given the value yet.

    `counted_at`: when the platform last returned it. `missing_since`: since when it does not.
    """

    id: int
    oauth_account_id: int
    video_id: str
    title: str | None
    url: str | None
    duration_seconds: int | None
    posted_at: datetime
    views: int | None
    likes: int | None
    comments: int | None
    shares: int | None
    counted_at: datetime | None
    missing_since: datetime | None

    @property
    def key(self) -> VideoKey:
        return (self.oauth_account_id, self.video_id)


class VideoReader(Protocol):
    """Reads the videos of one platform that belong to one user."""

    def find(self, video_id: str, *, user_id: int) -> Video | None:
        """Find a video by the platform's id; if the login was connected twice, the newer row."""
        ...

    def list_page(
        self, account_id: int | None, *, user_id: int, limit: int, before: int | None
    ) -> Sequence[Video]:
        """List videos, newest first; `before` is our id of the last one seen."""
        ...

    def list_newest(
        self, account_id: int | None, *, user_id: int, limit: int
    ) -> Sequence[NewestItem]:
        """List the first of `list_page`."""
        ...

    def sum_metrics(self, account_id: int | None, *, user_id: int) -> dict[str, int | None]:
        """Sum the latest metrics and count the videos; a metric that no video has is None."""
        ...

    def get_many(self, keys: Collection[VideoKey], *, user_id: int) -> dict[VideoKey, Video]: ...
    def map_to_posts(self, videos: Sequence[Video], *, user_id: int) -> Mapping[VideoKey, int]:
        """Return which videos are posts of ours: key of the video → post id."""
        ...
