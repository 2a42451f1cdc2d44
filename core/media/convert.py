"""Converts the picture on standard input to JPEG, in a confined process.

`python -m core.media.convert < FILE` writes the JPEG to stdout. It imports nothing of ours except
the confinement, and gets no settings, because the file may be hostile.
"""

import sys
from io import BytesIO
from typing import BinaryIO

from PIL import Image, ImageCms, ImageOps

from core.media.confined_input import open_input
from core.media.confinement import confine_process

MAX_PIXELS = 100_000_000
QUALITY = 92  # of 95: more makes the file larger and the picture no better
WHITE = (255, 255, 255)


def encode_jpeg(file: BinaryIO) -> bytes:
    """Return the first frame as JPEG. Errors: OSError, ValueError for what is no picture."""
    with Image.open(file, formats=("PNG", "WEBP", "JPEG", "GIF")) as picture:
        if picture.width * picture.height > MAX_PIXELS:
            raise ValueError(f"a picture may have at most {MAX_PIXELS} pixels")
        upright = ImageOps.exif_transpose(picture)
        flat = flatten_picture(upright, picture.info.get("icc_profile"))
    output = BytesIO()
    flat.save(output, "JPEG", quality=QUALITY, optimize=True)
    return output.getvalue()


def flatten_picture(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture in sRGB and without transparency."""
    if picture.mode not in {"RGB", "RGBA", "L"}:
        picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    if picture.mode == "RGBA":
        background = Image.new("RGB", picture.size, WHITE)
        background.paste(picture, mask=picture.getchannel("A"))
        picture = background
    if profile and picture.mode == "RGB":
        picture = convert_profile(picture, profile)
    return picture.convert("RGB")


def convert_profile(picture: Image.Image, profile: bytes) -> Image.Image:
    """Return the picture in sRGB; unchanged if its colour profile cannot be read."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"))
    except (ImageCms.PyCMSError, OSError):
        return picture
    return converted or picture


if __name__ == "__main__":
    Image.init()  # confined, the process can read no module any more
    source = open_input()
    confine_process()
    sys.stdout.buffer.write(encode_jpeg(source))
