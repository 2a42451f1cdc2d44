"""Starting photo posts: by URL only, direct or as a draft.

Source: TikTok, content-posting-api-reference-photo-post, read 2026-09-11: `is_aigc` is a field
beside post_info, and the value is DIRECT_POST where the page's table prints a space.
"""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint

from platforms.sandbox.tiktok import pull, quotas
from platforms.sandbox.tiktok.auth import Data, api_view, read_body, read_object
from platforms.sandbox.tiktok.posts import PHOTO_DIRECT, PHOTO_INBOX
from platforms.sandbox.tiktok.publish import check_direct_post, start_post
from platforms.sandbox.tiktok.request_validation import BRAND_FIELDS, check_post_info
from platforms.sandbox.tiktok.responses import BAD_POST_MESSAGE, BAD_SOURCE_MESSAGE, ApiRefused
from platforms.sandbox.tiktok.state import TikTokState
from platforms.sandbox.tiktok.tokens import IssuedToken

routes = Blueprint("photos", __name__)

BAD_MODE_MESSAGE = "Invalid media_type or post_mode"
POST_MODES = {  # post_mode → our kind of post, and the scope it needs
    "DIRECT_POST": (PHOTO_DIRECT, "video.publish"),
    "MEDIA_UPLOAD": (PHOTO_INBOX, "video.upload"),
}
PHOTO_FIELDS: Mapping[str, type] = {
    **dict.fromkeys(("title", "description", "privacy_level"), str),
    **dict.fromkeys(("disable_comment", "auto_add_music", *BRAND_FIELDS), bool),
}
PHOTO_TEXT_LIMITS = {"title": 90, "description": 4000}  # UTF-16 code units
MAX_PHOTOS = 35


@routes.post("/v2/post/publish/content/init/")
@api_view("content_init", "video.publish", "video.upload", rate="init_per_minute")
def start_photo_post(tiktok: TikTokState, grant: IssuedToken) -> Data:
    payload, creator = read_body(), tiktok.creators[grant.open_id]
    mode = payload.get("post_mode")
    if payload.get("media_type") != "PHOTO" or mode not in POST_MODES:
        raise ApiRefused("invalid_params", BAD_MODE_MESSAGE)
    kind, scope = POST_MODES[mode]
    if scope not in grant.scopes:
        raise ApiRefused("scope_not_authorized")
    info = read_object(payload, "post_info", BAD_POST_MESSAGE)
    source = read_object(payload, "source_info", BAD_SOURCE_MESSAGE)
    check_post_info(info, PHOTO_FIELDS, PHOTO_TEXT_LIMITS)
    check_photo_source(source)
    if kind == PHOTO_DIRECT:
        check_direct_post(tiktok, creator, info)
    else:
        quotas.check_draft_limit(tiktok, creator)
    pull.check_url_ownership(tiktok, source["photo_images"])
    return start_post(tiktok, creator, kind, source, info)


def check_photo_source(source: Mapping[str, Any]) -> None:
    """Errors: ApiRefused."""
    images, cover = source.get("photo_images"), source.get("photo_cover_index")
    is_valid = (
        source.get("source") == "PULL_FROM_URL"
        and isinstance(images, list)
        and all(isinstance(url, str) for url in images)
        and 0 < len(images) <= MAX_PHOTOS
        and type(cover) is int
        and 0 <= cover < len(images)
    )
    if not is_valid:
        raise ApiRefused("invalid_params", BAD_SOURCE_MESSAGE)
