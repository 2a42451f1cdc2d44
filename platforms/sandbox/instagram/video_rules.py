"""Instagram's requirements for reels, videos of carousels and story videos.

Source: Meta, ig-user/media, text of 2026-09-11. The limits of carousel videos are not given apart:
they are those of reels here. What the headers do not contain is accepted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

from platforms.sandbox.video_inspector import ProbedVideo

MB = 1_000_000  # bytes
CONTAINERS = frozenset({"mp4", "mov"})
VIDEO_CODECS = frozenset({"h264", "hevc"})
PIXEL_FORMATS = frozenset({"yuv420p", "yuvj420p", "yuv420p10le"})
AUDIO_CODECS = frozenset({"aac"})
MIN_FPS, MAX_FPS = 23, 60  # frames per second
MAX_WIDTH_PIXELS = 1920
MAX_BIT_RATE = 25_000_000  # bits per second
BOX_HEADER_BYTES = 8  # size and kind of a box in the file
MAX_AUDIO_RATE, MAX_AUDIO_CHANNELS = 48_000, 2  # Hz, channels


@dataclass(frozen=True)
class VideoLimits:
    """Limits of one kind of video. Units: bytes, seconds, width to height."""

    max_bytes: int
    min_seconds: float
    max_seconds: float
    min_ratio: float
    max_ratio: float


REEL_LIMITS = VideoLimits(300 * MB, 3.0, 900.0, 0.01, 10.0)
STORY_LIMITS = VideoLimits(100 * MB, 3.0, 60.0, 0.1, 10.0)
LIMITS_BY_MEDIA_TYPE: Mapping[str, VideoLimits] = {
    "REELS": REEL_LIMITS,
    "VIDEO": REEL_LIMITS,
    "STORIES": STORY_LIMITS,
}


def find_video_objection(video: ProbedVideo | None, media_type: str) -> str:
    """Return which property of the video is not accepted; empty if all are."""
    if video is None:
        return "format"
    objections = {
        "container": video.container not in CONTAINERS,
        "codec": video.codec not in VIDEO_CODECS,
        "pixel_format": video.pixel_format not in {None, *PIXEL_FORMATS},
        "frame_rate": video.fps is not None and not MIN_FPS <= round(video.fps) <= MAX_FPS,
        "width": video.width > MAX_WIDTH_PIXELS,
        "bit_rate": (video.bit_rate or 0) > MAX_BIT_RATE,
        "audio": not has_accepted_audio(video),
        "ratio": not has_accepted_ratio(video, LIMITS_BY_MEDIA_TYPE[media_type]),
        "duration": not has_accepted_duration(video, LIMITS_BY_MEDIA_TYPE[media_type]),
    }
    return next((name for name, is_objected in objections.items() if is_objected), "")


def has_accepted_audio(video: ProbedVideo) -> bool:
    """Return whether the audio is accepted; a silent video is."""
    return video.audio_codec is None or (
        video.audio_codec in AUDIO_CODECS
        and (video.audio_rate or 0) <= MAX_AUDIO_RATE
        and (video.audio_channels or 0) <= MAX_AUDIO_CHANNELS
    )


def has_accepted_ratio(video: ProbedVideo, limits: VideoLimits) -> bool:
    if not video.height:
        return False
    return limits.min_ratio <= video.width / video.height <= limits.max_ratio


def has_accepted_duration(video: ProbedVideo, limits: VideoLimits) -> bool:
    """Compare in tenths of a second: containers round the duration."""
    if video.seconds is None:
        return True
    return limits.min_seconds <= round(video.seconds, 1) <= limits.max_seconds


def has_index_first(file: IO[bytes]) -> bool:
    """Return whether the box `moov` comes before the picture data and has no edit list."""
    at = 0
    while True:
        file.seek(at)
        head = file.read(16)
        size, kind = int.from_bytes(head[:4], "big"), head[4:8]
        size = int.from_bytes(head[8:16], "big") if size == 1 else size
        if kind == b"moov":
            file.seek(at)
            return b"elst" not in file.read(size)
        if min(len(head), size) < BOX_HEADER_BYTES or kind == b"mdat":
            return False
        at += size
