"""Maps TikTok's error codes to our errors, in one table for data calls and one for OAuth.

Source: TikTok, tiktok-api-v2-error-handling, oauth-error-handling and the error lists of the
Content Posting API, read 2026-11-22.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from platforms.errors import (
    NO_WAIT,
    AppRefused,
    PlatformError,
    RateLimited,
    Rejected,
    Revoked,
    TokenExpired,
    Unavailable,
)
from platforms.http import HttpResponse
from platforms.json_body import MAX_NAME_LENGTH, shorten_or_hash

log = structlog.get_logger(__name__)

MAX_MESSAGE_LENGTH = 300  # characters of TikTok's message that are kept
UNAUTHORIZED = 401
RATE_LIMIT_WAIT = timedelta(minutes=1)  # the window of TikTok's limits; it sends no Retry-After
QUOTA_WAIT = timedelta(hours=1)  # daily caps slide: a slot may become free within the day


@dataclass(frozen=True)
class ErrorMapping:
    """The error that stands for one of TikTok's codes."""

    error_type: type[PlatformError]
    code: str = ""  # our code, where it differs from TikTok's
    retry_after: timedelta = NO_WAIT


ErrorMap = Mapping[str, ErrorMapping]

DATA_ERRORS: ErrorMap = {
    "access_token_invalid": ErrorMapping(TokenExpired),
    "scope_not_authorized": ErrorMapping(Rejected),
    "scope_permission_missed": ErrorMapping(Rejected),
    "rate_limit_exceeded": ErrorMapping(RateLimited, retry_after=RATE_LIMIT_WAIT),
    # not documented: whether the call has taken effect
    "internal_error": ErrorMapping(Unavailable, "server_error"),
    "invalid_param": ErrorMapping(Rejected),
    "invalid_params": ErrorMapping(Rejected, "invalid_param"),
    "invalid_file_upload": ErrorMapping(Rejected),
    "app_version_check_failed": ErrorMapping(Rejected),
    "invalid_publish_id": ErrorMapping(Rejected),
    "token_not_authorized_for_specified_publish_id": ErrorMapping(Rejected),
    "publish_not_cancellable": ErrorMapping(Rejected),
    "url_ownership_unverified": ErrorMapping(Rejected),
    "privacy_level_option_mismatch": ErrorMapping(Rejected),
    "unaudited_client_can_only_post_to_private_accounts": ErrorMapping(Rejected),
    "spam_risk_user_banned_from_posting": ErrorMapping(Rejected),
    "spam_risk_too_many_pending_share": ErrorMapping(RateLimited, retry_after=QUOTA_WAIT),
    "spam_risk_too_many_posts": ErrorMapping(RateLimited, retry_after=QUOTA_WAIT),
    # a cap of the app, not of the account
    "reached_active_user_cap": ErrorMapping(RateLimited, retry_after=QUOTA_WAIT),
}
OAUTH_ERRORS: ErrorMap = {
    "access_denied": ErrorMapping(Rejected),
    "invalid_client": ErrorMapping(AppRefused, "invalid_credentials"),
    "invalid_grant": ErrorMapping(Revoked),
    "invalid_request": ErrorMapping(Rejected),
    "invalid_scope": ErrorMapping(Rejected),
    "invalid_token": ErrorMapping(Revoked, "invalid_grant"),
    "server_error": ErrorMapping(Unavailable),
    "temporarily_unavailable": ErrorMapping(Unavailable),
    "unauthorized_client": ErrorMapping(AppRefused, "invalid_credentials"),
    "unsupported_grant_type": ErrorMapping(Rejected),
    "unsupported_response_type": ErrorMapping(Rejected),
}
CODES_IN_MESSAGE = ("invalid_publish_id",)  # also observed as the message of `invalid_params`


@dataclass(frozen=True)
class Refusal:
    """An error response of TikTok, in the envelope or in the flat form."""

    code: str
    message: str
    log_id: str | None


def map_error(
    refusal: Refusal, response: HttpResponse, error_map: ErrorMap, *, endpoint: str
) -> PlatformError:
    """Log a refusal and return the error for it; the status decides for an unknown code."""
    log.warning(
        "tiktok.refused",
        endpoint=endpoint,
        status=response.status,
        code=shorten_or_hash(refusal.code, MAX_NAME_LENGTH),
        log_id=refusal.log_id,
    )
    code = next((code for code in CODES_IN_MESSAGE if code in refusal.message), refusal.code)
    mapping = error_map.get(code) or ErrorMapping(error_type_for_status(response))
    error = mapping.error_type(
        refusal.message[:MAX_MESSAGE_LENGTH],
        code=mapping.code or shorten_or_hash(code, MAX_NAME_LENGTH),
        retry_after=max(mapping.retry_after, response.retry_after),
        log_id=refusal.log_id,
    )
    error.after_server_error = response.after_server_error
    return error


def error_type_for_status(response: HttpResponse) -> type[PlatformError]:
    error = response.status_error()
    if error is not None:
        return type(error)
    return TokenExpired if response.status == UNAUTHORIZED else Rejected
