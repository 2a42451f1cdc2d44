"""Preflight: everything that is checked before a start, which cannot be taken back: the quota slot,
the URLs that the platform is to fetch, and what the creator allows at the moment.

Preflight is safe to repeat, so a pull does it in a separate claim (`PreflightStep`): if the worker
is killed here, nothing has started. URLs are probed without downloading the file, so that a
mistyped URL is reported at once and not after an hour.

Source: TikTok, content-posting-api-media-transfer-guide and -reference-photo-post, read 2026-11-22:
no redirects; videos in three containers, photos as JPEG or WebP of 20 MB at most.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from core.accounts.tokens import (
    AccessToken,
    get_access_token,
    get_or_refresh_token,
    report_refused_token,
)
from core.bootstrap import Services
from core.errors import OperationFailed, RateLimitExceeded
from core.media.rule_check import UNKNOWN_CONTENT_TYPES
from core.outcomes import IMMEDIATELY, LocalRateLimit, Reschedule, Snooze
from core.post_state.changes import ChangeSet
from core.post_state.settle import FINAL_STATES
from core.post_state.step_state import INLINE, PREFLIGHT_AT, without_key
from core.publishing.quota import reserve_due_slot
from core.publishing.step import Step
from db.accounts.accounts import Account
from db.media.files import MediaFiles
from db.posts.posts import Post, mode_of_kind
from db.session import Database, Session, database_now
from platforms.base import PublishRequest
from platforms.errors import (
    PlatformError,
    RateLimited,
    Rejected,
    TokenExpired,
    UnreadableResponse,
)
from platforms.http import SAFE_RETRY, HttpResponse

LIVE_MODE = "live"  # the `publish_mode` in which platforms are called
PREFLIGHT_LIFETIME = timedelta(minutes=1)  # an older preflight is repeated before the start
CREATOR_CALLS = "creator"  # the class of calls that the platform limits together

PRIVATE_LEVEL = "SELF_ONLY"
UNAUDITED_CODE = "unaudited_client_can_only_post_to_private_accounts"
URL_UNREACHABLE_CODE = "url_unreachable"
VIDEO_CONTENT_TYPES = (
    frozenset({"video/quicktime", "video/mp4", "video/webm"}) | UNKNOWN_CONTENT_TYPES
)
PHOTO_CONTENT_TYPES = frozenset({"image/jpeg", "image/webp"}) | UNKNOWN_CONTENT_TYPES
MAX_PHOTO_BYTES = 20_000_000

PROBE_REQUESTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("HEAD", {}),
    ("GET", {"Range": "bytes=0-0"}),  # not every server knows HEAD
)
PROBE_RETRY = replace(SAFE_RETRY, max_attempts=2)
PROBE_TIMEOUT_SECONDS = (2.0, 3.0)  # to connect, to read
URL_CHECK_BUDGET = timedelta(seconds=6)  # for all URLs of a post; the rest is not checked
OK_STATUSES = frozenset({200, 206})
REDIRECT_STATUSES = range(300, 400)
MAX_LENGTH_DIGITS = 18  # of a Content-Length that is believed: more digits may exceed 64 bits


@dataclass(frozen=True)
class PreflightJob:
    access_token: AccessToken
    provider: str
    publish_request: PublishRequest
    video_duration: timedelta | None  # None if we do not have the file


@dataclass(frozen=True)
class PreflightPassed:
    """The start may follow at once."""


@dataclass(frozen=True)
class AccessTokenRefused:
    """The platform refused the access token before its time."""

    access_token: AccessToken


class PreflightStep(Step[PreflightJob, PreflightPassed | AccessTokenRefused]):
    """Check a pull in a separate claim, before the claim that starts it."""

    def prepare(self, session: Session, post: Post) -> PreflightJob:
        return prepare_preflight(session, post)

    def execute(
        self, job: PreflightJob, services: Services
    ) -> PreflightPassed | AccessTokenRefused:
        if services.settings.publish_mode == LIVE_MODE:
            try:
                run_preflight(job, services)
            except TokenExpired:
                return AccessTokenRefused(job.access_token)
        return PreflightPassed()

    def record(
        self, changes: ChangeSet, post: Post, outcome: PreflightPassed | AccessTokenRefused
    ) -> Reschedule:
        """Make the start due immediately. The preflight does not count as an attempt."""
        if isinstance(outcome, AccessTokenRefused):
            report_refused_token(changes.session, outcome.access_token)  # always raises
        post.step_state = {
            **without_key(post.step_state, INLINE),
            PREFLIGHT_AT: changes.at.isoformat(),
        }
        post.attempts -= 1
        return Reschedule(IMMEDIATELY, made_progress=False)


def prepare_preflight(session: Session, post: Post) -> PreflightJob:
    """Reserve the slot and read what the checks need. Errors: Snooze, Park, OperationFailed."""
    if post.state in FINAL_STATES:
        raise OperationFailed(f"the post is {post.state}: nothing more is sent")
    reserve_due_slot(session, post)
    return PreflightJob(
        access_token=get_access_token(session, post.oauth_account_id),
        provider=post.provider,
        publish_request=build_publish_request(post),
        video_duration=load_video_duration(session, post),
    )


def consume_preflight(session: Session, post: Post) -> None:
    """Use up the passed preflight: each start needs a new one.

    Errors: Snooze if it is older than `PREFLIGHT_LIFETIME`, so that it is repeated.
    """
    passed_at = datetime.fromisoformat(post.step_state[PREFLIGHT_AT])
    post.step_state = without_key(post.step_state, PREFLIGHT_AT)
    if database_now(session) - passed_at > PREFLIGHT_LIFETIME:
        raise Snooze(IMMEDIATELY, "the preflight is too old and is repeated")


def build_publish_request(post: Post) -> PublishRequest:
    return PublishRequest(
        kind=post.kind,
        source=post.source,
        size=post.bytes_total,
        video_url=post.payload_json.get("video_url"),
        image_urls=tuple(post.payload_json.get("photo_images", ())),
        cover_index=post.payload_json.get("photo_cover_index", 0),
        settings={**post.payload_json.get("settings", {}), "title": post.title},
    )


def load_video_duration(session: Session, post: Post) -> timedelta | None:
    """Duration of the post's media file; None if we do not have the file or could not read it."""
    media = MediaFiles(session).get(post.media_id)
    milliseconds = (media.probe or {}).get("duration_ms") if media else None
    return timedelta(milliseconds=milliseconds) if isinstance(milliseconds, int | float) else None


