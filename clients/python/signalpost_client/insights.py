"""Metrics of accounts and of what was posted: latest values and history.

Platforms whose logins are posted to directly list videos, the others list media.
"""

from dataclasses import dataclass
from datetime import datetime

from signalpost_client.data_types import (
    HistoryData,
    MediaHistoryData,
    MediaItemData,
    VideoData,
)
from signalpost_client.pages import PagedList
from signalpost_client.transport import Transport

HISTORY_TEMPLATE = "/api/{platform}/insights"


@dataclass(frozen=True)
class MetricRange:
    """Which part of a history: one metric or all, from when to when, in which steps."""

    metric: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    step: str | None = None
    limit: int = 500
    cursor: str | None = None

    def to_query(self) -> dict[str, object]:
        return {
            "metric": self.metric,
            "from": self.since,
            "to": self.until,
            "step": self.step,
            "limit": self.limit,
            "cursor": self.cursor,
        }


ALL_METRICS = MetricRange()


@dataclass(frozen=True)
class InsightsApi:
    transport: Transport

    def list_videos(
        self, platform: str, *, account_id: int | None = None, page_size: int = 100
    ) -> PagedList[VideoData]:
        """List the public videos of my accounts with their latest metrics, newest first."""
        query = {"account_id": account_id, "limit": page_size}
        values = {"platform": platform}
        return PagedList(self.transport, "/api/{platform}/videos", values, query)

    def list_media(
        self, platform: str, *, account_id: int | None = None, page_size: int = 100
    ) -> PagedList[MediaItemData]:
        """List the media of my accounts with their latest metrics, newest first."""
        query = {"accountId": account_id, "limit": page_size}
        values = {"platform": platform}
        return PagedList(self.transport, "/api/{platform}/media", values, query)

    def get_history(
        self,
        platform: str,
        part: MetricRange = ALL_METRICS,
        *,
        account_id: int | None = None,
        post_id: int | None = None,
        video_id: str | None = None,
    ) -> HistoryData:
        """Return the metrics of a login, a post or a video, where `list_videos` is offered."""
        subject = {"account_id": account_id, "post_id": post_id, "video_id": video_id}
        return self.transport.fetch_data(
            HistoryData,
            "GET",
            HISTORY_TEMPLATE,
            values={"platform": platform},
            query={**part.to_query(), **subject},
        )

    def get_media_history(
        self,
        platform: str,
        part: MetricRange = ALL_METRICS,
        *,
        account_id: int | None = None,
        media_id: str | None = None,
    ) -> MediaHistoryData:
        """Return the metrics of an account or of one media, where `list_media` is offered."""
        subject = {"accountId": account_id, "mediaId": media_id}
        return self.transport.fetch_data(
            MediaHistoryData,
            "GET",
            HISTORY_TEMPLATE,
            values={"platform": platform},
            query={**part.to_query(), **subject},
        )
