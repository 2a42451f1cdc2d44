"""What the fields of an Instagram post have to satisfy together. Limits of text and number of
files are in the kinds, those of single fields in the options.

Source: Meta, ig-user/media, text of 2026-09-11.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from platforms.instagram.containers import type_of_url
from platforms.instagram.kinds import CAROUSEL, COVER_ROLE, IMAGE, REELS, STORIES
from platforms.instagram.options import (
    MAX_ALT_TEXT_LENGTH,
    InstagramMediaOptions,
    UserTag,
)

Problem = tuple[str, str]
"""A field and what is wrong with it."""

KINDS_BY_OPTION: Mapping[str, tuple[str, ...]] = {
    "location_id": (IMAGE, REELS, CAROUSEL),
    "collaborators": (IMAGE, REELS, CAROUSEL),
    "share_to_feed": (REELS,),
    "thumb_offset": (REELS,),
    "audio_name": (REELS,),
    "graduation_strategy": (REELS,),
}
"""Option → the kinds of posts that have it; other options belong to all kinds."""

MEDIA_OPTION_NAMES = ("media_type", "user_tags")


def find_post_problems(request: Mapping[str, Any], now: datetime) -> dict[str, str]:
    """Check the fields of a post request against each other: field → sentence.

    Shapes: `kind`, `options` and `media` as `POST /api/posts` has them; an item of `media` has its
    own options beside its fields, or in `options`.
    """
    del now
    kind = str(request.get("kind") or "")
    problems = [*find_option_problems(kind, request.get("options") or {})]
    for index, item in enumerate(request.get("media") or ()):
        problems += find_media_problems(kind, item, f"media.{index}")
    first_problems: dict[str, str] = {}
    for field, sentence in problems:
        first_problems.setdefault(field, sentence)
    return first_problems


def find_option_problems(kind: str, options: Mapping[str, Any]) -> Iterator[Problem]:
    for name, kinds in KINDS_BY_OPTION.items():
        is_used = options.get(name) not in (None, (), [])
        if is_used and kind not in kinds:
            yield f"options.{name}", f"is only for posts of the kind {', '.join(kinds)}"


def find_media_problems(kind: str, item: Mapping[str, Any], field: str) -> Iterator[Problem]:
    own_options = item.get("options") or {}
    named = {name: item.get(name, own_options.get(name)) for name in MEDIA_OPTION_NAMES}
    given = {name: value for name, value in named.items() if value is not None}
    try:
        options = InstagramMediaOptions.model_validate(given)
    except ValidationError as error:
        for detail in error.errors(include_input=False, include_url=False):
            path = ".".join(map(str, detail["loc"]))
            yield f"{field}.{path}", str(detail["msg"])
        return
    yield from find_type_problems(kind, item, options, field)
    media_type = find_media_type(kind, item, options)
    yield from find_alt_text_problems(kind, media_type, item.get("alt_text"), f"{field}.alt_text")
    if item.get("role") == COVER_ROLE and options.user_tags:
        yield f"{field}.user_tags", "are not for a cover"
    else:
        yield from find_tag_problems(kind, media_type, options.user_tags, f"{field}.user_tags")


def find_media_type(
    kind: str, item: Mapping[str, Any], options: InstagramMediaOptions
) -> str | None:
    """Return IMAGE or VIDEO; None if only the file itself says it."""
    if item.get("role") == COVER_ROLE:
        return "IMAGE"
    if kind in {IMAGE, REELS}:
        return "VIDEO" if kind == REELS else "IMAGE"
    return options.media_type or type_of_url(str(item.get("url") or ""))


def find_type_problems(
    kind: str, item: Mapping[str, Any], options: InstagramMediaOptions, field: str
) -> Iterator[Problem]:
    """A URL that does not end like an image or a video needs a word about what it is."""
    is_url_only = item.get("media_id") is None and item.get("url") is not None
    if is_url_only and find_media_type(kind, item, options) is None:
        yield f"{field}.media_type", "must be IMAGE or VIDEO: the URL does not say which it is"


def find_alt_text_problems(
    kind: str, media_type: str | None, alt_text: Any, field: str
) -> Iterator[Problem]:
    if not alt_text:
        return
    if kind == STORIES or media_type == "VIDEO":
        yield field, "is only for images of the feed"
    elif len(str(alt_text)) > MAX_ALT_TEXT_LENGTH:
        yield field, f"must have at most {MAX_ALT_TEXT_LENGTH} characters"


def find_tag_problems(
    kind: str, media_type: str | None, tags: Sequence[UserTag], field: str
) -> Iterator[Problem]:
    """Tags in images need a position, in stories they may have one, in videos it is not used."""
    for index, tag in enumerate(tags):
        has_position = tag.x is not None and tag.y is not None
        has_half = (tag.x is None) != (tag.y is None)
        if has_half:
            yield f"{field}.{index}", "must have both x and y"
        elif media_type == "IMAGE" and kind != STORIES and not has_position:
            yield f"{field}.{index}", "must have x and y, from 0 to 1"
