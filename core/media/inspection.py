"""Inspects media files and converts pictures, each in a separate process with resource limits.

The files may be hostile, and FFmpeg and the decoders of pictures are large libraries in C.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import structlog

PROBE_TIMEOUT_SECONDS = 20.0  # far more than reading the headers of a normal file takes
CONVERT_TIMEOUT_SECONDS = 30.0
PROJECT_ROOT = Path(__file__).parents[2]

log = structlog.get_logger(__name__)


def probe_media(file: Path, *, timeout: float = PROBE_TIMEOUT_SECONDS) -> dict[str, Any] | None:
    """Return what the headers of a video or picture say; None if the file is neither.

    Shapes: `kind` is video or image; `container`, `width`, `height`; of a video also
    `duration_ms`, `fps`, `codec`, `audio_codec`; of a picture `frames`. A value of None is unknown.
    Units: `timeout` in seconds.
    """
    output = run_confined("core.media.probe", file, timeout=timeout)
    if output is None:
        return None
    media_info: dict[str, Any] | None = json.loads(output)
    return media_info


def convert_to_jpeg(file: Path, *, timeout: float = CONVERT_TIMEOUT_SECONDS) -> bytes | None:
    """Return a picture as JPEG in sRGB, turned upright; None if it cannot be read.

    Transparent parts become white. Units: `timeout` in seconds.
    """
    return run_confined("core.media.convert", file, timeout=timeout)


def run_confined(module: str, file: Path, *, timeout: float) -> bytes | None:
    """Run a module on a file in a process without settings; return its output, None if it fails."""
    command = [sys.executable, "-m", module, str(file)]
    try:
        completed = subprocess.run(
            command, cwd=PROJECT_ROOT, env={}, capture_output=True, timeout=timeout, check=True
        )
    except (subprocess.SubprocessError, OSError) as error:
        log.info("media.unreadable", error=type(error).__name__)
        return None
    return completed.stdout
