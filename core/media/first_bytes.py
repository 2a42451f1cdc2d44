"""Recognises a media file by its first bytes, where only these have been fetched.

Files of our own store are inspected whole: core/media/inspection.py.
"""

from core.media.mp4_boxes import PICTURE_BRANDS

EBML_START = bytes.fromhex("1a45dfa3")
STARTS = {
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
}


def recognise_container(head: bytes) -> str | None:
    """Return the container, as `probe_media` names it; None if the bytes do not say it."""
    for start, container in STARTS.items():
        if head.startswith(start):
            return container
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        brand = head[8:12].decode("latin-1").strip()
        return PICTURE_BRANDS.get(brand, "mov" if brand == "qt" else "mp4")
    if head.startswith(EBML_START):
        return "webm" if b"webm" in head[:64] else "matroska"
    return None
