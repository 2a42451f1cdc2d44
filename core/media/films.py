"""What is in a film, and whether TikTok takes it.

Source: TikTok, content-posting-api-media-transfer-guide, read 2026-11-22.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

CODECS = frozenset({"h264", "hevc", "vp8", "vp9"})
CONTAINERS = {"mov": "video/quicktime", "mp4": "video/mp4", "webm": "video/webm"}
FRAME_RATES = (23.0, 60.0)
SLACK = 0.5  # frames per second: headers round, and 60 is written as 60.02
SIDES = (360, 4096)
LONGEST = 10 * 60 * 1000  # milliseconds

PATIENCE = 20.0  # seconds for a look at headers, far more than any honest film takes
ROOT = Path(__file__).parents[2]

log = structlog.get_logger(__name__)


def probe(file: Path, *, patience: float = PATIENCE) -> dict[str, Any] | None:
    """Length, sides, rate, codec and container; None if it is no film that anybody can read.

    Another process looks, one with little to lose: the file comes from a stranger, and whoever
    reads it runs a large library of C over it. Units: seconds.
    """
    command = [sys.executable, "-m", "core.media.look", str(file)]
    try:
        seen = subprocess.run(
            command, cwd=ROOT, env={}, capture_output=True, timeout=patience, check=True
        )
    except (subprocess.SubprocessError, OSError) as error:
        log.info("film.unreadable", error=type(error).__name__)
        return None
    found: dict[str, Any] | None = json.loads(seen.stdout)
    return found


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
