"""Reads the headers of one video or picture, in a separate process with resource limits.

`python -m core.media.probe FILE` prints the result as JSON, `null` if the file is neither. Nothing
is decoded. It imports nothing of ours and gets no settings, because the file may
be hostile and FFmpeg is a large library in C.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any

import av
from PIL import Image

RESOURCE_LIMITS = {
    resource.RLIMIT_CPU: 10,  # seconds
    resource.RLIMIT_AS: 2**30,  # bytes; mapping FFmpeg's libraries takes a quarter of it
    resource.RLIMIT_FSIZE: 0,  # bytes; it may write no file
    resource.RLIMIT_CORE: 0,
}

DEMUXER_OPTIONS = {
    "protocol_whitelist": "file",
    # No format that names other files: a playlist could make us read files of this machine.
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm",
}


IMAGE_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
ORIENTATION_TAG = 0x0112
SIDEWAYS_ORIENTATIONS = frozenset({5, 6, 7, 8})


def limit_resources() -> None:
    for resource_id, maximum in RESOURCE_LIMITS.items():
        resource.setrlimit(resource_id, (maximum, maximum))


def probe_file(file: Path) -> dict[str, Any] | None:
    return probe_image(file) or probe_video(file)


def probe_image(file: Path) -> dict[str, Any] | None:
    try:
        with Image.open(file, formats=IMAGE_FORMATS) as picture:
            return describe_image(picture)
    except (OSError, ValueError, SyntaxError):
        return None


def describe_image(picture: Image.Image) -> dict[str, Any]:
    """Return the size as it is shown: EXIF may say that the picture lies on its side."""
    width, height = picture.size
    if picture.getexif().get(ORIENTATION_TAG) in SIDEWAYS_ORIENTATIONS:
        width, height = height, width
    return {
        "kind": "image",
        "width": width,
        "height": height,
        "container": str(picture.format).lower(),
        "frames": getattr(picture, "n_frames", 1),
    }


def probe_video(file: Path) -> dict[str, Any] | None:
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
    audio = video.streams.audio
    return {
        "kind": "video",
        "duration_ms": video.duration and video.duration // 1000,
        "width": stream.codec_context.width,
        "height": stream.codec_context.height,
        "fps": frame_rate and round(float(frame_rate), 3),
        "codec": stream.codec_context.name,
        "audio_codec": audio[0].codec_context.name if audio else None,
        "container": container_name(video),
    }


def container_name(video: Any) -> str:
    """Return mov, mp4, webm or FFmpeg's name. MOV and MP4 differ in their brand only."""
    names = video.format.name.split(",")
    if "mp4" in names:
        return "mov" if video.metadata.get("major_brand", "").strip() == "qt" else "mp4"
    return "webm" if "webm" in names else names[0]


if __name__ == "__main__":
    limit_resources()
    json.dump(probe_file(Path(sys.argv[1])), sys.stdout)
