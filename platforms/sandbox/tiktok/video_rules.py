"""TikTok's requirements for videos.

Source: TikTok, content-posting-api-media-transfer-guide, read 2026-09-11. How exactly frame rate
and duration are measured is not documented: here they are whole frames per second and exact
seconds. What the headers do not contain is accepted.
"""

from platforms.sandbox.video_inspector import ProbedVideo

CONTAINERS = frozenset({"mp4", "mov", "webm"})
CODECS = frozenset({"h264", "hevc", "vp8", "vp9"})
MIN_FPS, MAX_FPS = 23, 60  # frames per second
MIN_SIDE_PIXELS, MAX_SIDE_PIXELS = 360, 4096
MAX_DURATION_SECONDS = 600  # through the API, even if the creator may post longer videos
BAD_FORMAT_REASON = "file_format_check_failed"


def find_fail_reason(video: ProbedVideo | None, *, max_seconds: float) -> str:
    """Return the fail_reason; empty if the video is accepted.

    `max_seconds`: the longest video that the creator may post.
    """
    if video is None or video.container not in CONTAINERS or video.codec not in CODECS:
        return BAD_FORMAT_REASON
    if video.seconds is not None and video.seconds > min(max_seconds, MAX_DURATION_SECONDS):
        return "duration_check_failed"
    if video.fps is not None and not MIN_FPS <= round(video.fps) <= MAX_FPS:
        return "frame_rate_check_failed"
    sides = (video.width, video.height)
    if any(not MIN_SIDE_PIXELS <= side <= MAX_SIDE_PIXELS for side in sides):
        return "picture_size_check_failed"
    return ""
