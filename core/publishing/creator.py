"""What a creator allows right now, for the publishing form."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.accounts.tokens import AccessToken, get_or_refresh_token
from core.bootstrap import Services
from core.errors import RateLimitExceeded
from core.outcomes import LocalRateLimit
from db.accounts.accounts import Account
from db.session import Database
from platforms.errors import RateLimited, TokenExpired, UnreadableResponse

CREATOR_CALLS = "creator"  # the class of calls that the platform limits together
PRIVATE_LEVEL = "SELF_ONLY"


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


def allowed_privacy_levels(settings: Any, levels: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the creator's privacy levels that this application may use."""
    if settings.app_audited:
        return levels
    return tuple(level for level in levels if level == PRIVATE_LEVEL)


def fetch_creator(access_token: AccessToken, provider: str, services: Services) -> CreatorInfo:
    """Errors: LocalRateLimit if the platform's limit for this call is reached; PlatformError."""
    wait = services.rate_limits.acquire(access_token.account_id, CREATOR_CALLS)
    if wait:
        raise LocalRateLimit(wait, "rate limit of creator info calls")
    try:
        publisher = services.get_adapter(provider).publisher
        return CreatorInfo.from_response(
            publisher.fetch_posting_options(access_token.decrypt(services))
        )
    except RateLimited as error:
        services.rate_limits.block(access_token.account_id, CREATOR_CALLS, error.retry_after)
        raise


def load_creator(database: Database, services: Services, account: Account) -> CreatorInfo:
    """Fetch what the creator allows, for the upload form; a refused token is refreshed once.

    Errors: NeedsReconnect, NotConnected, ServiceUnavailable; RateLimitExceeded; PlatformError, also
    if the answer does not say who may see the posts, which the form has to ask.
    """
    provider = account.provider
    access_token = get_or_refresh_token(database, services, account.id)
    try:
        return restrict_audiences(
            fetch_creator(access_token, provider, services), provider, services
        )
    except TokenExpired:
        renewed_token = get_or_refresh_token(
            database, services, account.id, refused_token=access_token
        )
        return restrict_audiences(
            fetch_creator(renewed_token, provider, services), provider, services
        )
    except LocalRateLimit as limit:
        raise RateLimitExceeded(str(limit), retry_after=limit.delay) from None


def restrict_audiences(creator: CreatorInfo, provider: str, services: Services) -> CreatorInfo:
    """Keep only the privacy levels that this application may use.

    Errors: UnreadableResponse if the answer named none.
    """
    if not creator.privacy_levels:
        raise UnreadableResponse("the answer has no `privacy_level_options`")
    settings = services.settings.of_platform(provider)
    levels = allowed_privacy_levels(settings, creator.privacy_levels)
    return replace(creator, privacy_levels=levels, is_app_audited=settings.app_audited)
