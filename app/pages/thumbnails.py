"""Thumbnails of media files, for their owner only, and which one stands for a post."""

from collections.abc import Sequence
from typing import NamedTuple

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.http.context import current_container, current_principal, require_login
from core.errors import ServiceUnavailable
from core.media import thumbnails
from db.posts.parts import COLLECTION_ROLE, COVER_ROLE, PostPart
from db.posts.posts import Post
from platforms.registry import PLATFORMS

blueprint = Blueprint("thumbnail_pages", __name__)

MAX_AGE_SECONDS = 7 * 24 * 3600  # a file never changes, and is deleted after about so long
TRANSPARENT_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c02"
    "0000000b4944415478da6364600000000600023081d02f0000000049454e44ae426082"
)
"""A PNG that shows the icon behind it; a missing picture would be an error in the console."""


class PostThumbnail(NamedTuple):
    """What stands for a post: an icon by its kind, and before it a picture, if there is a file."""

    icon: str
    url: str | None


@blueprint.get("/media/<int:media_id>/thumbnail")
@require_login("posts:read")
def show_thumbnail(media_id: int) -> AnyResponse:
    """Show a small picture of one of my files; a transparent one if there is none, or not yet."""
    container = current_container()
    try:
        image = thumbnails.get_thumbnail(
            container.database,
            container.services,
            media_id,
            user_id=current_principal().user_id,
        )
    except ServiceUnavailable:
        image = None
    if image is None:
        response = Response(TRANSPARENT_PIXEL, mimetype="image/png")
        response.cache_control.no_store = True
        return response
    response = Response(image, mimetype="image/jpeg")
    response.cache_control.private = True
    response.cache_control.max_age = MAX_AGE_SECONDS
    response.cache_control.immutable = True
    response.add_etag()
    return response.make_conditional(request)


def post_thumbnail(post: Post, parts: Sequence[PostPart] = ()) -> PostThumbnail:
    """Return what stands for a post: its first file, unless that is deleted or was a URL."""
    items = (part.media_id for part in parts if part.role not in {COLLECTION_ROLE, COVER_ROLE})
    media_id = next((each for each in (post.media_id, *items) if each is not None), None)
    return PostThumbnail(find_kind_icon(post), thumbnail_url(media_id))


def thumbnail_url(media_id: int | None) -> str | None:
    if media_id is None:
        return None
    return url_for("thumbnail_pages.show_thumbnail", media_id=media_id)


def find_kind_icon(post: Post) -> str:
    """Return the name of the icon for several files, a video, or a picture."""
    platform = PLATFORMS[post.provider]
    kind = platform.kinds.get(post.kind)
    if kind is None or not kind.slots:
        return "image"
    if kind.slots[0].max_count > 1:
        return "images"
    are_videos = any(platform.media_rules[name].is_video for name in kind.slots[0].rules)
    return "film" if are_videos else "image"
