"""An address is looked at before a platform is sent there, so that a typing error shows at once and
not after an hour. Must not fetch what lies there: that is the platform's to do.

Source: TikTok, content-posting-api-media-transfer-guide and -reference-photo-post, read 2026-11-22:
no redirects; films in three containers, pictures as JPEG or WebP of 20 MB at most.
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
from core.config.platform_apps import TikTokSettings
from core.errors import OperationFailed, RateLimitExceeded
from core.media.video_rules import CONTENT_TYPE_BY_CONTAINER
from core.outcomes import IMMEDIATELY, LocalRateLimit, Reschedule, Snooze
from core.post_state.changes import ChangeSet
from core.post_state.settle import FINAL_STATES
from core.post_state.step_state import INLINE, PREFLIGHT_AT, without_key
from core.publishing import quota
from core.publishing.quota import reserve_due_slot
from db.accounts.accounts import Account
from db.media.files import MediaFiles
from db.posts.posts import Post
from db.session import Database, Session, database_now
from platforms.base import PublishRequest
from platforms.errors import PlatformError, RateLimited, Rejected, TokenExpired
from platforms.http import SAFE_RETRY, HttpResponse

URL_UNREACHABLE_CODE = "url_unreachable"
UNKNOWN_CONTENT_TYPES = frozenset({"", "application/octet-stream", "binary/octet-stream"})
VIDEO_CONTENT_TYPES = frozenset(CONTENT_TYPE_BY_CONTAINER.values()) | UNKNOWN_CONTENT_TYPES
PHOTO_CONTENT_TYPES = frozenset({"image/jpeg", "image/webp"}) | UNKNOWN_CONTENT_TYPES
MAX_PHOTO_BYTES = 20_000_000

PROBE_REQUESTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("HEAD", {}),
    ("GET", {"Range": "bytes=0-0"}),
)  # not every server knows the first one
PROBE_RETRY = replace(SAFE_RETRY, max_attempts=2)
PROBE_TIMEOUT_SECONDS = (2.0, 3.0)  # seconds
URL_CHECK_BUDGET = timedelta(
    seconds=6
)  # for all addresses of a post; what is left is not looked at
OK_STATUSES = frozenset({200, 206})
REDIRECT_STATUSES = range(300, 400)


def should_check_urls(tiktok: TikTokSettings) -> bool:
    """A server that stands in for TikTok has an internet of its own, which we cannot see."""
    is_theirs = tiktok.api_base_url == TikTokSettings().api_base_url
    return tiktok.check_urls == "on" or (tiktok.check_urls == "auto" and is_theirs)


def check_urls(order: PublishRequest, services: Services) -> None:
    """Errors: Rejected `url_unreachable`, with what is wrong where; no address is quoted."""
    if not should_check_urls(services.settings.tiktok):
        return
    started_at = services.now()
    for number, url in enumerate(urls_to_fetch(order), start=1):
        if services.now() - started_at >= URL_CHECK_BUDGET:
            return
        fault = find_url_fault(url, services, order)
        if fault is not None:
            where = f"picture {number}" if order.image_urls else "the address"
            raise Rejected(f"{where} {fault}", code=URL_UNREACHABLE_CODE)


def urls_to_fetch(order: PublishRequest) -> tuple[str, ...]:
    return order.image_urls or ((order.video_url,) if order.video_url else ())


def find_url_fault(url: str, services: Services, order: PublishRequest) -> str | None:
    """What would keep the platform from fetching it; None if nothing is known to."""
    try:
        reply = probe_url(url, services)
    except PlatformError as error:
        return "leads to a private network" if error.code == "PRIVATE_HOST" else "does not answer"
    if reply.status in REDIRECT_STATUSES:
        return f"answers {reply.status}: redirects are not followed"
    if reply.status not in OK_STATUSES:
        return f"answers {reply.status}"
    content_types, max_bytes = (
        (PHOTO_CONTENT_TYPES, MAX_PHOTO_BYTES)
        if order.image_urls
        else (VIDEO_CONTENT_TYPES, max_video_bytes(services))
    )
    content_type = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in content_types:
        return f"leads to {content_type[:50]}, not to a {'picture' if order.image_urls else 'film'}"
    return "leads to a file that is too large" if content_size(reply) > max_bytes else None


def probe_url(url: str, services: Services) -> HttpResponse:
    """Errors: PlatformError."""
    for method, headers in PROBE_REQUESTS:
        reply = services.public_http.call(
            method,
            url,
            endpoint="look",
            retry=PROBE_RETRY,
            headers={"Accept": "*/*", **headers},
            timeout=PROBE_TIMEOUT_SECONDS,
        )
        if reply.status in OK_STATUSES:
            break
    return reply


def max_video_bytes(services: Services) -> int:
    return services.settings.limits.tiktok_max_video_bytes


def content_size(reply: HttpResponse) -> int:
    """Bytes of the whole file; 0 if the server does not say."""
    range_total = reply.headers.get("content-range", "").rpartition("/")[2]
    length = range_total or reply.headers.get("content-length", "")
    return (
        int(length)
        if length.isascii() and length.isdigit() and len(length) < len(str(2**63))
        else 0
    )


# MERGED core.posts.creators: What a creator allows right now, asked before every direct post: never kept, never guessed.

CREATOR_CALLS = "creator"  # the class of calls that the platform counts together


@dataclass(frozen=True)
class CreatorInfo:
    nickname: str | None
    username: str | None
    avatar_url: str | None
    privacy_levels: tuple[str, ...]
    comment_disabled: bool
    duet_disabled: bool
    stitch_disabled: bool
    max_video_seconds: float | None  # seconds
    is_private: bool  # the account: one that is public offers its posts to everyone
    is_app_audited: bool = True  # this application, by its platform

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> "CreatorInfo":
        """TikTok's answer, of which any field may be missing."""
        levels = tuple(answer.get("privacy_level_options") or ())
        return cls(
            nickname=answer.get("creator_nickname"),
            username=answer.get("creator_username"),
            avatar_url=answer.get("creator_avatar_url"),
            privacy_levels=levels,
            comment_disabled=bool(answer.get("comment_disabled")),
            duet_disabled=bool(answer.get("duet_disabled")),
            stitch_disabled=bool(answer.get("stitch_disabled")),
            max_video_seconds=answer.get("max_video_post_duration_sec"),
            is_private="PUBLIC_TO_EVERYONE" not in levels,
        )


