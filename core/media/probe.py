"""Reads the headers of one video or picture from standard input, in a confined process.

`python -m core.media.probe < FILE` prints the result as JSON, `null` if the file is neither.
Nothing is decoded. It imports nothing of ours but the readers of headers, and gets no settings,
because the file may be hostile and FFmpeg is a large library in C.
"""

import json
import os
import sys
from importlib import import_module
from typing import Any, BinaryIO

import av
from PIL import Image

from core.media.confined_input import open_input
from core.media.confinement import confine_process
from core.media.first_bytes import recognise_container
from core.media.matroska import MatroskaFile, read_matroska
from core.media.mp4_boxes import PICTURE_BRANDS, Mp4File, Mp4Track, read_mp4

DEMUXER_OPTIONS = {
    "protocol_whitelist": "none",
    # No format that names other files: a playlist could make us read files of this machine.
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm",
}
STREAM_MODULES = ("av.audio.stream", "av.subtitles.stream", "av.video.stream")
IMAGE_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
CONTAINER_BY_FORMAT = {"MPO": "jpeg"}  # a JPEG followed by further ones, as phones write it
IMAGE_CONTAINERS = {name.lower() for name in IMAGE_FORMATS} | set(PICTURE_BRANDS.values())
HEAD_BYTES = 64
ORIENTATION_TAG = 0x0112
SIDEWAYS_ORIENTATIONS = frozenset({5, 6, 7, 8})


def probe_file(file: BinaryIO) -> dict[str, Any] | None:
    return probe_image(file) or probe_video(file) or describe_damaged_file(file)


def probe_image(file: BinaryIO) -> dict[str, Any] | None:
    file.seek(0)
    try:
        with Image.open(file, formats=IMAGE_FORMATS) as picture:
            return describe_image(picture)
    except (OSError, ValueError, SyntaxError):
        return None


def describe_image(picture: Image.Image) -> dict[str, Any]:
    """Return the size as it is visible: EXIF may say that the picture lies on its side."""
    width, height = picture.size
    name = str(picture.format)
    exif = Image.Image.getexif(picture)  # that of PNG would unpack all pixels to look behind them
    if exif.get(ORIENTATION_TAG) in SIDEWAYS_ORIENTATIONS:
        width, height = height, width
    is_jpeg = CONTAINER_BY_FORMAT.get(name) == "jpeg"
    return {
        "kind": "image",
        "width": width,
        "height": height,
        "container": CONTAINER_BY_FORMAT.get(name, name.lower()),
        "frames": 1 if is_jpeg else getattr(picture, "n_frames", 1),
    }


def describe_damaged_file(file: BinaryIO) -> dict[str, Any] | None:
    """Return what the first bytes say of a file that cannot be read, as after a broken copy."""
    file.seek(0)
    container = recognise_container(file.read(HEAD_BYTES))
    if container is None:
        return None
    kind = "image" if container in IMAGE_CONTAINERS else "video"
    return {"kind": kind, "container": container, "is_damaged": True}


def probe_video(file: BinaryIO) -> dict[str, Any] | None:
    """Return what the file states about its video; what FFmpeg would have to guess is None."""
    size = file.seek(0, os.SEEK_END)
    stated = read_matroska(file, size) or read_mp4(file, size)
    if stated is None:
        return None
    if stated.container in PICTURE_BRANDS.values():
        return {"kind": "image", "width": None, "height": None, "container": stated.container}
    file.seek(0)
    try:
        with av.open(file, options=DEMUXER_OPTIONS) as video:
            return describe_video(video, stated)
    except (av.FFmpegError, ValueError, OSError):
        return None


def describe_video(video: Any, stated: MatroskaFile | Mp4File) -> dict[str, Any] | None:
    """Return the values of the track that players show; None for those in which tracks differ."""
    pictures = find_visible_tracks(video.streams.video, stated)
    sounds = find_visible_tracks(video.streams.audio, stated)
    if not pictures and not sounds:
        return None
    tracks = [describe_track(stream, video, stated) for stream in pictures]
    names = ("width", "height", "fps", "codec")
    return {
        "kind": "video" if pictures else "audio",
        "duration_ms": find_duration(stated),
        **{name: find_common_value([track[name] for track in tracks]) for name in names},
        "audio_codec": find_common_value([codec_name(stream) for stream in sounds]),
        "container": stated.container,
        "is_truncated": stated.is_truncated,
    }


def find_visible_tracks(streams: Any, stated: MatroskaFile | Mp4File) -> list[Any]:
    """Return the tracks that players show: no cover pictures; enabled ones if some are not."""
    visible = [
        each for each in streams if not each.disposition & av.stream.Disposition.attached_pic
    ]
    if isinstance(stated, Mp4File):
        enabled = {track.id for track in stated.tracks if track.is_enabled}
        visible = [each for each in visible if each.id in enabled] or visible
    defaults = [each for each in visible if each.disposition & av.stream.Disposition.default]
    return defaults or visible


def describe_track(
    stream: Any, video: Any, stated: MatroskaFile | Mp4File
) -> dict[str, int | float | str | None]:
    context = stream.codec_context  # None if FFmpeg does not know the codec
    width, height = (context.width, context.height) if context else (None, None)
    if isinstance(stated, MatroskaFile):
        number = list(video.streams.video).index(stream)
        rate = stated.frame_rates[number] if number < len(stated.frame_rates) else None
    else:
        track = next((each for each in stated.tracks if each.id == stream.id), Mp4Track())
        rate = None if stated.is_fragmented else track.frame_rate
        if track.is_sideways:
            width, height = height, width
    fps = None if rate is None else round(rate, 3)
    return {
        "width": width or None,
        "height": height or None,
        "fps": fps,
        "codec": codec_name(stream),
    }


def codec_name(stream: Any) -> str | None:
    """Return FFmpeg's name of the codec, not that of the decoder it would use; None if unknown."""
    context = stream.codec_context
    return context.codec.canonical_name if context else None


def find_common_value(values: list[Any]) -> Any:
    return values[0] if values and all(value == values[0] for value in values) else None


def find_duration(stated: MatroskaFile | Mp4File) -> int | None:
    """Return milliseconds; None for recordings in pieces, whose header was written before them."""
    if stated.seconds is None or (isinstance(stated, Mp4File) and stated.is_fragmented):
        return None
    return round(stated.seconds * 1000)


def prepare_decoders() -> None:
    """Load what would be loaded later: confined, the process can read no module any more."""
    for name in STREAM_MODULES:
        import_module(name)
    Image.init()
    Image.MAX_IMAGE_PIXELS = None  # only headers are read, however large the picture is


if __name__ == "__main__":
    prepare_decoders()
    encode = json.JSONEncoder().encode
    source = open_input()
    confine_process()
    sys.stdout.write(encode(probe_file(source)))
