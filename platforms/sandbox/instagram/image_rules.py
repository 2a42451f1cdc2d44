"""Instagram's requirements for images, read from the first bytes of the file.

No picture is decoded. Source: Meta, ig-user/media, text of 2026-09-11: JPEG only, without MPO and
JPS, at most 8 MB (8 MiB in the error's text), aspect ratio 4:5 to 1.91:1 in the feed.
"""

from dataclasses import dataclass

from platforms.sandbox.instagram.graph_errors import GraphError
from platforms.sandbox.instagram.publishing_errors import (
    ASPECT_RATIO,
    IMAGE_FORMAT,
    IMAGE_TOO_LARGE,
    publishing_error,
)

MAX_IMAGE_BYTES = 8 * 1024 * 1024
MIN_FEED_RATIO, MAX_FEED_RATIO = (4, 5), (191, 100)  # width to height
JPEG_START = b"\xff\xd8\xff"
PNG_START = b"\x89PNG\r\n\x1a\n"
FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
STANDALONE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
SCAN_MARKER = 0xDA  # picture data begin: a frame has to come before
APP2_MARKER = 0xE2
MULTI_PICTURE_TAG = b"MPF\0"
MARKER_START = 0xFF  # the first byte of each marker
PNG_HEADER_BYTES = 24


@dataclass(frozen=True)
class ImageHeader:
    """Format and size in pixels of an image; a size of 0 is not known."""

    format: str
    width: int
    height: int


def read_image_header(data: bytes) -> ImageHeader | None:
    """Return what the first bytes of a file say; None if it is not an image."""
    if data.startswith(JPEG_START):
        return read_jpeg_header(data)
    if data.startswith(PNG_START) and data[12:16] == b"IHDR" and len(data) >= PNG_HEADER_BYTES:
        return ImageHeader("png", read_number(data, 16, 4), read_number(data, 20, 4))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ImageHeader("webp", 0, 0)
    return ImageHeader("gif", 0, 0) if data[:4] == b"GIF8" else None


def read_jpeg_header(data: bytes) -> ImageHeader | None:
    """Walk through the segments up to the first frame; None if there is none."""
    at, image_format = 2, "jpeg"
    while at + 4 <= len(data) and data[at] == MARKER_START:
        marker = data[at + 1]
        if marker == MARKER_START or marker in STANDALONE_MARKERS:
            at += 1 if marker == MARKER_START else 2
            continue
        if marker == SCAN_MARKER:
            return None
        if marker in FRAME_MARKERS and at + 9 <= len(data):
            return ImageHeader(
                image_format, read_number(data, at + 7, 2), read_number(data, at + 5, 2)
            )
        if marker == APP2_MARKER and data[at + 4 : at + 8] == MULTI_PICTURE_TAG:
            image_format = "mpo"
        at += 2 + read_number(data, at + 2, 2)
    return None


def read_number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")


def check_image(data: bytes, *, is_feed: bool, is_lenient: bool) -> ImageHeader:
    """Check an image as a whole.

    `is_lenient`: PNG and WebP are accepted too, as was measured on 2026-09-15. Errors: GraphError.
    """
    if len(data) > MAX_IMAGE_BYTES:
        raise publishing_error(IMAGE_TOO_LARGE)
    header = read_image_header(data)
    accepted_formats = {"jpeg", "png", "webp"} if is_lenient else {"jpeg"}
    if header is None or header.format not in accepted_formats:
        raise publishing_error(IMAGE_FORMAT)
    if is_feed and header.height and not has_feed_ratio(header):
        raise aspect_ratio_error(header)
    return header


def has_feed_ratio(header: ImageHeader) -> bool:
    (low_width, low_height), (high_width, high_height) = MIN_FEED_RATIO, MAX_FEED_RATIO
    return (
        header.width * low_height >= header.height * low_width
        and header.width * high_height <= header.height * high_width
    )


def aspect_ratio_error(header: ImageHeader) -> GraphError:
    """Return the error with the ratio in the user's text, as it was observed."""
    ratio = round(header.width / header.height, 4)
    return publishing_error(
        ASPECT_RATIO,
        user_message=f"The submitted image with aspect ratio {ratio:g} cannot be published.",
    )