def check_creator(
    access_token: AccessToken,
    provider: str,
    order: PublishRequest,
    services: Services,
    *,
    video_seconds: float | None,
) -> None:
    """A direct post must be one of those that its creator may make; a draft is the creator's.

    Errors: Rejected `privacy_level_option_mismatch`, `duration_check_failed`; what asking raises.
    """
    if not order.kind.startswith("DIRECT"):
        return
    level = order.settings.get("privacy_level")
    if quota.is_audience_refused(services.settings.tiktok, mode="DIRECT", level=level):
        raise Rejected("not audited yet: SELF_ONLY alone", code=quota.UNAUDITED_CODE)
    creator = fetch_creator(access_token, provider, services)
    if level not in creator.privacy_levels:
        raise Rejected("the creator has no such audience", code="privacy_level_option_mismatch")
    if (
        video_seconds is not None
        and creator.max_video_seconds is not None
        and video_seconds > creator.max_video_seconds
    ):
        raise Rejected(f"longer than {creator.max_video_seconds} s", code="duration_check_failed")


def fetch_creator(access_token: AccessToken, provider: str, services: Services) -> CreatorInfo:
    """Errors: Later within the platform's limit of such questions; PlatformError."""
    wait = services.rate_limits.acquire(access_token.account_id, CREATOR_CALLS)
    if wait:
        raise LocalRateLimit(wait, "creator limit of the platform")
    try:
        return CreatorInfo.from_answer(
            services.get_platform(provider).publisher.fetch_creator_info(
                access_token.decrypt(services)
            )
        )
    except RateLimited as error:
        services.rate_limits.block(access_token.account_id, CREATOR_CALLS, error.retry_after)
        raise


