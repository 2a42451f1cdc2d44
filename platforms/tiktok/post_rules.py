"""What the fields of a TikTok post have to satisfy together, and what this installation's settings
forbid. Limits of text and number of files are in the kinds, those of single fields in the options.

Source: TikTok, content-posting-api-reference-* and content-sharing-guidelines, read 2026-11-22.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from platforms.post_requests import RequestRefusal
from platforms.publishing import Publication
from platforms.url_rules import is_under_any_prefix

PRIVATE_LEVEL = "SELF_ONLY"
UNAUDITED_CODE = "unaudited_client_can_only_post_to_private_accounts"
PHOTO_OPTIONS = ("photo_cover_index", "description", "auto_add_music")
VIDEO_OPTIONS = ("disable_duet", "disable_stitch", "video_cover_timestamp_ms")
SOURCE_OPTIONS = ("photo_cover_index",)
"""Options that describe the files and not the post."""

Problem = tuple[str, str]
"""A field and what is wrong with it."""


def is_direct(kind: str) -> bool:
    return kind.startswith("DIRECT_")


def is_photo(kind: str) -> bool:
    return kind.endswith("_PHOTO")


def find_post_problems(request: Mapping[str, Any], now: datetime) -> dict[str, str]:
    """Check the fields of a post request against each other: field → sentence."""
    del now
    kind, options = str(request.get("kind") or ""), request.get("options") or {}
    media = list(request.get("media") or ())
    problems = [
        *find_audience_problems(kind, options),
        *find_foreign_options(kind, options),
        *find_photo_problems(kind, options, media),
    ]
    return dict(reversed(problems))  # of several sentences about a field, the first


def find_audience_problems(kind: str, options: Mapping[str, Any]) -> Iterator[Problem]:
    level = options.get("privacy_level")
    if is_direct(kind) and level is None:
        yield "options.privacy_level", "is required in DIRECT mode"
    if is_direct(kind) and options.get("brand_content_toggle") and level == PRIVATE_LEVEL:
        yield "options.privacy_level", "Branded content visibility cannot be set to private."


def find_foreign_options(kind: str, options: Mapping[str, Any]) -> Iterator[Problem]:
    """Options that belong to the other type of media."""
    media_type = "PHOTO" if is_photo(kind) else "VIDEO"
    for name in VIDEO_OPTIONS if is_photo(kind) else PHOTO_OPTIONS:
        if options.get(name) is not None:
            yield f"options.{name}", f"cannot be combined with media_type {media_type}"


def find_photo_problems(
    kind: str, options: Mapping[str, Any], media: list[Mapping[str, Any]]
) -> Iterator[Problem]:
    if not is_photo(kind):
        return
    if media and int(options.get("photo_cover_index") or 0) >= len(media):
        yield (
            "options.photo_cover_index",
            "must be the index of one of photo_images, counted from 0",
        )
    for index, item in enumerate(media):
        if item.get("url") is None:
            yield f"media.{index}", "must be a URL: TikTok fetches photos"


def find_refusal(request: Mapping[str, Any], settings: Any) -> RequestRefusal | None:
    """Return why the settings do not allow a request; `settings` are `TikTokSettings`."""
    kind, options = str(request.get("kind") or ""), request.get("options") or {}
    if is_direct(kind) and not settings.app_audited and not is_private(options):
        return RequestRefusal(
            UNAUDITED_CODE,
            "TikTok has not audited this application: only SELF_ONLY posts of private accounts",
            {"privacy_level_options": [PRIVATE_LEVEL], "account_must_be_private": True},
        )
    urls = [str(item["url"]) for item in request.get("media") or () if item.get("url")]
    prefixes = settings.verified_urls
    if prefixes and not all(is_under_any_prefix(url, prefixes) for url in urls):
        return RequestRefusal(
            "url_ownership_unverified",
            "the URL is under none of the prefixes in TIKTOK_VERIFIED_URLS",
        )
    return None


def is_private(options: Mapping[str, Any]) -> bool:
    return options.get("privacy_level") == PRIVATE_LEVEL


def build_stored_fields(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the steps read: the URLs to fetch and the settings."""
    kind, options = str(request.get("kind") or ""), request.get("options") or {}
    urls = [item["url"] for item in request.get("media") or () if item.get("url")]
    if is_photo(kind):
        sources: dict[str, Any] = {
            "photo_images": urls,
            "photo_cover_index": options.get("photo_cover_index", 0),
        }
    else:
        sources = {"video_url": urls[0] if urls else None}
    settings = {name: value for name, value in options.items() if name not in SOURCE_OPTIONS}
    return {**sources, "settings": settings}


def read_settings(publication: Publication) -> Mapping[str, Any]:
    """Return the settings of a post, of the fields that are stored of it or as it has options."""
    settings: Mapping[str, Any] = publication.options.get("settings", publication.options)
    return settings


def list_stored_urls(stored: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the URLs that TikTok fetches, of what `build_stored_fields` returned."""
    video_url = stored.get("video_url")
    return (video_url,) if video_url else tuple(stored.get("photo_images") or ())
