"""TikTok's requirements for videos, and the inspection that finds a video's properties.

Another process, `video_probe.py`, reads the untrusted bytes; if it fails, the file is not a video.
Source: TikTok, content-posting-api-media-transfer-guide, read 2026-09-11. How exactly frame rate
and duration are measured is not documented: here they are whole frames per second and exact
seconds. What the headers do not contain is accepted.
"""

import json
import logging
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from platforms.sandbox.tiktok.upload_buffer import UploadBuffer

log = logging.getLogger(__name__)

CONTAINERS = frozenset({"mp4", "mov", "webm"})
CODECS = frozenset({"h264", "hevc", "vp8", "vp9"})
MIN_FPS, MAX_FPS = 23, 60  # frames per second
MIN_SIDE_PIXELS, MAX_SIDE_PIXELS = 360, 4096
MAX_DURATION_SECONDS = 600  # through the API, even if the creator may post longer videos
BAD_FORMAT_REASON = "file_format_check_failed"

PROBE_COMMAND = (sys.executable, "-I", str(Path(__file__).with_name("video_probe.py")))
PROBE_TIMEOUT = 60.0  # seconds; on an idle machine its limit of 10 s of CPU ends it earlier
MAX_CACHED_VIDEOS = 500


@dataclass(frozen=True)
class ProbedVideo:
    """The properties of a video. Units: frames per second, pixels, seconds."""

    container: str
    codec: str
    fps: float | None
    width: int
    height: int
    seconds: float | None


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


class VideoProbeCache:
    """Inspected videos by digest: many uploads of the same video are inspected once."""

    def __init__(self, command: tuple[str, ...] = PROBE_COMMAND) -> None:
        self._command = command
        self._videos: dict[str, ProbedVideo] = {}
        self._probe_lock = threading.Lock()  # one inspection at a time

    def get(self, digest: str) -> ProbedVideo | None:
        return self._videos.get(digest)

    def probe(self, digest: str, buffer: UploadBuffer) -> ProbedVideo | None:
        """Inspect a video; None if it is not one. Slow: do not call it under a platform's lock."""
        with self._probe_lock:
            video = self._videos.get(digest) or run_probe(buffer, self._command)
            if video:
                self._videos[digest] = video
            while len(self._videos) > MAX_CACHED_VIDEOS:
                del self._videos[next(iter(self._videos))]
        return video


def run_probe(buffer: UploadBuffer, command: tuple[str, ...]) -> ProbedVideo | None:
    try:
        child = subprocess.run(
            command,
            stdin=buffer.rewind(),
            env={},
            capture_output=True,
            timeout=PROBE_TIMEOUT,
            check=True,
        )
        result = json.loads(child.stdout)
        return ProbedVideo(**result) if result else None
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        log.warning("a video could not be inspected: %s", error)
        return None
