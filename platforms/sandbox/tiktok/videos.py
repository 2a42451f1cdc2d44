"""A creator's public videos as the Display API shows them. Must not show any others.

Source: TikTok, tiktok-api-v2-video-object, read 2026-11-22.
"""

from typing import Any

from platforms.sandbox.tiktok.creators import Creator
from platforms.sandbox.tiktok.posts import Post
from platforms.sandbox.tiktok.state import TikTok

COUNTERS = frozenset({"like_count", "comment_count", "share_count", "view_count"})
VIDEO_FIELDS = COUNTERS | {
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


def videos(tiktok: TikTok, open_id: str) -> list[dict[str, Any]]:
    creator = tiktok.creators[open_id]
    shown = [
        video(tiktok, creator, post, post_id)
        for post in tiktok.posts.of(open_id)
        for post_id in post.post_ids
        if post.public
    ]
    return sorted(shown, key=lambda one: int(one["id"]), reverse=True)


def video(tiktok: TikTok, creator: Creator, post: Post, post_id: int) -> dict[str, Any]:
    """Counters are absent on a new video, as was observed."""
    url = f"https://www.tiktok.com/@{creator.username}/video/{post_id}"
    title = str(post.info.get("title", ""))[:150]
    return {
        "id": str(post_id),
        "create_time": int(post.published_at),
        "cover_image_url": f"https://p16-sign.tiktokcdn-us.com/{post_id}.jpeg?x-expires=21600",
        "share_url": f"{url}?utm_campaign=tt4d_open_api&utm_source={tiktok.client_key}",
        "video_description": title,
        "title": title,
        "duration": 3,
        "height": 640,
        "width": 360,
        "embed_html": "",
        "embed_link": f"https://www.tiktok.com/player/v1/{post_id}",
    }