def run_preflight(job: PreflightJob, services: Services) -> None:
    """Errors: Rejected for what the platform would refuse; TokenExpired; those of the checks."""
    check_urls(job.publish_request, services)
    check_creator(
        job.access_token,
        job.provider,
        job.publish_request,
        services,
        video_duration=job.video_duration,
    )


def check_urls(publish_request: PublishRequest, services: Services) -> None:
    """Check that the platform can fetch every URL.

    Errors: Rejected `url_unreachable`, with the fault but without the URL.
    """
    if not should_check_urls(services.settings.of_platform("tiktok")):
        return
    started_at = services.now()
    for number, url in enumerate(urls_to_fetch(publish_request), start=1):
        if services.now() - started_at >= URL_CHECK_BUDGET:
            return
        fault = find_url_fault(url, services, publish_request)
        if fault is not None:
            subject = f"photo {number}" if publish_request.image_urls else "the video URL"
            raise Rejected(f"{subject} {fault}", code=URL_UNREACHABLE_CODE)


def should_check_urls(tiktok: Any) -> bool:
    """Whether to probe URLs; `auto` means only if TikTok itself is called.

    A server in TikTok's place may fetch from a network that we cannot reach.
    """
    is_real_tiktok = bool(tiktok.api_base_url == type(tiktok)().api_base_url)
    return tiktok.check_urls == "on" or (tiktok.check_urls == "auto" and is_real_tiktok)


def urls_to_fetch(publish_request: PublishRequest) -> tuple[str, ...]:
    if publish_request.image_urls:
        return publish_request.image_urls
    return (publish_request.video_url,) if publish_request.video_url else ()


def find_url_fault(url: str, services: Services, publish_request: PublishRequest) -> str | None:
    """Why the platform could not fetch the URL; None if no reason is known."""
    try:
        response = probe_url(url, services)
    except PlatformError as error:
        return "leads to a private network" if error.code == "PRIVATE_HOST" else "does not answer"
    if response.status in REDIRECT_STATUSES:
        return f"answers {response.status}: redirects are not followed"
    if response.status not in OK_STATUSES:
        return f"answers {response.status}"
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if publish_request.image_urls:
        media_name, content_types, max_bytes = "photo", PHOTO_CONTENT_TYPES, MAX_PHOTO_BYTES
    else:
        media_name, content_types = "video", VIDEO_CONTENT_TYPES
        max_bytes = services.settings.of_platform("tiktok").max_video_bytes
    if content_type not in content_types:
        return f"leads to {content_type[:50]}, not to a {media_name}"
    return "leads to a file that is too large" if content_size(response) > max_bytes else None


def probe_url(url: str, services: Services) -> HttpResponse:
    """Request the headers of the file. Errors: PlatformError."""
    for method, headers in PROBE_REQUESTS:
        response = services.public_http.call(
            method,
            url,
            endpoint="url_check",
            retry=PROBE_RETRY,
            headers={"Accept": "*/*", **headers},
            timeout=PROBE_TIMEOUT_SECONDS,
        )
        if response.status in OK_STATUSES:
            break
    return response


def content_size(response: HttpResponse) -> int:
    """Bytes of the whole file; 0 if the server does not report them."""
    range_total = response.headers.get("content-range", "").rpartition("/")[2]
    length = range_total or response.headers.get("content-length", "")
    is_number = length.isascii() and length.isdigit() and len(length) <= MAX_LENGTH_DIGITS
    return int(length) if is_number else 0


