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

from platforms.base import App
from platforms.bodies import MAX_ID, storable, text
from platforms.errors import Rejected, Unavailable
from platforms.http import SAFE, Http
from platforms.numbers import Counts, Page, Video
from platforms.secret import Secret
from platforms.tiktok.envelope import data

LIST_SCOPE, STATS_SCOPE = "video.list", "user.info.stats"
MOST = 20  # videos a page, and ids a question
TWICE = replace(SAFE, tries=2)
LARGEST = 2**63 - 1  # view_count is an int64; anything beyond is no count
MAX_TEXT, MAX_URL = 2200, 2048
LONGEST = 86_400  # seconds of a film; TikTok takes ten minutes

VIDEO = {
    "views": "view_count",
    "likes": "like_count",
    "comments": "comment_count",
    "shares": "share_count",
}
ACCOUNT = {
    "followers": "follower_count",
    "following": "following_count",
    "likes": "likes_count",
    "videos": "video_count",
}
"""Our name of a number → TikTok's."""

FIELDS = ("id", "create_time", "title", "video_description", "duration", "share_url")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class TikTokDisplay:
    app: App
    http: Http

    def totals(self, token: Secret, scopes: Iterable[str]) -> Counts:
        """Errors: Rejected without the scope; else what the envelope says."""
        needed(STATS_SCOPE, scopes)
        user = self._ask("GET", "user_info", token, ACCOUNT.values()).get("user")
        if not isinstance(user, dict):
            raise unreadable("user")
        return counts(user, ACCOUNT)

    def listing(self, token: Secret, scopes: Iterable[str], *, cursor: int | None = None) -> Page:
        """Public ones, the newest first. Units: the cursor is in milliseconds since 1970.

        Errors: as `totals`.
        """
        needed(LIST_SCOPE, scopes)
        older = {} if cursor is None else {"cursor": cursor}
        answer = self._videos("video_list", token, {"max_count": MOST, **older})
        return Page(videos(answer), following(answer))

    def counted(
        self, token: Secret, scopes: Iterable[str], *, ids: Sequence[str]
    ) -> tuple[Video, ...]:
        """Errors: ValueError for too many ids, or none; else as `totals`."""
        needed(LIST_SCOPE, scopes)
        if not 0 < len(ids) <= MOST:
            raise ValueError(f"1 to {MOST} ids at a time")
        return videos(self._videos("video_query", token, {"filters": {"video_ids": list(ids)}}))

    def _videos(self, endpoint: str, token: Secret, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._ask("POST", endpoint, token, (*FIELDS, *VIDEO.values()), body)

    def _ask(
        self,
        method: str,
        endpoint: str,
        token: Secret,
        fields: Iterable[str],
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        path = f"/v2/{endpoint.replace('_', '/')}/?{urlencode({'fields': ','.join(fields)})}"
        reply = self.http.call(
            method,
            self.app.bases["api"].rstrip("/") + path,
            endpoint=endpoint,
            repeat=TWICE,
            headers={"Authorization": f"Bearer {token.reveal()}"},
            json=body,
        )
        return data(reply, endpoint)


def needed(scope: str, scopes: Iterable[str]) -> None:
    """Errors: Rejected."""
    if scope not in scopes:
        raise Rejected(f"needs {scope}", code="scope_not_authorized")


def videos(answer: Mapping[str, Any]) -> tuple[Video, ...]:
    """Errors: Unavailable without a list: that nothing is shown any more has to be said."""
    listed = answer.get("videos")
    if not isinstance(listed, list):
        raise unreadable("videos")
    return tuple(video(each) for each in listed if isinstance(each, dict) and text(each.get("id")))


def video(told: Mapping[str, Any]) -> Video:
    seconds = count(told.get("duration"))
    return Video(
        id=str(text(told.get("id"))),
        counts=counts(told, VIDEO),
        posted_at=moment(told.get("create_time")),
        title=words(told.get("title"), MAX_TEXT) or words(told.get("video_description"), MAX_TEXT),
        duration=None if seconds is None or seconds > LONGEST else timedelta(seconds=seconds),
        url=words(told.get("share_url"), MAX_URL),
    )


def following(answer: Mapping[str, Any]) -> int | None:
    """Errors: Unavailable if there is more, but not where."""
    if answer.get("has_more") is not True:
        return None
    cursor = count(answer.get("cursor"))
    if cursor is None:
        raise unreadable("cursor")
    return cursor


def counts(told: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, int]:
    """Those that were told; a new video may have none yet, as was observed."""
    found = {ours: count(told.get(theirs)) for ours, theirs in names.items()}
    strange = [ours for ours, n in found.items() if n is None and told.get(names[ours]) is not None]
    if strange:
        log.warning("tiktok.strange_numbers", names=strange)
    return {ours: number for ours, number in found.items() if number is not None}


def count(value: Any) -> int | None:
    """A number that can be one: whole, not negative, of 63 bits; also written as a text."""
    digits = text(value, MAX_ID) or ""
    number = int(digits) if digits.isascii() and digits.isdigit() else None
    return number if number is not None and number <= LARGEST else None


def moment(value: Any) -> datetime | None:
    """Units: seconds since 1970, unlike the cursor."""
    seconds = count(value)
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (ValueError, OverflowError, OSError):
        return None


def words(value: Any, limit: int) -> str | None:
    return storable(value)[:limit] if isinstance(value, str) and value.strip() else None


def unreadable(what: str) -> Unavailable:
    return Unavailable(f"the answer has no {what}", code="INVALID_RESPONSE")
