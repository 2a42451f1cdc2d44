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

RESOURCE_LIMITS = {
    resource.RLIMIT_CPU: 10,  # seconds
    resource.RLIMIT_AS: 2**30,  # bytes; FFmpeg's libraries alone map a quarter of it
    resource.RLIMIT_FSIZE: 0,  # bytes of any file it could write
    resource.RLIMIT_CORE: 0,
}


DEMUXER_OPTIONS = {
    "protocol_whitelist": "file",
    # Nothing that names other files: a playlist would have us read what its sender may not.
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm",
}


def limit_resources() -> None:
    for resource_id, maximum in RESOURCE_LIMITS.items():
        resource.setrlimit(resource_id, (maximum, maximum))


def probe_file(file: Path) -> dict[str, Any] | None:
    try:
        with av.open(str(file), options=DEMUXER_OPTIONS) as video:
            return describe_video(video)
    except (av.FFmpegError, ValueError, OSError):
        return None


def describe_video(video: Any) -> dict[str, Any] | None:
    if not video.streams.video:
        return None
    stream = video.streams.video[0]
    frame_rate = stream.average_rate or stream.guessed_rate
    return {
        "duration_ms": video.duration and video.duration // 1000,
        "width": stream.codec_context.width,
        "height": stream.codec_context.height,
        "fps": frame_rate and round(float(frame_rate), 3),
        "codec": stream.codec_context.name,
        "container": container_name(video),
    }


def container_name(video: Any) -> str:
    """FFmpeg knows MOV and MP4 by one name, and WebM as a kind of Matroska; the brand tells."""
    names = video.format.name.split(",")
    if "mp4" in names:
        return "mov" if video.metadata.get("major_brand", "").strip() == "qt" else "mp4"
    return "webm" if "webm" in names else names[0]


if __name__ == "__main__":
    limit_resources()
    json.dump(probe_file(Path(sys.argv[1])), sys.stdout)
