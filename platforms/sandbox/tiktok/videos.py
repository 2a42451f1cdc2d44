"""A creator's public videos as the Display API shows them. Must not show any others.

Their numbers follow from how long they have been out, by the sandbox's clock.
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


LIKES, COMMENTS, SHARES = 8, 40, 100  # one of so many views
HOUR = 3_600.0


def videos(tiktok: TikTok, open_id: str) -> list[dict[str, Any]]:
    """The newest first; of a creator who has gone private there are none."""
    creator = tiktok.creators[open_id]
    shown = [
        video(tiktok, creator, post, post_id)
        for post in tiktok.posts.of(open_id)
        for post_id in post.post_ids
        if post.public and not creator.private
    ]
    return sorted(shown, key=lambda one: (one["create_time"], int(one["id"])), reverse=True)


def video(tiktok: TikTok, creator: Creator, post: Post, post_id: int) -> dict[str, Any]:
    url = f"https://www.tiktok.com/@{creator.username}/video/{post_id}"
    title = str(post.info.get("title", ""))[:150]
    return {
        "id": str(post_id),
        "create_time": int(post.published_at),
        "cover_image_url": f"https://p16-sign.tiktokcdn-us.com/{post_id}.jpeg?x-expires=21600",
        "share_url": f"{url}?utm_campaign=tt4d_open_api&utm_source={tiktok.client_key}",
        "video_description": title,
        "title": title,
        **measures(post),
        "embed_html": "",
        "embed_link": f"https://www.tiktok.com/player/v1/{post_id}",
        **counters(tiktok, post),
    }


def measures(post: Post) -> dict[str, int]:
    """In whole seconds and pixels; of a film nobody looked into, as good as any."""
    if post.film is None:
        return {"duration": 3, "height": 640, "width": 360}
    seconds = int(post.film.seconds or 0)
    return {"duration": seconds, "height": post.film.height, "width": post.film.width}


def counters(tiktok: TikTok, post: Post) -> dict[str, int]:
    """They only grow, but where somebody has set them; absent while the video is new."""
    age = tiktok.time - post.published_at
    grown: dict[str, int | None] = {}
    if age >= tiktok.settings.counters_seconds:
        views = int(age * tiktok.settings.views_per_hour / HOUR)
        grown = {
            "view_count": views,
            "like_count": views // LIKES,
            "comment_count": views // COMMENTS,
            "share_count": views // SHARES,
        }
    return {name: value for name, value in (grown | post.counts).items() if value is not None}
