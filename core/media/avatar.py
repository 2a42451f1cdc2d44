"""Converts the picture on standard input to a small square JPEG, in a confined process.

`python -m core.media.avatar < FILE` writes the JPEG to stdout. It imports nothing of ours except
the confinement and the conversion, and gets no settings, because the file may be hostile.
"""

import sys
from io import BytesIO
from typing import BinaryIO

from PIL import Image, ImageOps

from core.media.confined_input import open_input
from core.media.confinement import confine_process
from core.media.convert import flatten_picture

AVATAR_PIXELS = 128  # of each side: pages show at most 64, screens may have two for one
MAX_SOURCE_PIXELS = 16_000_000
QUALITY = 85


def encode_avatar(file: BinaryIO) -> bytes:
    """Return the middle of the picture. Errors: OSError, ValueError for what is no picture."""
    with Image.open(file, formats=("PNG", "WEBP", "JPEG", "GIF")) as picture:
        if picture.width * picture.height > MAX_SOURCE_PIXELS:
            raise ValueError(f"a picture may have at most {MAX_SOURCE_PIXELS} pixels")
        upright = ImageOps.exif_transpose(picture)
        flat = flatten_picture(upright, picture.info.get("icc_profile"))
    output = BytesIO()
    small = ImageOps.fit(flat, (AVATAR_PIXELS, AVATAR_PIXELS), Image.Resampling.LANCZOS)
    small.save(output, "JPEG", quality=QUALITY, optimize=True)
    return output.getvalue()


if __name__ == "__main__":
    Image.init()  # confined, the process can read no module any more
    source = open_input()
    confine_process()
    sys.stdout.buffer.write(encode_avatar(source))
