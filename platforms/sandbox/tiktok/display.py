"""The Display API: who the creator is, and which videos the public sees.

Source: TikTok, tiktok-api-v2-get-user-info, -video-list, -video-query, read 2026-11-22.
"""

from typing import Any

from flask import Blueprint, request

from platforms.sandbox.tiktok.answers import Refused
from platforms.sandbox.tiktok.creators import Creator
from platforms.sandbox.tiktok.gate import Data, body, call
from platforms.sandbox.tiktok.state import TikTok
from platforms.sandbox.tiktok.tokens import Grant
from platforms.sandbox.tiktok.videos import VIDEO_FIELDS, videos

routes = Blueprint("display", __name__)

MAX_VIDEOS, USUAL_VIDEOS = 20, 10
MILLISECONDS = 1000
YEAR_2001 = 10**12  # in milliseconds: a smaller cursor was meant in seconds
VIEWS_PER_FOLLOWER = 100
FIELDS = {
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
@call("user_info", rate="display_per_minute")
def user_info(tiktok: TikTok, grant: Grant) -> Data:
    """One field outside the granted scopes fails the whole call."""
    wanted, known = fields(), {name for names in FIELDS.values() for name in names}
    granted = {name for scope in grant.scopes for name in FIELDS.get(scope, ())}
    if not wanted or wanted - known:
        raise Refused("invalid_params")
    if wanted - granted:
        raise Refused("scope_not_authorized")
    user = profile(tiktok, tiktok.creators[grant.open_id])
    return {"user": {name: user[name] for name in wanted}}


@routes.post("/v2/video/list/")
@call("video_list", "video.list", rate="display_per_minute")
def video_list(tiktok: TikTok, grant: Grant) -> Data:
    """Newest first; the cursor is a time in milliseconds, and may be any."""
    wanted, given = video_fields(), body() if request.data else {}
    cursor, count = given.get("cursor"), given.get("max_count", USUAL_VIDEOS)
    if type(count) is not int or not 0 < count <= MAX_VIDEOS or not is_time(cursor):
        raise Refused("invalid_params")
    older = [
        one
        for one in videos(tiktok, grant.open_id)
        if cursor is None or one["create_time"] * MILLISECONDS < cursor
    ]
    page = older[:count]
    last = page[-1]["create_time"] * MILLISECONDS if page else cursor or 0
    return {"videos": cut(page, wanted), "cursor": last, "has_more": len(older) > count}


@routes.post("/v2/video/query/")
@call("video_query", "video.list", rate="display_per_minute")
def video_query(tiktok: TikTok, grant: Grant) -> Data:
    """Ids of others, or not visible, are simply missing from the answer."""
    wanted, filters = video_fields(), body().get("filters")
    ids = filters.get("video_ids") if isinstance(filters, dict) else None
    if not isinstance(ids, list) or not 0 < len(ids) <= MAX_VIDEOS or not all(map(is_id, ids)):
        raise Refused("invalid_params")
    found = [one for one in videos(tiktok, grant.open_id) if one["id"] in ids]
    return {"videos": cut(found, wanted)}


def fields() -> set[str]:
    return set(filter(None, request.args.get("fields", "").split(",")))


def video_fields() -> set[str]:
    """Errors: Refused if there are none, or unknown ones."""
    wanted = fields()
    if not wanted or wanted - VIDEO_FIELDS:
        raise Refused("invalid_params")
    return wanted


def is_time(cursor: Any) -> bool:
    return cursor is None or (type(cursor) is int and (cursor == 0 or cursor >= YEAR_2001))


def is_id(value: Any) -> bool:
    return isinstance(value, str) and value.isdecimal()


def cut(listed: list[dict[str, Any]], wanted: set[str]) -> list[dict[str, Any]]:
    return [{name: one[name] for name in one if name in wanted} for one in listed]


def profile(tiktok: TikTok, creator: Creator) -> dict[str, Any]:
    shown = videos(tiktok, creator.open_id)
    views, likes = (
        sum(max(one.get(name, 0), 0) for one in shown) for name in ("view_count", "like_count")
    )
    return {
        "open_id": creator.open_id,
        "union_id": creator.union_id,
        "display_name": creator.nickname,
        **dict.fromkeys(("avatar_url", "avatar_url_100", "avatar_large_url"), creator.avatar),
        "bio_description": creator.bio_description,
        "profile_deep_link": f"https://vm.tiktok.com/{creator.username}",
        "username": creator.username,
        "is_verified": False,
        "follower_count": creator.follower_count + views // VIEWS_PER_FOLLOWER,
        "following_count": creator.following_count,
        "likes_count": creator.likes_count + likes,
        "video_count": len(shown),
    }
