"""What Instagram accepts as images and videos.

Source: Meta, ig-user/media, text of 2026-09-11: the tables of image, story image, reel and story
video specifications. Images are scaled to a width of 320 to 1440 pixels, so their width is no rule.
The page has no figures of its own for the videos of a carousel: those of reels are used.
"""

from collections.abc import Mapping
from dataclasses import replace

from platforms.media_rules import MediaRule

MAX_IMAGE_BYTES = 8 * 1024 * 1024  # the page says 8 MB, the error text 8 MiB
MAX_REEL_BYTES = 300_000_000
MAX_STORY_VIDEO_BYTES = 100_000_000
FRAME_RATE_TOLERANCE = 0.5  # frames per second: headers round, and 60 is written as 60.02
IMAGE_CODES = {
    "format": "image_format_unsupported",
    "too_large": "image_too_large",
    "ratio": "image_ratio_unsupported",
}
VIDEO_CODES = {
    **dict.fromkeys(
        ("format", "codec", "audio_codec", "frame_rate", "width", "height", "ratio"),
        "video_format_unsupported",
    ),
    "too_large": "video_too_large",
    "duration": "video_duration_unsupported",
}

FEED_IMAGE = MediaRule(
    name="feed_image",
    content_types=frozenset({"image/jpeg"}),
    max_bytes=MAX_IMAGE_BYTES,
    is_video=False,
    ratio=(4 / 5, 1.91),
    codes=IMAGE_CODES,
)
STORY_IMAGE = replace(FEED_IMAGE, name="story_image", ratio=None)  # 9:16 is advised only
COVER_IMAGE = replace(FEED_IMAGE, name="cover_image", ratio=None)
REEL_VIDEO = MediaRule(
    name="reel_video",
    content_types=frozenset({"video/mp4", "video/quicktime"}),
    max_bytes=MAX_REEL_BYTES,
    is_video=True,
    containers=frozenset({"mp4", "mov"}),
    seconds=(3, 15 * 60),
    ratio=(0.01, 10),
    width=(1, 1920),
    fps=(23 - FRAME_RATE_TOLERANCE, 60 + FRAME_RATE_TOLERANCE),
    codecs=frozenset({"h264", "hevc"}),
    audio_codecs=frozenset({"aac"}),
    can_send=True,
    codes=VIDEO_CODES,
)
CAROUSEL_VIDEO = replace(REEL_VIDEO, name="carousel_video")
STORY_VIDEO = replace(
    REEL_VIDEO,
    name="story_video",
    max_bytes=MAX_STORY_VIDEO_BYTES,
    seconds=(3, 60),
    ratio=(0.1, 10),
)

MEDIA_RULES: Mapping[str, MediaRule] = {
    rule.name: rule
    for rule in (FEED_IMAGE, STORY_IMAGE, COVER_IMAGE, REEL_VIDEO, CAROUSEL_VIDEO, STORY_VIDEO)
}
