"""Metrics of videos and accounts as the API shows them: null where the platform gave no value."""

from collections.abc import Mapping
from typing import Any

from core.insights import AccountOverview, VideoMetrics, sum_videos
from core.insights.history import SeriesPoint
from core.insights.insights_request import InsightsResult
from db.insights.snapshots import MetricValue
from db.insights.videos import VIDEO_METRICS, Video, VideoKey


def serialize_statistics(metrics: VideoMetrics | None) -> dict[str, Any] | None:
    """The metrics of a post, or null until its video is seen in the public list."""
    if metrics is None:
        return None
    return {
        **{name: getattr(metrics, name) for name in VIDEO_METRICS},
        "engagement_rate": metrics.engagement,
        "video_ids": list(metrics.video_ids),
        "share_url": metrics.url,
        "counted_at": metrics.counted_at,
        "missing_since": metrics.missing_since,
    }


def serialize_listed_video(video: Video, posts: Mapping[VideoKey, int]) -> dict[str, Any]:
    """A video in a list; `post_id` is the post it was published by, if we published it."""
    post_id = posts.get(video.key)
    return {"account_id": video.oauth_account_id, "post_id": post_id, **serialize_video(video)}


def serialize_video(video: Video) -> dict[str, Any]:
    statistics = serialize_statistics(sum_videos([video])) or {}
    return {
        "video_id": video.video_id,
        "title": video.title,
        "duration_seconds": video.duration_seconds,
        "posted_at": video.posted_at,
        **{name: value for name, value in statistics.items() if name != "video_ids"},
    }


def serialize_history(result: InsightsResult) -> dict[str, Any]:
    return {
        "kind": result.kind,
        "account_id": result.account_id,
        "post_id": result.post_id,
        **({"account": serialize_overview(result.overview)} if result.overview else {}),
        **({"video": serialize_video(result.video)} if result.video else {}),
        "latest": {
            name: value and serialize_latest_value(value) for name, value in result.latest.items()
        },
        "step": result.series.step,
        "points": [serialize_point(point) for point in result.series.points],
    }


def serialize_overview(overview: AccountOverview) -> dict[str, Any]:
    """An account's totals; `sampled` and `problem` say why metrics are missing, if they are."""
    return {
        "sampled": overview.is_sampled,
        "problem": overview.problem,
        "next_sample_at": overview.next_sample_at,
        "videos": {**overview.video_totals, "engagement_rate": overview.engagement},
    }


def serialize_latest_value(value: MetricValue) -> dict[str, Any]:
    return {"value": value.value, "at": value.at}


def serialize_point(point: SeriesPoint) -> dict[str, Any]:
    return {"at": point.at, **point.values}
