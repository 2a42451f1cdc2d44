"""Media and metrics of accounts as the API shows them: null where the platform gave no value."""

from collections.abc import Mapping
from typing import Any

from app.serialize.video_metrics import serialize_latest_value, serialize_point
from core.insights.destination_request import DestinationInsights
from core.insights.queries import SamplingStatus
from db.insights.items import ListedItem


def serialize_item(item: ListedItem) -> dict[str, Any]:
    """One media in a list; `postId` is the post it was published by, if we published it."""
    return {
        "id": item.id,
        "mediaId": item.item_id,
        "accountId": item.destination_id,
        "username": item.account_name,
        "postId": item.post_id,
        "mediaType": item.media_type,
        "product": item.product,
        "caption": item.text,
        "permalink": item.url,
        "thumbnailUrl": item.thumbnail_url,
        "shortcode": item.shortcode,
        "timestamp": item.posted_at,
        "metrics": dict(item.counts),
        "metricsAt": item.counted_at,
        "deletedAt": item.missing_since,
    }


def serialize_insights(result: DestinationInsights) -> dict[str, Any]:
    details = result.details or {}
    account: dict[str, Any] = {}
    if result.item is None:
        account = {
            "account": serialize_status(result.status, details),
            "audience": details.get("audience"),
        }
    return {
        "kind": "media" if result.item else "account",
        "accountId": result.destination_id,
        **account,
        **({"media": serialize_item(result.item)} if result.item else {}),
        "latest": {
            name: value and serialize_latest_value(value) for name, value in result.latest.items()
        },
        "step": result.series.step,
        "points": [serialize_point(point) for point in result.series.points],
    }


def serialize_status(status: SamplingStatus | None, details: Mapping[str, Any]) -> dict[str, Any]:
    """Whether an account is sampled, and the shares of its metrics in the last window."""
    return {
        "sampled": status is not None and status.is_sampled,
        "problem": status and status.problem,
        "nextSampleAt": status and status.next_sample_at,
        "window": details.get("window"),
        "daily": details.get("series", {}),
        "parts": details.get("parts", {}),
        "unavailable": details.get("unavailable", []),
    }
