"""A creator's public videos as the Display API returns them.

Their counts depend on how long they have been public, by the sandbox's clock.
Source: TikTok, tiktok-api-v2-video-object, read 2026-11-22.
"""

from typing import Any

from platforms.sandbox.clock import HOUR_SECONDS
from platforms.sandbox.tiktok.creators import SandboxCreator
from platforms.sandbox.tiktok.posts import SandboxPost
from platforms.sandbox.tiktok.state import TikTokState

COUNTER_FIELDS = frozenset({"like_count", "comment_count", "share_count", "view_count"})
VIDEO_FIELDS = COUNTER_FIELDS | {
    "id",
    "create_time",
    "cover_image_url",
    "share_url",
    "video_description",
    "title",
    "duration",
    "height",
    "width",
    "embed_html",
    "embed_link",
}
VIEWS_PER_LIKE, VIEWS_PER_COMMENT, VIEWS_PER_SHARE = 8, 40, 100


def public_videos(tiktok: TikTokState, open_id: str) -> list[dict[str, Any]]:
    """Return the public videos, newest first; an account that is private now has none."""
    creator = tiktok.creators[open_id]
    visible = [
        video_object(tiktok, creator, post, post_id)
        for post in tiktok.posts.of_creator(open_id)
        for post_id in post.post_ids
        if post.public and not creator.private
    ]
    return sorted(visible, key=lambda video: (video["create_time"], int(video["id"])), reverse=True)


def video_object(
    tiktok: TikTokState, creator: SandboxCreator, post: SandboxPost, post_id: int
) -> dict[str, Any]:
    url = f"https://www.tiktok.com/@{creator.username}/video/{post_id}"
    title = str(post.info.get("title", ""))[:150]
    return {
        "id": str(post_id),
        "create_time": int(post.published_at),
        "cover_image_url": f"https://p16-sign.tiktokcdn-us.com/{post_id}.jpeg?x-expires=21600",
        "share_url": f"{url}?utm_campaign=tt4d_open_api&utm_source={tiktok.client_key}",
        "video_description": title,
        "title": title,
        **video_dimensions(post),
        "embed_html": "",
        "embed_link": f"https://www.tiktok.com/player/v1/{post_id}",
        **video_counters(tiktok, post),
    }


def video_dimensions(post: SandboxPost) -> dict[str, int]:
    """Return duration and size, in whole seconds and pixels; constants if it was not inspected."""
    if post.probed_video is None:
        return {"duration": 3, "height": 640, "width": 360}
    seconds = int(post.probed_video.seconds or 0)
    return {
        "duration": seconds,
        "height": post.probed_video.height,
        "width": post.probed_video.width,
    }


def video_counters(tiktok: TikTokState, post: SandboxPost) -> dict[str, int]:
    """Return the counts: none while the video is new, then growing; overrides replace them."""
    age = tiktok.time - post.published_at
    counters: dict[str, int | None] = {}
    if age >= tiktok.settings.counters_seconds:
        views = int(age * tiktok.settings.views_per_hour / HOUR_SECONDS)
        counters = {
            "view_count": views,
            "like_count": views // VIEWS_PER_LIKE,
            "comment_count": views // VIEWS_PER_COMMENT,
            "share_count": views // VIEWS_PER_SHARE,
        }
    counters |= post.counter_overrides
    return {name: count for name, count in counters.items() if count is not None}
