"""A program that reads a video's headers from standard input and prints its properties as JSON.

It prints `null` if the input is not a video. It runs in a separate process with low resource
limits, imports nothing of the project, decodes no picture and opens no other file, because the
video may be made to attack its reader.
"""

import json
import resource
import sys
from typing import IO, Any

import av

RESOURCE_LIMITS = {
    resource.RLIMIT_CPU: 10,  # seconds
    resource.RLIMIT_AS: 2**30,  # bytes; FFmpeg's libraries alone map a quarter of them
    resource.RLIMIT_FSIZE: 0,  # bytes; no file can be written
    resource.RLIMIT_CORE: 0,
}
FFMPEG_OPTIONS = {
    "protocol_whitelist": "none",  # no URL inside the video is opened
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm",  # none that refers to other files
}
CONTAINER_BY_BRAND = {
    "qt": "mov",
    **dict.fromkeys(("3gp4", "3gp5", "3gp6", "3g2a"), "3gp"),
    **dict.fromkeys(("heic", "heix", "mif1", "msf1", "avif", "avis"), "picture"),
}
"""The containers that FFmpeg reports as MP4, by their major brand."""
HEAD_BYTES = 16_384  # a Matroska file names its type and its tracks within them
DEFAULT_DURATION_ID = b"\x23\xe3\x83"  # element of a Matroska track: how long each frame lasts


def main() -> None:
    for resource_id, limit in RESOURCE_LIMITS.items():
        resource.setrlimit(resource_id, (limit, limit))
    json.dump(probe_video(sys.stdin.buffer), sys.stdout)


def probe_video(file: IO[bytes]) -> dict[str, Any] | None:
    head = file.read(HEAD_BYTES)
    file.seek(0)
    try:
        with av.open(file, options=FFMPEG_OPTIONS) as video:
            return describe_video(video, head)
    except (av.FFmpegError, ValueError, OSError):
        return None


def describe_video(video: Any, head: bytes) -> dict[str, Any] | None:
    """Return the video's properties; None for what the headers do not contain.

    Units: seconds, pixels, frames per second, bits per second, Hz.
    """
    if not video.streams.video:
        return None
    picture = video.streams.video[0]
    rate = picture.average_rate if is_rate_stated(video, picture, head) else None
    return describe_audio(video) | {
        "container": container_name(video, head),
        "codec": picture.codec_context.name,
        "fps": float(rate) if rate else None,
        "width": picture.codec_context.width,
        "height": picture.codec_context.height,
        "seconds": video.duration / av.time_base if video.duration else None,
        "pixel_format": picture.codec_context.pix_fmt,
        "bit_rate": picture.bit_rate,
    }


def is_rate_stated(video: Any, picture: Any, head: bytes) -> bool:
    """Whether the headers state a frame rate; otherwise FFmpeg reports an estimate."""
    if "mp4" in video.format.name.split(","):
        return bool(picture.frames)  # zero in recordings in pieces
    return DEFAULT_DURATION_ID in head


def describe_audio(video: Any) -> dict[str, Any]:
    """Return the properties of the first audio track; empty if the video is silent."""
    if not video.streams.audio:
        return {}
    context = video.streams.audio[0].codec_context
    return {
        "audio_codec": context.name,
        "audio_rate": context.sample_rate,
        "audio_channels": context.channels,
    }


def container_name(video: Any, head: bytes) -> str:
    if "mp4" in video.format.name.split(","):
        return CONTAINER_BY_BRAND.get(video.metadata.get("major_brand", "").strip(), "mp4")
    return "webm" if b"webm" in head else "matroska"


if __name__ == "__main__":
    main()
