"""Checks the parameters of `POST /{ig-id}/media` before anything is fetched.

Source: Meta, ig-user/media, text of 2026-09-11, and its changelog up to 2026-10-05. Whether Meta
refuses a parameter of another kind of media, or ignores it, is documented for some of them only;
here it is refused, so that a client notices.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from platforms.sandbox.instagram.access import read_flag_param, read_json_param, read_list_param
from platforms.sandbox.instagram.containers import (
    CAROUSEL,
    IMAGE,
    MEDIA_TYPES,
    REELS,
    STORIES,
    VIDEO,
    ContainerRequest,
)
from platforms.sandbox.instagram.graph_errors import GraphError, invalid_parameter
from platforms.sandbox.instagram.page_search import PLACES
from platforms.sandbox.instagram.publishing_errors import (
    CAPTION_TOO_LONG,
    CAROUSEL_COUNT,
    THUMB_OFFSET,
    TOO_MANY_TAGS,
    UNKNOWN_MEDIA_TYPE,
    publishing_error,
)
from platforms.sandbox.instagram.settings import InstagramSandboxSettings

FEED_IMAGE, IMAGE_ITEM, VIDEO_ITEM, REEL, STORY, ALBUM = (
    "image",
    "carousel image",
    "carousel video",
    "reel",
    "story",
    "carousel",
)
TOP_LEVEL = (FEED_IMAGE, REEL, ALBUM)
PARAM_KINDS: Mapping[str, tuple[str, ...]] = {
    "media_type": (*TOP_LEVEL, STORY, IMAGE_ITEM, VIDEO_ITEM),
    "is_carousel_item": (*TOP_LEVEL, STORY, IMAGE_ITEM, VIDEO_ITEM),
    "image_url": (FEED_IMAGE, IMAGE_ITEM, STORY),
    "video_url": (REEL, VIDEO_ITEM, STORY),
    "upload_type": (REEL, VIDEO_ITEM, STORY),
    "children": (ALBUM,),
    "caption": (*TOP_LEVEL, STORY),  # a story has none: it is ignored there
    "alt_text": (FEED_IMAGE, IMAGE_ITEM),
    "user_tags": (FEED_IMAGE, IMAGE_ITEM, REEL, VIDEO_ITEM, STORY),
    "collaborators": TOP_LEVEL,
    "location_id": TOP_LEVEL,
    "share_to_feed": (REEL, ALBUM),
    "thumb_offset": (REEL, VIDEO_ITEM),
    "cover_url": (REEL,),
    "audio_name": (REEL,),
    "audio_configuration": (REEL,),
    "trial_params": (REEL,),
    "is_ai_generated": (*TOP_LEVEL, STORY),
    "is_paid_partnership": TOP_LEVEL,
    "branded_content_sponsor_ids": TOP_LEVEL,
}
"""Parameter → the kinds of media that may carry it."""

FACEBOOK_LOGIN_PARAMS = frozenset(
    {"audio_configuration", "is_paid_partnership", "branded_content_sponsor_ids"}
)
MIN_CHILDREN, MAX_CHILDREN = 2, 10
MAX_CAPTION_LENGTH, MAX_ALT_TEXT_LENGTH = 2200, 1000  # characters
MAX_USER_TAGS, MAX_COLLABORATORS = 20, 3
HASHTAG, MENTION = re.compile(r"#\w+"), re.compile(r"(?<![\w.])@[\w.]+")
GRADUATION_STRATEGIES = frozenset({"MANUAL", "SS_PERFORMANCE"})
INVALID_LOCATION = "INSTAGRAM_PLATFORM_API__INVALID_LOCATION_ID"


def parse_container_request(
    params: Mapping[str, Any], settings: InstagramSandboxSettings, *, is_instagram: bool
) -> ContainerRequest:
    """Return the request. Errors: GraphError for the first parameter that is not valid."""
    media_type = str(params.get("media_type") or IMAGE)
    if media_type not in MEDIA_TYPES:
        raise publishing_error(UNKNOWN_MEDIA_TYPE)
    is_item = bool(read_flag_param(params, "is_carousel_item"))
    kind = find_media_kind(media_type, is_item=is_item)
    check_param_kinds(params, kind, is_strict=settings.strict_params)
    check_login_params(params, settings, is_instagram=is_instagram)
    check_source(params, kind)
    request = ContainerRequest(
        media_type,
        is_carousel_item=is_item,
        image_url=str(params.get("image_url", "")),
        video_url=str(params.get("video_url", "")),
        is_resumable="upload_type" in params,
        children=read_children(params, kind),
        caption="" if kind == STORY else read_caption(params, settings),
        alt_text=read_text(params, "alt_text", MAX_ALT_TEXT_LENGTH),
        audio_name=str(params.get("audio_name", "")),
        cover_url=str(params.get("cover_url", "")),
        is_ai_generated=bool(read_flag_param(params, "is_ai_generated")),
        share_to_feed=read_flag_param(params, "share_to_feed") is not False,
    )
    return replace(
        request,
        user_tags=read_user_tags(params, kind, is_video=request.is_video),
        collaborators=read_collaborators(params),
        location_id=read_location(params),
        thumb_offset=read_thumb_offset(params),
        graduation_strategy=read_graduation_strategy(params),
    )


def find_media_kind(media_type: str, *, is_item: bool) -> str:
    """Errors: GraphError for a single VIDEO, which is a reel now, and for a reel as an item."""
    if media_type == VIDEO and not is_item:
        raise publishing_error(
            UNKNOWN_MEDIA_TYPE,
            "The VIDEO value for media_type is no longer supported. Use the REELS media type.",
        )
    if is_item and media_type not in {IMAGE, VIDEO}:
        raise invalid_parameter(f"Param is_carousel_item is not allowed for {media_type}")
    if is_item:
        return IMAGE_ITEM if media_type == IMAGE else VIDEO_ITEM
    return {IMAGE: FEED_IMAGE, REELS: REEL, STORIES: STORY, CAROUSEL: ALBUM}[media_type]


def check_param_kinds(params: Mapping[str, Any], kind: str, *, is_strict: bool) -> None:
    """Errors: GraphError for a parameter of other media, and if strict for an unknown one."""
    for name in params:
        if name not in PARAM_KINDS:
            if is_strict:
                raise invalid_parameter(f"Param {name} is not known")
        elif kind not in PARAM_KINDS[name] and not is_required_elsewhere(name):
            raise invalid_parameter(f"Param {name} is not allowed for this {kind}")


def is_required_elsewhere(name: str) -> bool:
    """Return whether `check_source` has the better message for it."""
    return name in {"image_url", "video_url", "upload_type"}


def check_login_params(
    params: Mapping[str, Any], settings: InstagramSandboxSettings, *, is_instagram: bool
) -> None:
    """Errors: GraphError for what an app with Instagram Login may not send."""
    if not is_instagram:
        return
    if "upload_type" in params and not settings.resumable_on_instagram_login:
        raise invalid_parameter("The parameter video_url is required")
    for name in FACEBOOK_LOGIN_PARAMS.intersection(params):
        raise invalid_parameter(f"Param {name} is not allowed with Instagram Login")


def check_source(params: Mapping[str, Any], kind: str) -> None:
    """Check that there is exactly one source of the media. Errors: GraphError."""
    sources = [name for name in ("image_url", "video_url", "upload_type") if params.get(name)]
    expected = [name for name in ("image_url", "video_url") if kind in PARAM_KINDS[name]]
    if kind == ALBUM:
        expected = []
        if not params.get("children"):
            raise invalid_parameter("The parameter children is required")
    elif not sources:
        raise invalid_parameter(f"The parameter {expected[0]} is required")
    wrong_sources = [name for name in sources if kind not in PARAM_KINDS[name]]
    if wrong_sources and expected:
        raise invalid_parameter(f"The parameter {expected[0]} is required")
    if len(sources) > 1 or wrong_sources:
        raise invalid_parameter(f"Only one of {', '.join(sources)} is allowed for this {kind}")
    if params.get("upload_type") not in {None, "resumable"}:
        raise invalid_parameter("Param upload_type must be resumable")


def read_children(params: Mapping[str, Any], kind: str) -> tuple[str, ...]:
    children = read_list_param(params, "children")
    if kind == ALBUM and not MIN_CHILDREN <= len(children) <= MAX_CHILDREN:
        raise publishing_error(CAROUSEL_COUNT)
    if len(set(children)) != len(children):
        raise invalid_parameter("Param children must not repeat a container")
    return tuple(children)


def read_caption(params: Mapping[str, Any], settings: InstagramSandboxSettings) -> str:
    caption = str(params.get("caption", ""))
    if len(caption) > MAX_CAPTION_LENGTH:
        raise publishing_error(CAPTION_TOO_LONG)
    if len(HASHTAG.findall(caption)) > settings.max_hashtags:
        raise publishing_error(TOO_MANY_TAGS, f"Only {settings.max_hashtags} hashtags are allowed")
    if len(MENTION.findall(caption)) > settings.max_mentions:
        raise publishing_error(TOO_MANY_TAGS)
    return caption


def read_text(params: Mapping[str, Any], name: str, max_length: int) -> str:
    text = str(params.get(name, ""))
    if len(text) > max_length:
        raise invalid_parameter(f"Param {name} must have at most {max_length} characters")
    return text


def read_user_tags(
    params: Mapping[str, Any], kind: str, *, is_video: bool
) -> tuple[dict[str, Any], ...]:
    """Return the tags: pictures need a position, videos have none, stories may have one."""
    tags = read_json_param(params, "user_tags")
    if tags is None:
        return ()
    if not isinstance(tags, list) or not all(isinstance(tag, dict) for tag in tags):
        raise invalid_parameter("Param user_tags must be an array of objects")
    if len(tags) > MAX_USER_TAGS:
        raise publishing_error(TOO_MANY_TAGS)
    for tag in tags:
        if not tag.get("username") or not isinstance(tag["username"], str):
            raise invalid_parameter("Param user_tags must name a username")
        if kind != STORY and has_position(tag) == is_video:
            needed = "must not have" if is_video else "must have"
            raise invalid_parameter(f"Param user_tags {needed} x and y")
        check_position(tag)
    return tuple(tags)


def has_position(tag: Mapping[str, Any]) -> bool:
    return "x" in tag and "y" in tag


def check_position(tag: Mapping[str, Any]) -> None:
    """Errors: GraphError unless x and y are absent, or both between 0 and 1."""
    values = [tag[name] for name in ("x", "y") if name in tag]
    if len(values) not in {0, 2}:
        raise invalid_parameter("Param user_tags must have both x and y")
    for value in values:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value <= 1:
            raise invalid_parameter("Param user_tags must have x and y between 0.0 and 1.0")


def read_collaborators(params: Mapping[str, Any]) -> tuple[str, ...]:
    names = read_list_param(params, "collaborators")
    if len(names) > MAX_COLLABORATORS:
        raise invalid_parameter(f"Param collaborators must have at most {MAX_COLLABORATORS} items")
    return tuple(names)


def read_location(params: Mapping[str, Any]) -> str:
    location_id = str(params.get("location_id", ""))
    place = PLACES.get(location_id)
    lacks_coordinates = place is not None and not place.has_coordinates
    if location_id and (not location_id.isdecimal() or lacks_coordinates):
        raise invalid_location()
    return location_id


def invalid_location() -> GraphError:
    return invalid_parameter(INVALID_LOCATION)


def read_thumb_offset(params: Mapping[str, Any]) -> int:
    """Return milliseconds; the duration is not known before the video has been read."""
    text = str(params.get("thumb_offset", "0"))
    if not text.lstrip("-").isdecimal():
        raise invalid_parameter("Param thumb_offset must be an integer")
    if int(text) < 0:
        raise publishing_error(THUMB_OFFSET)
    return int(text)


def read_graduation_strategy(params: Mapping[str, Any]) -> str:
    trial = read_json_param(params, "trial_params")
    if trial is None:
        return ""
    strategy = trial.get("graduation_strategy") if isinstance(trial, dict) else None
    if strategy not in GRADUATION_STRATEGIES:
        raise invalid_parameter("Param trial_params must have a graduation_strategy")
    return str(strategy)
