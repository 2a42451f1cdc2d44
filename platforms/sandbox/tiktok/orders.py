"""Whether an order is well-formed: post_info, source_info, the chunk plan. Pure.

Source: TikTok, content-posting-api-media-transfer-guide and -reference-direct-post, read
2026-09-11; messages as observed. Whether MB is decimal is not stated: refusals of August 2026
point to it, and the stricter reading is enforced.
"""

from collections.abc import Mapping
from typing import Any

from platforms.sandbox.tiktok.answers import BAD_COUNT, BAD_POST, BAD_SIZE, BAD_SOURCE, Refused
from platforms.sandbox.tiktok.creators import LEVELS

MB = 1_000_000
MAX_FILE, MAX_CHUNK, MIN_CHUNK, MAX_LAST = 4_000 * MB, 64 * MB, 5 * MB, 128 * MB
MAX_CHUNKS = 1000
MAX_LENIENT = 64 * 1024 * 1024
SOURCES = frozenset({"FILE_UPLOAD", "PULL_FROM_URL"})
BRANDS = ("brand_content_toggle", "brand_organic_toggle")
VIDEO: Mapping[str, type] = {
    "privacy_level": str,
    "title": str,
    "video_cover_timestamp_ms": int,
    **dict.fromkeys(("disable_duet", "disable_stitch", "disable_comment", *BRANDS), bool),
    "is_aigc": bool,
}
VIDEO_TEXTS = {"title": 2200}  # UTF-16 code units


def check_info(
    info: Mapping[str, Any],
    fields: Mapping[str, type] = VIDEO,
    texts: Mapping[str, int] = VIDEO_TEXTS,
) -> None:
    """Errors: Refused for unknown fields, wrong types, unknown levels, texts that are too long."""
    wrong = [name for name, value in info.items() if not fits(value, fields.get(name))]
    long = [name for name, limit in texts.items() if units(info.get(name, "")) > limit]
    if wrong or long or info.get("privacy_level", "SELF_ONLY") not in LEVELS:
        raise Refused("invalid_params", BAD_POST)


def fits(value: Any, kind: type | None) -> bool:
    return kind is not None and type(value) is kind  # True is an int to Python, not to TikTok


def units(text: Any) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2 if isinstance(text, str) else 0


def check_source(source: Mapping[str, Any], *, lenient: bool = False) -> None:
    """`lenient`: MB are read as MiB where that allows more. Errors: Refused."""
    kind = source.get("source")
    if kind not in SOURCES:
        raise Refused("invalid_params", BAD_SOURCE)
    if kind == "FILE_UPLOAD":
        size, chunk, count = (number(source.get(key)) for key in PLAN)
        check_plan(size, chunk, count, largest=MAX_LENIENT if lenient else MAX_CHUNK)
    elif not isinstance(source.get("video_url"), str) or not source["video_url"]:
        raise Refused("invalid_params", BAD_SOURCE)


PLAN = ("video_size", "chunk_size", "total_chunk_count")


def number(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise Refused("invalid_params", BAD_SOURCE)
    return value


def check_plan(size: int, chunk: int, count: int, *, largest: int = MAX_CHUNK) -> None:
    """The count is rounded down, the rest goes into the last chunk; one chunk is the whole file."""
    if size > MAX_FILE:
        raise Refused("invalid_params", BAD_SOURCE)
    if chunk > largest or (chunk < MIN_CHUNK and chunk != size):
        raise Refused("invalid_params", BAD_SIZE)
    if count == 1 and chunk != size:
        raise Refused("invalid_params", BAD_SIZE)
    last = size - (count - 1) * chunk
    if count != size // chunk or count > MAX_CHUNKS or last > MAX_LAST:
        raise Refused("invalid_params", BAD_COUNT)
