"""TikTok's Display API: public videos and their numbers, and those of the account.

Source: TikTok, tiktok-api-v2-get-user-info, -video-list, -video-query, -video-object, read
2026-11-22. Asks for granted fields alone: one field too many fails the whole call.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import structlog

from platforms.base import PlatformApp
from platforms.errors import Rejected, Unavailable
from platforms.http import SAFE_RETRY, HttpClient
from platforms.insights_base import MetricCounts, PlatformVideo, VideoPage
from platforms.json_body import MAX_ID_LENGTH, make_storable, to_text
from platforms.secret import Secret
from platforms.tiktok.envelope import unwrap_data

LIST_SCOPE, STATS_SCOPE = "video.list", "user.info.stats"
MAX_VIDEOS = 20  # videos a page, and ids a question
DISPLAY_RETRY = replace(SAFE_RETRY, max_attempts=2)
MAX_COUNT = 2**63 - 1  # view_count is an int64; anything beyond is no count
MAX_TEXT_LENGTH, MAX_URL_LENGTH = 2200, 2048
MAX_DURATION_SECONDS = 86_400  # seconds of a film; TikTok takes ten minutes

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
"""Our name of a number → TikTok's."""

VIDEO_FIELDS = ("id", "create_time", "title", "video_description", "duration", "share_url")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class TikTokInsights:
    app: PlatformApp
    http: HttpClient

    def fetch_account_totals(self, token: Secret, scopes: Iterable[str]) -> MetricCounts:
        """Errors: Rejected without the scope; else what the envelope says."""
        require_scope(STATS_SCOPE, scopes)
        user = self._call("GET", "user_info", token, ACCOUNT_COUNT_FIELDS.values()).get("user")
        if not isinstance(user, dict):
            raise missing_field_error("user")
        return parse_counts(user, ACCOUNT_COUNT_FIELDS)

    def fetch_video_page(
        self, token: Secret, scopes: Iterable[str], *, cursor: int | None = None
    ) -> VideoPage:
        """Public ones, the newest first. Units: the cursor is in milliseconds since 1970.

        Errors: as `totals`.
        """
        require_scope(LIST_SCOPE, scopes)
        older = {} if cursor is None else {"cursor": cursor}
        payload = self._post_video_query("video_list", token, {"max_count": MAX_VIDEOS, **older})
        return VideoPage(parse_videos(payload), parse_next_cursor(payload))

    def fetch_videos(
        self, token: Secret, scopes: Iterable[str], *, ids: Sequence[str]
    ) -> tuple[PlatformVideo, ...]:
        """Errors: ValueError for too many ids, or none; else as `totals`."""
        require_scope(LIST_SCOPE, scopes)
        if not 0 < len(ids) <= MAX_VIDEOS:
            raise ValueError(f"1 to {MAX_VIDEOS} ids at a time")
        return parse_videos(
            self._post_video_query("video_query", token, {"filters": {"video_ids": list(ids)}})
        )

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
    """Errors: Rejected."""
    if scope not in scopes:
        raise Rejected(f"needs {scope}", code="scope_not_authorized")


def parse_videos(payload: Mapping[str, Any]) -> tuple[PlatformVideo, ...]:
    """Errors: Unavailable without a list: that nothing is shown any more has to be said."""
    listed = payload.get("videos")
    if not isinstance(listed, list):
        raise missing_field_error("videos")
    return tuple(
        parse_video(each) for each in listed if isinstance(each, dict) and to_text(each.get("id"))
    )


def parse_video(item: Mapping[str, Any]) -> PlatformVideo:
    seconds = parse_count(item.get("duration"))
    return PlatformVideo(
        id=str(to_text(item.get("id"))),
        counts=parse_counts(item, VIDEO_COUNT_FIELDS),
        posted_at=parse_time(item.get("create_time")),
        title=clean_text(item.get("title"), MAX_TEXT_LENGTH)
        or clean_text(item.get("video_description"), MAX_TEXT_LENGTH),
        duration=None
        if seconds is None or seconds > MAX_DURATION_SECONDS
        else timedelta(seconds=seconds),
        url=clean_text(item.get("share_url"), MAX_URL_LENGTH),
    )


def parse_next_cursor(payload: Mapping[str, Any]) -> int | None:
    """Errors: Unavailable if there is more, but not where."""
    if payload.get("has_more") is not True:
        return None
    cursor = parse_count(payload.get("cursor"))
    if cursor is None:
        raise missing_field_error("cursor")
    return cursor


def parse_counts(item: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, int]:
    """Those that were told; a new video may have none yet, as was observed."""
    found = {ours: parse_count(item.get(theirs)) for ours, theirs in names.items()}
    invalid = [ours for ours, n in found.items() if n is None and item.get(names[ours]) is not None]
    if invalid:
        log.warning("tiktok.invalid_counts", names=invalid)
    return {ours: number for ours, number in found.items() if number is not None}


def parse_count(value: Any) -> int | None:
    """A number that can be one: whole, not negative, of 63 bits; also written as a text."""
    digits = to_text(value, MAX_ID_LENGTH) or ""
    number = int(digits) if digits.isascii() and digits.isdigit() else None
    return number if number is not None and number <= MAX_COUNT else None


def parse_time(value: Any) -> datetime | None:
    """Units: seconds since 1970, unlike the cursor."""
    seconds = parse_count(value)
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (ValueError, OverflowError, OSError):
        return None


def clean_text(value: Any, limit: int) -> str | None:
    return make_storable(value)[:limit] if isinstance(value, str) and value.strip() else None


def missing_field_error(what: str) -> Unavailable:
    return Unavailable(f"the answer has no {what}", code="INVALID_RESPONSE")
