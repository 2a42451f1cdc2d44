"""What TikTok demands of a film, and finding out what one is. Must not know whose it is.

A stranger's bytes are read by another process, see `look`: whatever happens to it there means no
more than that this was no film.
Source: TikTok, content-posting-api-media-transfer-guide, read 2026-09-11. How exactly rates and
lengths are measured is not documented: ours are whole pictures a second and exact seconds, and what
the headers do not say is not held against a film.
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
MIN_FPS, MAX_FPS = 23, 60  # pictures a second
MIN_SIDE_PIXELS, MAX_SIDE_PIXELS = 360, 4096  # pixels
MAX_DURATION_SECONDS = 600  # seconds through the API, whatever the creator may
BAD_FORMAT_REASON = "file_format_check_failed"

PROBE_COMMAND = (sys.executable, "-I", str(Path(__file__).with_name("video_probe.py")))
PROBE_TIMEOUT = 60.0  # seconds; its ten of CPU end it earlier, unless the machine is busy
MAX_CACHED_VIDEOS = 500  # films


@dataclass(frozen=True)
class ProbedVideo:
    """Units: pictures a second, pixels, seconds."""

    container: str
    codec: str
    fps: float | None
    width: int
    height: int
    seconds: float | None


def find_fail_reason(video: ProbedVideo | None, *, max_seconds: float) -> str:
    """The fail_reason; empty if there is none. `longest`: seconds this creator may post."""
    if video is None:
        return BAD_FORMAT_REASON
    sides = (video.width, video.height)
    checks = {
        BAD_FORMAT_REASON: video.container in CONTAINERS and video.codec in CODECS,
        "duration_check_failed": video.seconds is None
        or video.seconds <= min(max_seconds, MAX_DURATION_SECONDS),
        "frame_rate_check_failed": video.fps is None or MIN_FPS <= round(video.fps) <= MAX_FPS,
        "picture_size_check_failed": all(
            MIN_SIDE_PIXELS <= one <= MAX_SIDE_PIXELS for one in sides
        ),
    }
    return next((reason for reason, passes in checks.items() if not passes), "")


class VideoProbeCache:
    """Those looked at before, by digest: a storm of one film costs one look."""

    def __init__(self, command: tuple[str, ...] = PROBE_COMMAND) -> None:
        self._command = command
        self._videos: dict[str, ProbedVideo] = {}
        self._probe_lock = threading.Lock()  # one look at a time

    def get(self, digest: str) -> ProbedVideo | None:
        return self._videos.get(digest)

    def probe(self, digest: str, buffer: UploadBuffer) -> ProbedVideo | None:
        """None if it is no film. Takes its time: not to be called under a platform's lock."""
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
        log.warning("a film could not be looked at: %s", error)
        return None