@dataclass(frozen=True)
class CreatorInfo:
    """What a creator allows right now. Fetched before every direct post and never stored."""

    nickname: str | None
    username: str | None
    avatar_url: str | None
    privacy_levels: tuple[str, ...]
    comment_disabled: bool
    duet_disabled: bool
    stitch_disabled: bool
    max_video_seconds: float | None
    is_private: bool  # the account; a public one allows posts for everyone
    is_app_audited: bool = True  # this application, by TikTok

    @classmethod
    def from_response(cls, data: Mapping[str, Any]) -> "CreatorInfo":
        """Build it from the data that the adapter returns, in which any field may be missing."""
        levels = tuple(data.get("privacy_level_options") or ())
        return cls(
            nickname=data.get("creator_nickname"),
            username=data.get("creator_username"),
            avatar_url=data.get("creator_avatar_url"),
            privacy_levels=levels,
            comment_disabled=bool(data.get("comment_disabled")),
            duet_disabled=bool(data.get("duet_disabled")),
            stitch_disabled=bool(data.get("stitch_disabled")),
            max_video_seconds=data.get("max_video_post_duration_sec"),
            is_private="PUBLIC_TO_EVERYONE" not in levels,
        )


def check_creator(
    access_token: AccessToken,
    provider: str,
    publish_request: PublishRequest,
    services: Services,
    *,
    video_duration: timedelta | None,
) -> None:
    """Check that the creator allows this direct post. Drafts are not checked: the creator edits
    them.

    Errors: Rejected `privacy_level_option_mismatch`, `duration_check_failed`; as `fetch_creator`.
    """
    if mode_of_kind(publish_request.kind) != "DIRECT":
        return
    level = publish_request.settings.get("privacy_level")
    if is_audience_refused(services.settings.of_platform("tiktok"), mode="DIRECT", level=level):
        raise Rejected(
            "TikTok has not audited this application: only SELF_ONLY is allowed",
            code=UNAUDITED_CODE,
        )
    creator = fetch_creator(access_token, provider, services)
    # without levels the answer does not say which are allowed: the platform decides at the start
    if creator.privacy_levels and level not in creator.privacy_levels:
        raise Rejected(
            f"the creator does not allow the privacy level {level}",
            code="privacy_level_option_mismatch",
        )
    max_seconds = creator.max_video_seconds
    if (
        video_duration is not None
        and max_seconds is not None
        and video_duration.total_seconds() > max_seconds
    ):
        raise Rejected(f"the video is longer than {max_seconds} s", code="duration_check_failed")


def allowed_privacy_levels(tiktok: Any, levels: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the creator's privacy levels that this application may use."""
    if tiktok.app_audited:
        return levels
    return tuple(level for level in levels if level == PRIVATE_LEVEL)


def is_audience_refused(tiktok: Any, *, mode: str, level: str | None) -> bool:
    """Whether TikTok would refuse this privacy level from this application, for any creator."""
    return mode == "DIRECT" and not tiktok.app_audited and level != PRIVATE_LEVEL


def fetch_creator(access_token: AccessToken, provider: str, services: Services) -> CreatorInfo:
    """Errors: LocalRateLimit if the platform's limit for this call is reached; PlatformError."""
    wait = services.rate_limits.acquire(access_token.account_id, CREATOR_CALLS)
    if wait:
        raise LocalRateLimit(wait, "rate limit of creator info calls")
    try:
        publisher = services.get_adapter(provider).publisher
        return CreatorInfo.from_response(
            publisher.fetch_creator_info(access_token.decrypt(services))
        )
    except RateLimited as error:
        services.rate_limits.block(access_token.account_id, CREATOR_CALLS, error.retry_after)
        raise


def load_creator(database: Database, services: Services, account: Account) -> CreatorInfo:
    """Fetch what the creator allows, for the upload form; a refused token is refreshed once.

    Errors: NeedsReconnect, NotConnected, ServiceUnavailable; RateLimitExceeded; PlatformError, also
    if the answer does not say who may see the posts, which the form has to ask.
    """
    access_token = get_or_refresh_token(database, services, account.id)
    try:
        return restrict_audiences(fetch_creator(access_token, account.provider, services), services)
    except TokenExpired:
        renewed_token = get_or_refresh_token(
            database, services, account.id, refused_token=access_token
        )
        return restrict_audiences(
            fetch_creator(renewed_token, account.provider, services), services
        )
    except LocalRateLimit as limit:
        raise RateLimitExceeded(str(limit), retry_after=limit.delay) from None


def restrict_audiences(creator: CreatorInfo, services: Services) -> CreatorInfo:
    """Keep only the privacy levels that this application may use.

    Errors: UnreadableResponse if the answer named none.
    """
    if not creator.privacy_levels:
        raise UnreadableResponse("the answer has no `privacy_level_options`")
    tiktok = services.settings.of_platform("tiktok")
    levels = allowed_privacy_levels(tiktok, creator.privacy_levels)
    return replace(creator, privacy_levels=levels, is_app_audited=tiktok.app_audited)
