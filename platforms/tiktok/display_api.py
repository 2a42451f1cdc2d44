"""TikTok's Display API: an account's public videos, their metrics and those of the account.

Only granted fields are requested: one field too many fails the whole call.
Source: TikTok, tiktok-api-v2-get-user-info, -video-list, -video-query, -video-object, read
2026-11-22.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import structlog

from platforms.base import PlatformApp
from platforms.errors import Rejected, UnreadableResponse
from platforms.http import SAFE_RETRY, HttpClient
from platforms.insights_base import AccountAccess, ItemPage, MetricCounts, PublicItem
from platforms.secret import Secret
from platforms.tiktok.envelope import check_subject, unwrap_data
from platforms.vendor_values import (
    is_empty_list,
    read_count,
    read_duration,
    read_flag,
    read_id,
    read_list,
    read_object,
    read_text,
    read_time,
    read_url,
)

LIST_SCOPE, STATS_SCOPE, PROFILE_SCOPE = "video.list", "user.info.stats", "user.info.basic"
OWNER_FIELD = "open_id"  # of the profile; other answers are not documented to have it
VIDEO_LISTING = "videos"
MAX_VIDEOS = 20  # videos per page, and ids per query
DISPLAY_RETRY = replace(SAFE_RETRY, max_attempts=2)
MAX_TEXT_LENGTH, MAX_URL_LENGTH = 2200, 2048  # characters
MAX_DURATION = timedelta(days=1)  # a longer one is invalid; TikTok accepts videos of 10 minutes

# our name of a metric → TikTok's field
VIDEO_COUNT_FIELDS = {
    "views": "view_count",
    "likes": "like_count",
    "comments": "comment_count",
    "shares": "share_count",
}
ACCOUNT_COUNT_FIELDS = {
    "followers": "follower_count",
    "following": "following_count",
    "likes": "likes_count",
    "videos": "video_count",
}
VIDEO_FIELDS = ("id", "create_time", "title", "video_description", "duration", "share_url")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class TikTokInsights:
    """Fetches public videos and metrics."""

    app: PlatformApp
    http: HttpClient

    @property
    def listings(self) -> tuple[str, ...]:
        return (VIDEO_LISTING,)

    @property
    def max_items_per_query(self) -> int:
        return MAX_VIDEOS

    def fetch_account_totals(self, access: AccountAccess) -> MetricCounts:
        """Return the account's counts.

        Errors: Rejected without the scope; those of `unwrap_data`.
        """
        require_scope(STATS_SCOPE, access.scopes)
        can_compare = access.account_id is not None and PROFILE_SCOPE in access.scopes
        names = (OWNER_FIELD,) if can_compare else ()
        fields = (*names, *ACCOUNT_COUNT_FIELDS.values())
        payload = self._call("GET", "user_info", access.token, fields)
        user = read_object(payload.get("user"))
        if user is None:
            raise missing_field_error("user")
        check_owner(user, access)
        return parse_counts(user, ACCOUNT_COUNT_FIELDS)

    def fetch_item_page(
        self, access: AccountAccess, *, listing: str | None = None, cursor: str | None = None
    ) -> ItemPage:
        """Return a page of public videos, newest first.

        Units: the cursor is in milliseconds since 1970.
        Errors: as `fetch_account_totals`; ValueError for a listing or a cursor that is not ours.
        """
        if listing not in (None, VIDEO_LISTING):
            raise ValueError(f"TikTok has no listing {listing!r}")
        require_scope(LIST_SCOPE, access.scopes)
        older_than = None if cursor is None else int(cursor)
        body = {"max_count": MAX_VIDEOS} | ({} if older_than is None else {"cursor": older_than})
        payload = self._post_video_query("video_list", access.token, body)
        check_owner(payload, access)
        return ItemPage(parse_videos(payload), parse_next_cursor(payload, older_than))

    def fetch_items(self, access: AccountAccess, *, ids: Sequence[str]) -> tuple[PublicItem, ...]:
        """Return these videos, as far as they are public; others in the answer are dropped.

        Errors: ValueError without ids or with more than 20; else as `fetch_account_totals`.
        """
        require_scope(LIST_SCOPE, access.scopes)
        if not 0 < len(ids) <= MAX_VIDEOS:
            raise ValueError(
                f"1 to {MAX_VIDEOS} video ids can be queried at a time, not {len(ids)}"
            )
        payload = self._post_video_query(
            "video_query", access.token, {"filters": {"video_ids": list(ids)}}
        )
        check_owner(payload, access)
        return drop_other_videos(parse_videos(payload), ids)

    def _post_video_query(
        self, endpoint: str, token: Secret, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        return self._call(
            "POST", endpoint, token, (*VIDEO_FIELDS, *VIDEO_COUNT_FIELDS.values()), body
        )

    def _call(
        self,
        method: str,
        endpoint: str,
        token: Secret,
        fields: Iterable[str],
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        path = f"/v2/{endpoint.replace('_', '/')}/?{urlencode({'fields': ','.join(fields)})}"
        response = self.http.call(
            method,
            self.app.base_urls["api"].rstrip("/") + path,
            endpoint=endpoint,
            retry=DISPLAY_RETRY,
            headers={"Authorization": f"Bearer {token.reveal()}"},
            json=body,
        )
        return unwrap_data(response, endpoint)


def require_scope(scope: str, scopes: Iterable[str]) -> None:
    """Errors: Rejected if the scope was not granted."""
    if scope not in scopes:
        raise Rejected(f"the call needs the scope {scope}", code="scope_not_authorized")


def check_owner(payload: Mapping[str, Any], access: AccountAccess) -> None:
    """Check that an answer is about the account, if it says so. Errors: MisdirectedResponse."""
    if access.account_id is not None:
        check_subject(payload, OWNER_FIELD, access.account_id)


def parse_videos(payload: Mapping[str, Any]) -> tuple[PublicItem, ...]:
    """Return the videos of a response; items without an id are skipped.

    Errors: UnreadableResponse without a list: only an empty list means that there are no videos.
    """
    items = read_list(payload.get("videos"))
    if not items and not is_empty_list(payload.get("videos")):
        raise missing_field_error("videos")
    objects = map(read_object, items)
    return tuple(parse_video(item) for item in objects if item and read_id(item.get("id")))


def parse_video(item: Mapping[str, Any]) -> PublicItem:
    duration = read_duration(item.get("duration"), longest=MAX_DURATION)
    return PublicItem(
        id=str(read_id(item.get("id"))),
        counts=parse_counts(item, VIDEO_COUNT_FIELDS),
        posted_at=read_time(item.get("create_time")),
        text=read_text(item.get("title"), MAX_TEXT_LENGTH)
        or read_text(item.get("video_description"), MAX_TEXT_LENGTH),
        duration=None if duration == MAX_DURATION else duration,
        url=read_url(item.get("share_url"), MAX_URL_LENGTH),
    )


def drop_other_videos(
    videos: tuple[PublicItem, ...], requested_ids: Sequence[str]
) -> tuple[PublicItem, ...]:
    """Return the requested videos: the counts of another one belong to no row of ours."""
    requested = tuple(video for video in videos if video.id in requested_ids)
    if len(requested) != len(videos):
        log.warning("tiktok.other_videos", dropped=len(videos) - len(requested))
    return requested


def parse_next_cursor(payload: Mapping[str, Any], requested: int | None) -> str | None:
    """Return the cursor of the next page, or None.

    A cursor that does not lead further back than the requested one would lead round for ever.
    Errors: UnreadableResponse if there is a next page but no cursor.
    """
    if not read_flag(payload.get("has_more")):
        return None
    cursor = read_count(payload.get("cursor"))
    if cursor is None:
        raise missing_field_error("cursor")
    return str(cursor) if requested is None or cursor < requested else None


def parse_counts(item: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, int]:
    """Return the counts that the item has; a new video was observed to have none yet.

    `fields`: our name of a metric → TikTok's field.
    """
    counts: dict[str, int] = {}
    invalid: list[str] = []
    for metric, field in fields.items():
        count = read_count(item.get(field))
        if count is not None:
            counts[metric] = count
        elif item.get(field) is not None:
            invalid.append(metric)
    if invalid:
        log.warning("tiktok.invalid_counts", names=invalid)
    return counts


def missing_field_error(name: str) -> UnreadableResponse:
    return UnreadableResponse(f"the response has no valid `{name}`")
