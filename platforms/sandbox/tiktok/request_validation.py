"""Validates the requests that start a post: post_info, source_info, the chunk plan.

Source: TikTok, content-posting-api-media-transfer-guide and -reference-direct-post, read
2026-09-11; messages as observed. Whether MB is decimal is not stated: refusals observed in August
2026 suggest it, and the stricter reading is enforced.
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
MAX_FILE_SIZE = 4_000 * MB
MIN_CHUNK_SIZE = 5 * MB
MAX_CHUNK_SIZE = 64 * MB
MAX_LAST_CHUNK_SIZE = 128 * MB
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
    """Errors: ApiRefused for unknown fields, wrong types, unknown levels and too long texts."""
    has_valid_types = all(has_type(value, fields.get(name)) for name, value in info.items())
    has_valid_lengths = all(
        utf16_length(info.get(name, "")) <= limit for name, limit in texts.items()
    )
    has_valid_level = info.get("privacy_level", "SELF_ONLY") in PRIVACY_LEVELS
    if not (has_valid_types and has_valid_lengths and has_valid_level):
        raise ApiRefused("invalid_params", BAD_POST_MESSAGE)


def has_type(value: Any, field_type: type | None) -> bool:
    """Compare types exactly: True is an int in Python, but not in JSON."""
    return field_type is not None and type(value) is field_type


def utf16_length(text: Any) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2 if isinstance(text, str) else 0


def check_source_info(source: Mapping[str, Any], *, lenient: bool = False) -> None:
    """Errors: ApiRefused. `lenient`: accept chunks of 64 MiB instead of 64 MB."""
    kind = source.get("source")
    if kind not in SOURCES:
        raise ApiRefused("invalid_params", BAD_SOURCE_MESSAGE)
    if kind == "FILE_UPLOAD":
        max_chunk_size = MAX_LENIENT_CHUNK_SIZE if lenient else MAX_CHUNK_SIZE
        check_chunk_plan(
            require_positive_int(source.get("video_size")),
            require_positive_int(source.get("chunk_size")),
            require_positive_int(source.get("total_chunk_count")),
            max_chunk_size=max_chunk_size,
        )
    elif not isinstance(source.get("video_url"), str) or not source["video_url"]:
        raise ApiRefused("invalid_params", BAD_SOURCE_MESSAGE)


def require_positive_int(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ApiRefused("invalid_params", BAD_SOURCE_MESSAGE)
    return value


def check_chunk_plan(
    size: int, chunk_size: int, count: int, *, max_chunk_size: int = MAX_CHUNK_SIZE
) -> None:
    """Check a chunk plan: the count is rounded down, the remainder belongs to the last chunk, and
    a single chunk has the size of the file. Errors: ApiRefused.
    """
    if size > MAX_FILE_SIZE:
        raise ApiRefused("invalid_params", BAD_SOURCE_MESSAGE)
    if chunk_size > max_chunk_size or (chunk_size < MIN_CHUNK_SIZE and chunk_size != size):
        raise ApiRefused("invalid_params", BAD_CHUNK_SIZE_MESSAGE)
    if count == 1 and chunk_size != size:
        raise ApiRefused("invalid_params", BAD_CHUNK_SIZE_MESSAGE)
    last_size = size - (count - 1) * chunk_size
    if count != size // chunk_size or count > MAX_CHUNKS or last_size > MAX_LAST_CHUNK_SIZE:
        raise ApiRefused("invalid_params", BAD_CHUNK_COUNT_MESSAGE)
