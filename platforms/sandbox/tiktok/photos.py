"""Photo posts: by URL only, direct or as a draft.

Source: TikTok, content-posting-api-reference-photo-post, read 2026-09-11: `is_aigc` stands beside
post_info here, and the wire says DIRECT_POST where the page's table prints a space.
"""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint

from platforms.sandbox.tiktok import pull, quotas
from platforms.sandbox.tiktok.answers import BAD_POST, BAD_SOURCE, Refused
from platforms.sandbox.tiktok.gate import Data, body, call, part
from platforms.sandbox.tiktok.orders import BRANDS, check_info
from platforms.sandbox.tiktok.posts import PHOTO_DIRECT, PHOTO_INBOX
from platforms.sandbox.tiktok.publish import check_direct, start
from platforms.sandbox.tiktok.state import TikTok
from platforms.sandbox.tiktok.tokens import Grant

routes = Blueprint("photos", __name__)

BAD_MODE = "Invalid media_type or post_mode"
MODES = {  # the kind of post, and the scope it takes
    "DIRECT_POST": (PHOTO_DIRECT, "video.publish"),
    "MEDIA_UPLOAD": (PHOTO_INBOX, "video.upload"),
}
FIELDS: Mapping[str, type] = {
    **dict.fromkeys(("title", "description", "privacy_level"), str),
    **dict.fromkeys(("disable_comment", "auto_add_music", *BRANDS), bool),
}
TEXTS = {"title": 90, "description": 4000}  # UTF-16 code units
MAX_PHOTOS = 35


@routes.post("/v2/post/publish/content/init/")
@call("content_init", "video.publish", "video.upload", rate="init_per_minute")
def content(tiktok: TikTok, grant: Grant) -> Data:
    given, creator = body(), tiktok.creators[grant.open_id]
    mode = given.get("post_mode")
    if given.get("media_type") != "PHOTO" or mode not in MODES:
        raise Refused("invalid_params", BAD_MODE)
    kind, scope = MODES[mode]
    if scope not in grant.scopes:
        raise Refused("scope_not_authorized")
    info = part(given, "post_info", BAD_POST)
    source = part(given, "source_info", BAD_SOURCE)
    check_info(info, FIELDS, TEXTS)
    check_photos(source)
    if kind == PHOTO_DIRECT:
        check_direct(tiktok, creator, info)
    else:
        quotas.check_drafts(tiktok, creator)
    pull.check_owned(tiktok, source["photo_images"])
    return start(tiktok, creator, kind, source, info)


def check_photos(source: Mapping[str, Any]) -> None:
    """Errors: Refused."""
    images, cover = source.get("photo_images"), source.get("photo_cover_index")
    is_fine = (
        source.get("source") == "PULL_FROM_URL"
        and isinstance(images, list)
        and all(isinstance(one, str) for one in images)
        and 0 < len(images) <= MAX_PHOTOS
        and type(cover) is int
        and 0 <= cover < len(images)
    )
    if not is_fine:
        raise Refused("invalid_params", BAD_SOURCE)
