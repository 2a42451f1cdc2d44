"""Probes video files, and checks whether TikTok accepts them.

Source: TikTok, content-posting-api-media-transfer-guide, read 2026-11-22.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

ALLOWED_CODECS = frozenset({"h264", "hevc", "vp8", "vp9"})
CONTENT_TYPE_BY_CONTAINER = {"mov": "video/quicktime", "mp4": "video/mp4", "webm": "video/webm"}
FRAME_RATE_RANGE = (23.0, 60.0)  # frames per second
FRAME_RATE_TOLERANCE = 0.5  # frames per second: headers round, and 60 is written as 60.02
SIDE_RANGE_PIXELS = (360, 4096)
MAX_DURATION_MS = 10 * 60 * 1000  # milliseconds

PROBE_TIMEOUT_SECONDS = 20.0  # far more than reading the headers of a normal video takes
PROJECT_ROOT = Path(__file__).parents[2]

log = structlog.get_logger(__name__)


def probe_video(file: Path, *, timeout: float = PROBE_TIMEOUT_SECONDS) -> dict[str, Any] | None:
    """Return duration, size, frame rate, codec and container; None if the file is unreadable.

    A separate process with resource limits reads the file, which may be hostile.
    Units: `timeout` in seconds.
    """
    command = [sys.executable, "-m", "core.media.probe", str(file)]
    try:
        completed = subprocess.run(
            command, cwd=PROJECT_ROOT, env={}, capture_output=True, timeout=timeout, check=True
        )
    except (subprocess.SubprocessError, OSError) as error:
        log.info("video.unreadable", error=type(error).__name__)
        return None
    video_info: dict[str, Any] | None = json.loads(completed.stdout)
    return video_info


def find_violation(video_info: Mapping[str, Any] | None) -> str | None:
    """Return TikTok's error code for what it would refuse; None if nothing is known to be wrong."""
    if (
        video_info is None
        or video_info["container"] not in CONTENT_TYPE_BY_CONTAINER
        or video_info["codec"] not in ALLOWED_CODECS
    ):
        return "file_format_check_failed"
    checks = (
        ("duration_check_failed", video_info["duration_ms"], (1, MAX_DURATION_MS)),
        (
            "frame_rate_check_failed",
            video_info["fps"],
            (
                FRAME_RATE_RANGE[0] - FRAME_RATE_TOLERANCE,
                FRAME_RATE_RANGE[1] + FRAME_RATE_TOLERANCE,
            ),
        ),
        ("picture_size_check_failed", video_info["width"], SIDE_RANGE_PIXELS),
        ("picture_size_check_failed", video_info["height"], SIDE_RANGE_PIXELS),
    )
    return next((code for code, value, allowed in checks if is_out_of_range(value, allowed)), None)


def is_out_of_range(value: float | None, allowed: tuple[float, float]) -> bool:
    """Whether a value is known and outside its range; the platform checks the unknown ones."""
    return value is not None and not allowed[0] <= value <= allowed[1]
