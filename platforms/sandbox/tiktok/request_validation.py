"""Whether an order is well-formed: post_info, source_info, the chunk plan. Pure.

Source: TikTok, content-posting-api-media-transfer-guide and -reference-direct-post, read
2026-09-11; messages as observed. Whether MB is decimal is not stated: refusals of August 2026
point to it, and the stricter reading is enforced.
"""

from collections.abc import Mapping
from typing import Any

from platforms.sandbox.tiktok.creators import PRIVACY_LEVELS
from platforms.sandbox.tiktok.responses import (
    BAD_CHUNK_COUNT_MESSAGE,
    BAD_CHUNK_SIZE_MESSAGE,
    BAD_POST_MESSAGE,
    BAD_SOURCE_MESSAGE,
    ApiRefused,
)

MB = 1_000_000
MAX_FILE_SIZE, MAX_CHUNK_SIZE, MIN_CHUNK_SIZE, MAX_LAST_CHUNK_SIZE = (
    4_000 * MB,
    64 * MB,
    5 * MB,
    128 * MB,
)
MAX_CHUNKS = 1000
MAX_LENIENT_CHUNK_SIZE = 64 * 1024 * 1024
SOURCES = frozenset({"FILE_UPLOAD", "PULL_FROM_URL"})
BRAND_FIELDS = ("brand_content_toggle", "brand_organic_toggle")
VIDEO_FIELDS: Mapping[str, type] = {
    "privacy_level": str,
    "title": str,
    "video_cover_timestamp_ms": int,
    **dict.fromkeys(("disable_duet", "disable_stitch", "disable_comment", *BRAND_FIELDS), bool),
    "is_aigc": bool,
}
VIDEO_TEXT_LIMITS = {"title": 2200}  # UTF-16 code units


def check_post_info(
    info: Mapping[str, Any],
    fields: Mapping[str, type] = VIDEO_FIELDS,
    texts: Mapping[str, int] = VIDEO_TEXT_LIMITS,
) -> None:
    """Errors: Refused for unknown fields, wrong types, unknown levels, texts that are too long."""
    wrong = [name for name, value in info.items() if not has_type(value, fields.get(name))]
    long = [name for name, limit in texts.items() if utf16_length(info.get(name, "")) > limit]
    if wrong or long or info.get("privacy_level", "SELF_ONLY") not in PRIVACY_LEVELS:
        raise ApiRefused("invalid_params", BAD_POST_MESSAGE)


def has_type(value: Any, kind: type | None) -> bool:
    return kind is not None and type(value) is kind  # True is an int to Python, not to TikTok


def utf16_length(text: Any) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2 if isinstance(text, str) else 0


def check_source_info(source: Mapping[str, Any], *, lenient: bool = False) -> None:
    """`lenient`: MB are read as MiB where that allows more. Errors: Refused."""
    kind = source.get("source")
    if kind not in SOURCES:
        raise ApiRefused("invalid_params", BAD_SOURCE_MESSAGE)
    if kind == "FILE_UPLOAD":
        size, chunk, count = (require_positive_int(source.get(key)) for key in CHUNK_PLAN_FIELDS)
        check_chunk_plan(
            size, chunk, count, max_chunk_size=MAX_LENIENT_CHUNK_SIZE if lenient else MAX_CHUNK_SIZE
        )
    elif not isinstance(source.get("video_url"), str) or not source["video_url"]:
        raise ApiRefused("invalid_params", BAD_SOURCE_MESSAGE)


CHUNK_PLAN_FIELDS = ("video_size", "chunk_size", "total_chunk_count")


def require_positive_int(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ApiRefused("invalid_params", BAD_SOURCE_MESSAGE)
    return value


def check_chunk_plan(
    size: int, chunk: int, count: int, *, max_chunk_size: int = MAX_CHUNK_SIZE
) -> None:
    """The count is rounded down, the rest goes into the last chunk; one chunk is the whole file."""
    if size > MAX_FILE_SIZE:
        raise ApiRefused("invalid_params", BAD_SOURCE_MESSAGE)
    if chunk > max_chunk_size or (chunk < MIN_CHUNK_SIZE and chunk != size):
        raise ApiRefused("invalid_params", BAD_CHUNK_SIZE_MESSAGE)
    if count == 1 and chunk != size:
        raise ApiRefused("invalid_params", BAD_CHUNK_SIZE_MESSAGE)
    last = size - (count - 1) * chunk
    if count != size // chunk or count > MAX_CHUNKS or last > MAX_LAST_CHUNK_SIZE:
        raise ApiRefused("invalid_params", BAD_CHUNK_COUNT_MESSAGE)
