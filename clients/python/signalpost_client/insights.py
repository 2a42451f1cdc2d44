"""Metrics of accounts and of what was posted: latest values and history.

Platforms whose logins are posted to directly list videos, the others list media.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from signalpost_client.data_types import (
    HistoryData,
    MediaHistoryData,
    MediaItemData,
)
from signalpost_client.pages import PagedList, find_next_cursor
from signalpost_client.transport import Transport, parse_object

T = TypeVar("T")


@dataclass(frozen=True)
class MetricRange:
    """Which part of a history: one metric or all, from when to when, in which steps.

    It is fetched `limit` points at a time.
    """

    metric: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    step: str | None = None
    limit: int = 1000

    def to_query(self) -> dict[str, object]:
        return {
            "metric": self.metric,
            "from": self.since,
            "to": self.until,
            "step": self.step,
            "limit": self.limit,
        }


ALL_METRICS = MetricRange()


@dataclass(frozen=True)
class InsightsApi:
    transport: Transport

    def list_videos(
        self, platform: str, *, account_id: int | None = None, page_size: int = 100
    ) -> PagedList[dict[str, Any]]:
        """List the public videos of my accounts, newest first, each metric by its name."""
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
        histories = self._fetch_parts(HistoryData, platform, {**part.to_query(), **subject})
        history = next(histories)
        for following in histories:
            history["points"] += following["points"]
        return history

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
        histories = self._fetch_parts(MediaHistoryData, platform, {**part.to_query(), **subject})
        history = next(histories)
        for following in histories:
            history["points"] += following["points"]
        return history

    def _fetch_parts(
        self, _kind: type[T], platform: str, query: Mapping[str, object]
    ) -> Iterator[T]:
        """Yield a history in parts, the oldest points first."""
        cursor: str | None = None
        while True:
            response = self.transport.call(
                "GET",
                "/api/{platform}/insights",
                values={"platform": platform},
                query={**query, "cursor": cursor},
            )
            envelope = parse_object(response)
            data: T = envelope["data"]
            yield data
            cursor = find_next_cursor(envelope)
            if cursor is None:
                return
