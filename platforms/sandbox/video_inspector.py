"""Inspects videos for every platform of the sandbox.

Another process, `video_probe.py`, reads the untrusted bytes; if it fails, the file is not a video.
"""

import json
import logging
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from platforms.sandbox.upload_buffer import UploadBuffer

log = logging.getLogger(__name__)

PROBE_COMMAND = (sys.executable, "-I", str(Path(__file__).with_name("video_probe.py")))
PROBE_TIMEOUT = 60.0  # seconds; on an idle machine its limit of 10 s of CPU ends it earlier
MAX_CACHED_VIDEOS = 500


@dataclass(frozen=True)
class ProbedVideo:
    """The properties of a video; None for what its headers do not contain.

    Units: frames per second, pixels, seconds, bits per second, Hz.
    """

    container: str
    codec: str
    fps: float | None
    width: int
    height: int
    seconds: float | None
    pixel_format: str | None = None
    bit_rate: int | None = None
    audio_codec: str | None = None
    audio_rate: int | None = None
    audio_channels: int | None = None


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
