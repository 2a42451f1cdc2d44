"""The Display API's endpoints: the creator's profile and public videos.

Source: TikTok, tiktok-api-v2-get-user-info, -video-list, -video-query, read 2026-11-22.
"""

from typing import Any

from flask import Blueprint, request

from platforms.sandbox.tiktok.auth import Data, api_view, read_body
from platforms.sandbox.tiktok.creators import SandboxCreator
from platforms.sandbox.tiktok.responses import ApiRefused
from platforms.sandbox.tiktok.state import TikTokState
from platforms.sandbox.tiktok.tokens import IssuedToken
from platforms.sandbox.tiktok.videos import VIDEO_FIELDS, public_videos

routes = Blueprint("display", __name__)

MAX_VIDEOS, DEFAULT_VIDEOS = 20, 10
MS_PER_SECOND = 1000
MIN_CURSOR_MS = 10**12  # a smaller cursor is a time in seconds by mistake
VIEWS_PER_FOLLOWER = 100  # one new follower per so many views
USER_FIELDS_BY_SCOPE = {
    "user.info.basic": (
        "open_id",
        "union_id",
        "avatar_url",
        "avatar_url_100",
        "avatar_large_url",
        "display_name",
    ),
    "user.info.profile": ("bio_description", "profile_deep_link", "username", "is_verified"),
    "user.info.stats": ("follower_count", "following_count", "likes_count", "video_count"),
}


@routes.get("/v2/user/info/")
@api_view("user_info", rate="display_per_minute")
def show_user_info(tiktok: TikTokState, grant: IssuedToken) -> Data:
    """Return the requested fields; one outside the granted scopes fails the whole call."""
    requested = requested_fields()
    all_fields = {name for names in USER_FIELDS_BY_SCOPE.values() for name in names}
    readable = {name for scope in grant.scopes for name in USER_FIELDS_BY_SCOPE.get(scope, ())}
    if not requested or requested - all_fields:
        raise ApiRefused("invalid_params")
    if requested - readable:
        raise ApiRefused("scope_not_authorized")
    user = user_profile(tiktok, tiktok.creators[grant.open_id])
    return {"user": {name: user[name] for name in requested}}


@routes.post("/v2/video/list/")
@api_view("video_list", "video.list", rate="display_per_minute")
def list_videos(tiktok: TikTokState, grant: IssuedToken) -> Data:
    """Return a page of public videos, newest first; the cursor may be any time in milliseconds."""
    requested, payload = requested_video_fields(), read_body() if request.data else {}
    cursor, count = payload.get("cursor"), payload.get("max_count", DEFAULT_VIDEOS)
    if type(count) is not int or not 0 < count <= MAX_VIDEOS or not is_cursor(cursor):
        raise ApiRefused("invalid_params")
    older_videos = [
        video
        for video in public_videos(tiktok, grant.open_id)
        if cursor is None or video["create_time"] * MS_PER_SECOND < cursor
    ]
    page = older_videos[:count]
    next_cursor = page[-1]["create_time"] * MS_PER_SECOND if page else cursor or 0
    return {
        "videos": select_fields(page, requested),
        "cursor": next_cursor,
        "has_more": len(older_videos) > count,
    }


@routes.post("/v2/video/query/")
@api_view("video_query", "video.list", rate="display_per_minute")
def query_videos(tiktok: TikTokState, grant: IssuedToken) -> Data:
    """Return videos by id; those of others or not public are missing from the answer."""
    requested, filters = requested_video_fields(), read_body().get("filters")
    ids = filters.get("video_ids") if isinstance(filters, dict) else None
    if (
        not isinstance(ids, list)
        or not 0 < len(ids) <= MAX_VIDEOS
        or not all(map(is_video_id, ids))
    ):
        raise ApiRefused("invalid_params")
    videos = [video for video in public_videos(tiktok, grant.open_id) if video["id"] in ids]
    return {"videos": select_fields(videos, requested)}


def requested_fields() -> set[str]:
    return set(filter(None, request.args.get("fields", "").split(",")))


def requested_video_fields() -> set[str]:
    """Errors: ApiRefused without fields or with unknown ones."""
    requested = requested_fields()
    if not requested or requested - VIDEO_FIELDS:
        raise ApiRefused("invalid_params")
    return requested


def is_cursor(cursor: Any) -> bool:
    return cursor is None or (type(cursor) is int and (cursor == 0 or cursor >= MIN_CURSOR_MS))


def is_video_id(value: Any) -> bool:
    return isinstance(value, str) and value.isdecimal()


def select_fields(videos: list[dict[str, Any]], names: set[str]) -> list[dict[str, Any]]:
    return [{name: video[name] for name in video if name in names} for video in videos]


def user_profile(tiktok: TikTokState, creator: SandboxCreator) -> dict[str, Any]:
    visible = public_videos(tiktok, creator.open_id)
    views = sum(max(video.get("view_count", 0), 0) for video in visible)
    likes = sum(max(video.get("like_count", 0), 0) for video in visible)
    return {
        "open_id": creator.open_id,
        "union_id": creator.union_id,
        "display_name": creator.nickname,
        **dict.fromkeys(("avatar_url", "avatar_url_100", "avatar_large_url"), creator.avatar_url),
        "bio_description": creator.bio_description,
        "profile_deep_link": f"https://vm.tiktok.com/{creator.username}",
        "username": creator.username,
        "is_verified": False,
        "follower_count": creator.follower_count + views // VIEWS_PER_FOLLOWER,
        "following_count": creator.following_count,
        "likes_count": creator.likes_count + likes,
        "video_count": len(visible),
    }
