"""Looks into one film, alone in a process with little to lose. Reads headers, decodes no picture.

`python -m core.media.look FILE` writes what it saw as JSON, `null` if it is no film. Must not
import anything of ours, nor know a setting.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any

import av

LIMITS = {
    resource.RLIMIT_CPU: 10,  # seconds
    resource.RLIMIT_AS: 2**30,  # bytes; FFmpeg's libraries alone map a quarter of it
    resource.RLIMIT_FSIZE: 0,  # bytes of any file it could write
    resource.RLIMIT_CORE: 0,
}


OPTIONS = {
    "protocol_whitelist": "file",
    # Nothing that names other files: a playlist would have us read what its sender may not.
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm",
}


def confine() -> None:
    for what, most in LIMITS.items():
        resource.setrlimit(what, (most, most))


def look(file: Path) -> dict[str, Any] | None:
    try:
        with av.open(str(file), options=OPTIONS) as film:
            return described(film)
    except (av.FFmpegError, ValueError, OSError):
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


if __name__ == "__main__":
    confine()
    json.dump(look(Path(sys.argv[1])), sys.stdout)
