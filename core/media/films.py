"""What is in a film, and whether TikTok takes it. Looks at headers and never decodes a picture.

Source: TikTok, content-posting-api-media-transfer-guide, read 2026-11-22.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import structlog

CODECS = frozenset({"h264", "hevc", "vp8", "vp9"})
CONTAINERS = {"mov": "video/quicktime", "mp4": "video/mp4", "webm": "video/webm"}
FRAME_RATES = (23.0, 60.0)
SLACK = 0.5  # frames per second: headers round, and 60 is written as 60.02
SIDES = (360, 4096)
LONGEST = 10 * 60 * 1000  # milliseconds

log = structlog.get_logger(__name__)


def probe(file: Path) -> dict[str, Any] | None:
    """Length, sides, rate, codec and container; None if it is no film that anybody can read."""
    try:
        with av.open(str(file)) as film:
            return described(film)
    except (av.FFmpegError, ValueError, OSError) as error:
        log.info("film.unreadable", error=type(error).__name__)
        return None


def described(film: Any) -> dict[str, Any] | None:
    if not film.streams.video:
        return None
    picture = film.streams.video[0]
    rate = picture.average_rate or picture.guessed_rate
    return {
        "duration_ms": film.duration and film.duration // 1000,
        "width": picture.codec_context.width,
        "height": picture.codec_context.height,
        "fps": rate and round(float(rate), 3),
        "codec": picture.codec_context.name,
        "container": container(film),
    }


def container(film: Any) -> str:
    """FFmpeg knows MOV and MP4 by one name, and WebM as a kind of Matroska; the brand tells."""
    names = film.format.name.split(",")
    if "mp4" in names:
        return "mov" if film.metadata.get("major_brand", "").strip() == "qt" else "mp4"
    return "webm" if "webm" in names else names[0]


def unfit(seen: Mapping[str, Any] | None) -> str | None:
    """TikTok's own word for what it would object to; None if nothing is known to be wrong."""
    if seen is None or seen["container"] not in CONTAINERS or seen["codec"] not in CODECS:
        return "file_format_check_failed"
    checks = (
        ("duration_check_failed", seen["duration_ms"], (1, LONGEST)),
        ("frame_rate_check_failed", seen["fps"], (FRAME_RATES[0] - SLACK, FRAME_RATES[1] + SLACK)),
        ("picture_size_check_failed", seen["width"], SIDES),
        ("picture_size_check_failed", seen["height"], SIDES),
    )
    return next((code for code, value, allowed in checks if outside(value, allowed)), None)


def outside(value: float | None, allowed: tuple[float, float]) -> bool:
    """A figure that the header does not give is left to the platform's judgement."""
    return value is not None and not allowed[0] <= value <= allowed[1]