def load_creator(database: Database, services: Services, account: Account) -> CreatorInfo:
    """For a form that is about to be shown.

    Errors: NeedsReconnect, NotConnected, Away; Limited; PlatformError.
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
    except LocalRateLimit as throttled:
        raise RateLimitExceeded(str(throttled), retry_after=throttled.delay) from None


def restrict_audiences(creator: CreatorInfo, services: Services) -> CreatorInfo:
    """With those audiences alone that this application may use."""
    tiktok = services.settings.tiktok
    levels = quota.allowed_privacy_levels(tiktok, creator.privacy_levels)
    return replace(creator, privacy_levels=levels, is_app_audited=tiktok.app_audited)


# MERGED core.posts.consult: Before a start that cannot be taken back: the address looked at, the creator asked.
#
# Safe, so a claim of its own: killed here, nothing has begun, and both are simply asked again.

LIVE_MODE = "live"  # the mode in which platforms are spoken to
PREFLIGHT_LIFETIME = timedelta(minutes=1)  # an agreement older than that is asked for again


@dataclass(frozen=True)
class PreflightJob:
    access: AccessToken
    provider: str
    order: PublishRequest
    video_seconds: float | None  # of the film, where we know it


@dataclass(frozen=True)
class PreflightPassed:
    """Nothing speaks against a start that follows at once."""


@dataclass(frozen=True)
class AccessTokenRefused:
    access: AccessToken


def prepare(session: Session, post: Post) -> PreflightJob:
    if post.state in FINAL_STATES:
        raise OperationFailed("it has ended: nothing more is sent")
    reserve_due_slot(session, post)
    access_token = get_access_token(session, post.oauth_account_id)
    return PreflightJob(
        access_token, post.provider, build_order(post), video_duration(session, post)
    )


def build_order(post: Post) -> PublishRequest:
    return PublishRequest(
        kind=post.kind,
        source=post.source,
        size=post.bytes_total,
        video_url=post.payload_json.get("video_url"),
        image_urls=tuple(post.payload_json.get("photo_images", ())),
        cover_index=post.payload_json.get("photo_cover_index", 0),
        settings={**post.payload_json.get("settings", {}), "title": post.title},
    )


def video_duration(session: Session, post: Post) -> float | None:
    media = MediaFiles(session).get(post.media_id)
    milliseconds = (media.probe or {}).get("duration_ms") if media else None
    return None if milliseconds is None else milliseconds / 1000


def execute(job: PreflightJob, services: Services) -> PreflightPassed | AccessTokenRefused:
    if services.settings.publish_mode == LIVE_MODE:
        try:
            run_preflight(job, services)
        except TokenExpired:
            return AccessTokenRefused(job.access)
    return PreflightPassed()


def run_preflight(job: PreflightJob, services: Services) -> None:
    """Errors: Rejected for what would be refused; TokenExpired; what asking raises."""
    check_urls(job.order, services)
    check_creator(job.access, job.provider, job.order, services, video_seconds=job.video_seconds)


def record(
    changes: ChangeSet, post: Post, outcome: PreflightPassed | AccessTokenRefused
) -> Reschedule:
    """To be started at once, by whoever claims it next; that it was asked after costs no try."""
    if isinstance(outcome, AccessTokenRefused):
        report_refused_token(changes.session, outcome.access)
    post.memo = {**without_key(post.memo, INLINE), PREFLIGHT_AT: changes.at.isoformat()}
    post.attempts -= 1
    return Reschedule(IMMEDIATELY, made_progress=False)


def consume_preflight(session: Session, post: Post) -> None:
    """An agreement serves one start. Errors: Later if it is too old, so that it is sought anew."""
    passed_at = datetime.fromisoformat(post.memo[PREFLIGHT_AT])
    post.memo = without_key(post.memo, PREFLIGHT_AT)
    if database_now(session) - passed_at > PREFLIGHT_LIFETIME:
        raise Snooze(IMMEDIATELY, "its agreement is too old")
