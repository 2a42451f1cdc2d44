"""The `story_insights` event, which Meta sends when a story ends.

Source: Meta, webhook reference `instagram`, read 2026-11-22: only with Facebook Login; the sample
still has the names of metrics that the API itself withdrew.
"""

from typing import Any

from platforms.sandbox.instagram.media_insights import metric_value
from platforms.sandbox.instagram.media_nodes import STORY_SECONDS, SandboxMedia
from platforms.sandbox.instagram.metric_tables import MEDIA_METRICS
from platforms.sandbox.instagram.state import InstagramState
from platforms.sandbox.instagram.webhook_events import send_change


def schedule_story_insights(meta: InstagramState, media: SandboxMedia) -> None:
    """Send the event at the end of a story; for other media nothing happens."""
    if media.is_story:
        seconds = max(media.timestamp + STORY_SECONDS - meta.now, 0.0)
        meta.sandbox.scheduler.call_later(seconds, lambda: send_story_insights(meta, media.id))


def send_story_insights(meta: InstagramState, media_id: str) -> None:
    """Send the first day's figures, unless the story was deleted."""
    with meta.lock:
        media: SandboxMedia | None = meta.media.get(media_id)
        if media is not None:
            value = story_insights_value(meta, media)
            send_change(meta, meta.accounts[media.account_id], "story_insights", value)


def story_insights_value(meta: InstagramState, media: SandboxMedia) -> dict[str, Any]:
    views, reach, replies = (
        int(metric_value(meta, media, MEDIA_METRICS[name]) or 0)
        for name in ("views", "reach", "replies")
    )
    return {
        "media_id": media.id,
        "impressions": views,
        "reach": reach,
        "taps_forward": views // 10,
        "taps_back": views // 20,
        "exits": views // 15,
        "replies": replies,
    }
