"""Makes a small JPEG of a picture, or of a video's first frame, in a confined process.

`python -m core.media.thumbnail < FILE` writes the JPEG to stdout. It imports nothing of ours but
what reads pictures, and gets no settings, because the file may be hostile.
"""

import sys
from importlib import import_module
from io import BytesIO
from typing import Any, BinaryIO

import av
from PIL import Image, ImageOps

from core.media.confined_input import open_input
from core.media.confinement import confine_process
from core.media.convert import MAX_PIXELS, flatten_picture
from core.media.probe import DEMUXER_OPTIONS

LONGEST_SIDE = 320  # pixels
QUALITY = 80  # of 95
PICTURE_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
DECODER_MODULES = (
    "av.audio.codeccontext",
    "av.audio.stream",
    "av.subtitles.stream",
    "av.video.codeccontext",
    "av.video.frame",
    "av.video.reformatter",
    "av.video.stream",
)


def encode_thumbnail(file: BinaryIO) -> bytes:
    """Return the JPEG. Errors: OSError, ValueError, av.FFmpegError for what cannot be read."""
    picture = read_picture(file) or read_first_frame(file)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    output = BytesIO()
    picture.save(output, "JPEG", quality=QUALITY, optimize=True)
    return output.getvalue()


def read_picture(file: BinaryIO) -> Image.Image | None:
    """Return the first frame of a picture, upright and in sRGB; None if it is none."""
    file.seek(0)
    try:
        opened = Image.open(file, formats=PICTURE_FORMATS)
    except (OSError, ValueError, SyntaxError):
        return None
    with opened as picture:
        if picture.width * picture.height > MAX_PIXELS:
            raise ValueError(f"a picture may have at most {MAX_PIXELS} pixels")
        picture.draft("RGB", (LONGEST_SIDE * 2, LONGEST_SIDE * 2))  # JPEG: fewer pixels unpacked
        upright = ImageOps.exif_transpose(picture)
        return flatten_picture(upright, picture.info.get("icc_profile"))


def read_first_frame(file: BinaryIO) -> Image.Image:
    """Return the first frame that can be shown without others, upright."""
    file.seek(0)
    opened: Any = av.open(file, options=DEMUXER_OPTIONS)
    with opened as video:
        stream = video.streams.video[0]
        stream.codec_context.thread_count = 1
        frame = next(video.decode(stream))
        scale = min(1.0, LONGEST_SIDE / max(frame.width, frame.height))
        small = frame.reformat(
            width=max(2, round(frame.width * scale)),
            height=max(2, round(frame.height * scale)),
            format="rgb24",
        )
        picture: Image.Image = small.to_image()
        return picture.rotate(frame.rotation, expand=True) if frame.rotation else picture


def prepare_decoders() -> None:
    """Load what would be loaded later: confined, the process can read no module any more."""
    for name in DECODER_MODULES:
        import_module(name)
    Image.init()


if __name__ == "__main__":
    prepare_decoders()
    source = open_input()
    confine_process()
    sys.stdout.buffer.write(encode_thumbnail(source))
